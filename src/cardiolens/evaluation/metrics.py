"""From Predictions to numbers with intervals: AUROC, AUPRC and prevalence; r, R2 and absolute error; means over groups.

Only entries with a known target count. Every row carries how many these are and, for a disease, how many are cases.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.stats import norm

from cardiolens.evaluation.delong import Interval, auroc, interval_on_logits, too_few
from cardiolens.evaluation.predictions import check_predictions
from cardiolens.evaluation.regression import mean_absolute_error, mean_over_columns, pearson_r, r_squared
from cardiolens.imaging.phenotype_table import PHENOTYPE_GROUPS, PHENOTYPES
from cardiolens.tasks import TASKS, TaskKind

METRIC_COLUMNS = ("method", "seed", "task", "split", "column", "metric", "value", "low", "high", "n", "events")
ALL_PHENOTYPES = "phenotypes"
"""The column name of means over all 61 phenotypes; means over a group stand under LV, RV, WT, Ecc or Err."""

_MEMBERS: dict[str, frozenset[str]] = {
    **{group: frozenset(p.column for p in PHENOTYPES if p.group == group) for group in PHENOTYPE_GROUPS},
    ALL_PHENOTYPES: frozenset(p.column for p in PHENOTYPES),
}


def evaluate(predictions: pd.DataFrame, *, split: str | None = None) -> pd.DataFrame:
    """Every metric of every method, seed, task, split and column, one per row, with its 95 % interval; of one `split` or all.

    Metrics: `auroc`, `auprc`, `prevalence` of a column of classes; `r`, `r2`, `mae` (in the column's unit) of a column of
    values; `mean_r`, `mean_r2` of a group of phenotypes that a task predicts in full. `n` counts subjects with a known
    target (for a group: in any of its columns), `events` the cases, <NA> for values.

    Raises:
        BadRun: the table does not hold predictions.
    """
    checked = check_predictions(predictions)
    classes = class_columns(checked)
    rows: list[dict[str, object]] = []
    here = np.ones(len(checked), bool) if split is None else (checked["split"] == split).to_numpy()
    # Method by method: grouping copies what it groups, and a study's table fills a gigabyte.
    for method in checked["method"].unique():
        of_method = checked[here & (checked["method"] == method).to_numpy()]
        for key, table in of_method.groupby(["method", "seed", "task", "split"], observed=True, sort=False):
            names = dict(zip(("method", "seed", "task", "split"), key, strict=True))
            is_class = table["column"].isin(classes)
            for column, one in table[is_class].groupby("column", observed=True, sort=False):
                found = _classification(one["score"].to_numpy(), one["target"].to_numpy())
                rows += [names | {"column": column} | row for row in found]
            if not is_class.all():
                rows += [names | row for row in _regression(table[~is_class])]
    metrics = pd.DataFrame(rows, columns=list(METRIC_COLUMNS))
    return metrics.astype({"n": "int64", "events": "Int64"})


def class_columns(checked: pd.DataFrame) -> frozenset[str]:
    """The columns whose score is a class's: those of a classification task; outside the shelf, those with targets 0 and 1."""
    declared = {column: task.kind for task in TASKS.values() for column in task.columns}
    categories = checked["column"].cat.categories
    other_value = ~(checked["target"].isna() | checked["target"].isin((0.0, 1.0)))
    num_other = np.bincount(checked["column"].cat.codes[other_value], minlength=len(categories))
    found = {
        column: TaskKind.REGRESSION if count else TaskKind.CLASSIFICATION
        for column, count in zip(categories, num_other, strict=True)
    }
    return frozenset(column for column, kind in (found | declared).items() if kind is TaskKind.CLASSIFICATION)


def auprc(
    score: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"], *, confidence: float = 0.95
) -> Interval:
    """Average precision of the positive class; chance is the prevalence. Tied scores count as one threshold.

    The variance is that of the mean influence of the subjects, cases and healthy ones, and the interval is built on the logit
    scale with Student's t of one degree of freedom less than there are cases. A binomial variance (Boyd, Eng & Page 2013) is
    far too large where the area is small: of 1,000 simulated intervals with 2,000 subjects, 100 cases and an area of 0.09,
    99.1 % cover, and of these 95.2 %. NaN for fewer than `FEWEST_FOR_INTERVAL` subjects in a class and at 0 or 1.
    """
    num_cases, n = int(positive.sum()), len(positive)
    if num_cases == 0:
        return Interval(np.nan, np.nan, np.nan)
    order = np.argsort(-score, kind="stable")
    is_case = positive[order].astype(np.float64)
    last_of_ties = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    threshold = np.searchsorted(last_of_ties, np.arange(n))
    above, cases = last_of_ties + 1, np.bincount(threshold, weights=is_case)
    precision = np.cumsum(cases) / above
    value = float((precision * cases).sum() / num_cases)
    if not 0 < value < 1 or too_few(positive):
        return Interval(value, np.nan, np.nan)
    # Whoever is added changes the precision at every threshold that is no higher than his score.
    if_case, anyhow = (np.cumsum((term / above)[::-1])[::-1][threshold] for term in (cases, cases * precision))
    influence = (is_case * (precision[threshold] - value + if_case) - anyhow) / num_cases
    return interval_on_logits(value, float((influence**2).sum()), float(num_cases - 1), confidence)


def proportion(events: int | float, n: int | float, *, confidence: float = 0.95) -> Interval:
    """Events out of n (0..1) with Wilson's interval; NaN for n 0. Counts may be means over seeds."""
    if n == 0:
        return Interval(np.nan, np.nan, np.nan)
    z = norm.ppf(0.5 + confidence / 2)
    value = events / n
    centre = (value + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(value * (1 - value) / n + z**2 / (4 * n**2))
    return Interval(value, float(max(0.0, centre - reach)), float(min(1.0, centre + reach)))


def _classification(score: Float[np.ndarray, " subject"], target: Float[np.ndarray, " subject"]) -> list[dict[str, object]]:
    known = ~np.isnan(target)
    score, positive = score[known], target[known] == 1
    n, events = len(positive), int(positive.sum())
    found = {"auroc": auroc(score, positive), "auprc": auprc(score, positive), "prevalence": proportion(events, n)}
    return [_row(metric, interval, n, events) for metric, interval in found.items()]


def _regression(table: pd.DataFrame) -> list[dict[str, object]]:
    columns, score, target = _matrices(table)
    found = {"r": pearson_r(score, target), "r2": r_squared(score, target), "mae": mean_absolute_error(score, target)}
    rows = []
    for k, column in enumerate(columns):
        for metric, scores in found.items():
            interval = Interval(float(scores.value[k]), float(scores.low[k]), float(scores.high[k]))
            rows.append({"column": column} | _row(metric, interval, int(scores.num_known[k]), pd.NA))
    for group, members in _MEMBERS.items():
        if members <= set(columns):
            inside = np.array([column in members for column in columns])
            n = int((~np.isnan(target[:, inside])).any(axis=1).sum())
            for metric, on_fisher_scale in (("r", True), ("r2", False)):
                mean = mean_over_columns(found[metric], inside, on_fisher_scale=on_fisher_scale)
                rows.append({"column": group} | _row(f"mean_{metric}", mean, n, pd.NA))
    return rows


def _matrices(
    table: pd.DataFrame,
) -> tuple[list[str], Float[np.ndarray, "subject column"], Float[np.ndarray, "subject column"]]:
    subject, subjects = pd.factorize(table["subject"])
    column, columns = pd.factorize(table["column"])
    target = np.full((len(subjects), len(columns)), np.nan)
    # Where a subject has no row for a column its target stays unknown, and the score below it is never looked at.
    score = np.zeros_like(target)
    target[subject, column] = table["target"].to_numpy()
    score[subject, column] = table["score"].to_numpy()
    return list(columns), score, target


def _row(metric: str, interval: Interval, n: int, events: object) -> dict[str, object]:
    return {"metric": metric, "value": interval.value, "low": interval.low, "high": interval.high, "n": n, "events": events}
