"""Metrics of several seeds as one row per method: the mean, its standard deviation, and what the test subjects leave open."""

from __future__ import annotations

import pandas as pd

from cardiolens.errors import BadRun

SUMMARY_COLUMNS = ("method", "task", "column", "metric", "mean", "sd", "low", "high", "seeds", "n", "events")


def over_seeds(metrics: pd.DataFrame, *, split: str) -> pd.DataFrame:
    """One row per method, column and metric of one split, in the order in which they first appear.

    `sd` is that of the seeds (ddof 1; NaN for one seed). `low` and `high` are the means of the seeds' limits: the error of
    a mean is at most the mean of the errors, so for several seeds that share their subjects they are a little wide.

    Raises:
        BadRun: the split holds no metrics, or two tasks of one method and seed give the same metric of the same column.
    """
    chosen = metrics[metrics["split"] == split]
    if chosen.empty:
        raise BadRun(
            "predictions",
            found=f"the splits {', '.join(sorted(metrics['split'].unique())) or 'none'}",
            expected=f"predictions on the split '{split}'",
            remedy="predict that split first",
        )
    twice = chosen[chosen.duplicated(["method", "seed", "column", "metric"])]
    if not twice.empty:
        raise BadRun(
            "predictions",
            found=f"two tasks of '{twice['method'].iloc[0]}' that predict '{twice['column'].iloc[0]}'",
            expected="one",
            remedy="give them different method names",
        )
    grouped = chosen.groupby(["method", "task", "column", "metric"], observed=True, sort=False)
    summary = grouped.agg(
        mean=("value", _mean),
        sd=("value", "std"),
        low=("low", _mean),
        high=("high", _mean),
        seeds=("seed", "nunique"),
        n=("n", "min"),
        events=("events", "min"),
    )
    return summary.reset_index()[list(SUMMARY_COLUMNS)]


def _mean(values: pd.Series) -> float:
    # A seed without a value must show: pandas' own mean would pass over it.
    return float(values.mean(skipna=False))
