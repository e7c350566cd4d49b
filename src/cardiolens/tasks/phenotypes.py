"""All 61 short-axis phenotypes at once, and the tasks of their groups (the rows of the paper's Table IV)."""

from cardiolens.imaging.phenotype_table import PHENOTYPES, Phenotype
from cardiolens.tasks.task import Task, TaskKind


def phenotype_task(name: str, label: str, phenotypes: tuple[Phenotype, ...]) -> Task:
    """The task of predicting some phenotypes together, each in its unit."""
    return Task(
        name=name,
        kind=TaskKind.REGRESSION,
        columns=tuple(p.column for p in phenotypes),
        names=tuple(p.name for p in phenotypes),
        units=tuple(p.unit for p in phenotypes),
        label=label,
    )


def group_task(name: str, group: str) -> Task:
    """The task of one group of phenotypes: LV, RV, WT, Ecc or Err."""
    return phenotype_task(name, group, tuple(p for p in PHENOTYPES if p.group == group))


TASK = phenotype_task("phenotypes", "61 phenotypes", PHENOTYPES)
