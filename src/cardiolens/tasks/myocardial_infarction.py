"""Myocardial infarction: ICD-10 I21 to I23, I24.1 and the old infarction I25.2, past and future diagnoses.

The second system's published code takes all of I25, which is chronic ischaemic disease and mostly no infarction.
"""

from cardiolens.tasks.disease import disease_task

TASK = disease_task("mi", "MI", "Myocardial infarction", icd10=("I21", "I22", "I23", "I241", "I252"))
