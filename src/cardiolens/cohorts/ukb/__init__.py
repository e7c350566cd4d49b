"""UK Biobank's bulk files and main table, on their way into a cohort."""
