"""Cardiomyopathy: ICD-10 I42 and I43, past and future diagnoses."""

from cardiolens.tasks.task import Task, TaskKind

TASK = Task(
    name="cardiomyopathy",
    kind=TaskKind.CLASSIFICATION,
    columns=("cardiomyopathy",),
    names=("Cardiomyopathy",),
    units=("",),
    label="CMP",
)
