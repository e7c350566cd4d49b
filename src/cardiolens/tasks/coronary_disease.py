"""Coronary artery disease: ICD-10 I20 to I25, past and future diagnoses as in the paper."""

from cardiolens.tasks.disease import disease_task

TASK = disease_task("cad", "CAD", "Coronary artery disease", icd10=("I20", "I21", "I22", "I23", "I24", "I25"))
