"""A task made from a disease of hospital records: one column of 0 and 1, and the ICD-10 codes that make a case.

A new disease is one file beside this one, and then a label of every cohort that is made from records.
"""

from __future__ import annotations

from cardiolens.tasks.task import Task, TaskKind


def disease_task(name: str, label: str, words: str, icd10: tuple[str, ...]) -> Task:
    """The task of telling who has a disease, from the column `name`.

    `label` stands in the paper's tables, `words` in answers. `icd10` is how the codes of a case begin, without dot: I48
    stands for I48 itself and all below it.
    """
    return Task(name, TaskKind.CLASSIFICATION, (name,), (words,), ("",), label, icd10)
