"""Heart failure: ICD-10 I50, past and future diagnoses."""

from cardiolens.tasks.task import Task, TaskKind

TASK = Task(
    name="hf",
    kind=TaskKind.CLASSIFICATION,
    columns=("hf",),
    names=("Heart failure",),
    units=("",),
    label="HF",
)
