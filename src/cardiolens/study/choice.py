"""The best of a grid by its validation numbers: Optuna's grid sampler walks over it and keeps the book.

Nothing is pruned: every combination is trained, since a slow start says little about an end. The test split has no part in it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from cardiolens.errors import BadOption, BadRun


def combinations(grid: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Every combination of a grid's values, the last setting varying fastest."""
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def best_of(grid: Mapping[str, tuple[Any, ...]], values: Sequence[float], *, higher_is_better: bool = True) -> dict[str, Any]:
    """The combination with the best validation number, the first of equal ones; NaN loses. One alone needs no number.

    `values` are in the order of `combinations`.

    Raises:
        BadRun: no combination has a number.
        BadOption: Optuna is not installed.
    """
    tried = combinations(grid)
    if len(tried) == 1:
        return tried[0]
    try:
        import optuna
    except ImportError as error:
        raise BadOption("sweep", found="no Optuna", expected="optuna", remedy="pip install 'cardiolens[sweep]'") from error
    number_of = {tuple(chosen.values()): value for chosen, value in zip(tried, values, strict=True)}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        direction="maximize" if higher_is_better else "minimize", sampler=optuna.samplers.GridSampler(dict(grid), seed=0)
    )
    # A number that is NaN makes a trial that failed.
    study.optimize(lambda trial: number_of[tuple(trial.suggest_categorical(name, grid[name]) for name in grid)])
    if all(math.isnan(value) for value in values):
        raise BadRun(
            "sweep", found="no run with a validation number", expected="at least one", remedy="lower the learning rates"
        )
    # The sampler walks in an order of its own; ties go by the grid's.
    return tried[next(k for k, value in enumerate(values) if value == study.best_value)]
