"""Diabetes mellitus: ICD-10 E10 to E14, past and future diagnoses as in the paper. Diabetes of pregnancy (O24) is none."""

from cardiolens.tasks.disease import disease_task

TASK = disease_task("dm", "DM", "Diabetes mellitus", icd10=("E10", "E11", "E12", "E13", "E14"))
