"""Atrial fibrillation: ICD-10 I48, past and future diagnoses as in the paper."""

from cardiolens.tasks.task import Task, TaskKind

TASK = Task(
    name="af",
    kind=TaskKind.CLASSIFICATION,
    columns=("af",),
    names=("Atrial fibrillation",),
    units=("",),
    label="AF",
)
