"""Diabetes mellitus: ICD-10 E10 to E14, past and future diagnoses as in the paper."""

from cardiolens.tasks.task import Task, TaskKind

TASK = Task(
    name="dm",
    kind=TaskKind.CLASSIFICATION,
    columns=("dm",),
    names=("Diabetes mellitus",),
    units=("",),
    label="DM",
)
