"""Myocardial infarction: ICD-10 I21 to I24 and I25.2, past and future diagnoses.

The second system's published code takes all of I25, which is chronic ischaemic disease and mostly no infarction.
"""

from cardiolens.tasks.task import Task, TaskKind

TASK = Task(
    name="mi",
    kind=TaskKind.CLASSIFICATION,
    columns=("mi",),
    names=("Myocardial infarction",),
    units=("",),
    label="MI",
)
