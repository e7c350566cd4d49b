"""A task made from any label column of a cohort, so that a user adds one without touching the package."""

from __future__ import annotations

import numpy as np
from jaxtyping import Shaped

from cardiolens.errors import BadOption
from cardiolens.imaging.phenotype_table import PHENOTYPES
from cardiolens.tasks.task import Task, TaskKind

_UNIT_OF_SUFFIX = {
    "_l_per_min": "L/min",
    "_percent": "%",
    "_years": "years",
    "_mmhg": "mmHg",
    "_bpm": "1/min",
    "_ml": "mL",
    "_mm": "mm",
    "_cm": "cm",
    "_kg": "kg",
    "_ms": "ms",
    "_mv": "mV",
    "_g": "g",
}


def column_task(column: str, values: Shaped[np.ndarray, " subject"]) -> Task:
    """The task of predicting one column: classification where its values are 0 and 1, otherwise regression.

    `values` are the column's entries over the cohort, NaN (or None in an object array) where unknown. The unit follows
    from the column's name (`height_cm`).

    Raises:
        BadOption: the values are no numbers, hold infinities, are all alike or unknown, or are two classes under other
            numbers.
    """
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadOption(
            column,
            found=f"entries that are no numbers ({error})",
            expected="a label column of numbers",
            remedy="code classes as 0 and 1 and leave unknown entries empty",
        ) from error
    distinct = np.unique(numbers[~np.isnan(numbers)])
    if len(distinct) < 2 or np.isinf(distinct).any():
        raise BadOption(
            column,
            found=f"{len(distinct)} different known values" if len(distinct) < 2 else "infinite values",
            expected="a label column with at least two finite values",
            remedy="choose another column",
        )
    if len(distinct) == 2 and set(distinct) != {0.0, 1.0}:
        raise BadOption(
            column,
            found=f"two classes coded {distinct[0]:g} and {distinct[1]:g}",
            expected="0 and 1",
            remedy="recode the column, 1 for the class whose probability is wanted",
        )
    if len(distinct) == 2:
        return Task(column, TaskKind.CLASSIFICATION, (column,), (column,), ("",), column)
    name, unit = _name_and_unit(column)
    return Task(column, TaskKind.REGRESSION, (column,), (name,), (unit,), name)


def _name_and_unit(column: str) -> tuple[str, str]:
    for phenotype in PHENOTYPES:
        if phenotype.column == column:
            return phenotype.name, phenotype.unit
    suffix = next((suffix for suffix in _UNIT_OF_SUFFIX if column.endswith(suffix)), "")
    return column.removesuffix(suffix), _UNIT_OF_SUFFIX.get(suffix, "")
