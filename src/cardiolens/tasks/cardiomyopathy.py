"""Cardiomyopathy: ICD-10 I42 and I43, past and future diagnoses."""

from cardiolens.tasks.disease import disease_task

TASK = disease_task("cardiomyopathy", "CMP", "Cardiomyopathy", icd10=("I42", "I43"))
