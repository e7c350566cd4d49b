"""Disease labels of cohort visits from dated ICD-10 events."""
