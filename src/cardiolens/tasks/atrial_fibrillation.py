"""Atrial fibrillation and flutter: ICD-10 I48, past and future diagnoses as in the paper."""

from cardiolens.tasks.disease import disease_task

TASK = disease_task("af", "AF", "Atrial fibrillation", icd10=("I48",))
