"""Sudden cardiac death: ICD-10 I46, I47.2 or I49.0 as diagnosis or cause of death, past and future.

The second system's published code takes all of I46 and I47 and with it supraventricular tachycardia.
"""

from cardiolens.tasks.task import Task, TaskKind

TASK = Task(
    name="scd",
    kind=TaskKind.CLASSIFICATION,
    columns=("scd",),
    names=("Sudden cardiac death",),
    units=("",),
    label="SCD",
)
