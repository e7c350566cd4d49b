"""Sudden cardiac death: ICD-10 I46, I47.2, I49.0 or R96 as diagnosis or cause of death, past and future.

The second system's published code takes all of I46 and I47 and with it supraventricular tachycardia.
"""

from cardiolens.tasks.disease import disease_task

TASK = disease_task("scd", "SCD", "Sudden cardiac death", icd10=("I46", "I472", "I490", "R96"))
