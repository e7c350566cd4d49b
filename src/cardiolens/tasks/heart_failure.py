"""Heart failure: ICD-10 I50, and I11.0, I13.0 and I13.2, where hypertension led to it; past and future diagnoses."""

from cardiolens.tasks.disease import disease_task

TASK = disease_task("hf", "HF", "Heart failure", icd10=("I50", "I110", "I130", "I132"))
