"""Coronary artery disease: ICD-10 I20 to I25, past and future diagnoses as in the paper."""

from cardiolens.tasks.task import Task, TaskKind

TASK = Task(
    name="cad",
    kind=TaskKind.CLASSIFICATION,
    columns=("cad",),
    names=("Coronary artery disease",),
    units=("",),
    label="CAD",
)
