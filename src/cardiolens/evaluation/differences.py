"""Differences between methods on the test subjects that they share, over several seeds: paired intervals and p-values.

Each method stands for the mean of its seeds. Areas under the ROC curve are compared by DeLong's covariance
(`delong.auroc_difference`), r and R2 by a bootstrap of subjects that resamples all methods and seeds alike. Both speak of
other subjects from the same population; what another pre-training would give is no part of them.

Sources: DeLong, DeLong & Clarke-Pearson 1988; Efron & Tibshirani 1993; Holm 1979.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, UInt16
from scipy.stats import norm

from cardiolens.errors import BadRun
from cardiolens.evaluation.bootstrap import RESAMPLES, resampled_counts, resampled_sums
from cardiolens.evaluation.delong import FEWEST_FOR_INTERVAL, Difference, Interval, auroc_difference
from cardiolens.evaluation.dense import Answers, dense_answers, unequal
from cardiolens.evaluation.metrics import class_columns
from cardiolens.evaluation.predictions import check_predictions
from cardiolens.evaluation.regression import pearson_r, r_squared
from cardiolens.imaging.phenotype_table import PHENOTYPE_GROUPS, PHENOTYPES

DIFFERENCE_COLUMNS = (
    "method", "reference", "column", "metric", "difference", "low", "high", "p", "p_holm", "seeds", "n",
    "events",
)  # fmt: skip
_MEMBERS = {group: {p.column for p in PHENOTYPES if p.group == group} for group in PHENOTYPE_GROUPS}


def differences(
    predictions: pd.DataFrame,
    *,
    reference: str,
    rng: np.random.Generator,
    split: str = "test",
    metrics: Collection[str] = ("auroc", "mean_r", "r"),
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Every other method minus `reference`, one row per column and metric that both answer, with `DIFFERENCE_COLUMNS`.

    Of `metrics` there are `auroc` of classes, `mean_r` and `mean_r2` of phenotype groups that both predict in full, `r` and
    `r2` of values in no such group. `low` and `high` are limits of 95 %. `p` is two-sided; `p_holm` is adjusted over the
    rows of this table. All are NaN where nothing varies, and where fewer than `FEWEST_FOR_INTERVAL` of a class or known values
    are compared. `seeds` are those of the method with fewer, `n` the subjects with a known target, `events` the cases among
    them, <NA> for values. Methods need not have the same seeds, nor a method as many for one column as for another.

    A bootstrap gives the standard error only, and limits and p are normal ones: shares of 10,000 samples could not tell a p
    below 0.0002, and few would outlast the adjustment.

    Raises:
        BadRun: no predictions of the split or of `reference`; two methods, or two seeds of one, speak of different
            subjects or give them different targets; two tasks of one method predict the same column.
    """
    checked = check_predictions(predictions)
    is_class = checked["column"].isin(class_columns(checked))
    here = checked["split"] == split
    if reference not in set(checked.loc[here, "method"].unique()):
        raise BadRun(
            "predictions",
            found=f"the methods {', '.join(checked.loc[here, 'method'].unique()) or 'none'} on the split '{split}'",
            expected=f"'{reference}', to compare with",
            remedy="run it too, or name another",
        )
    of_class = is_class.to_numpy()
    areas = _of_classes(dense_answers(checked, split=split, chosen=of_class), reference)
    values = _of_values(dense_answers(checked, split=split, chosen=~of_class), reference, resamples, rng)
    rows = [row for row in (*areas, *values) if row["metric"] in metrics]
    table = pd.DataFrame(rows, columns=list(DIFFERENCE_COLUMNS)).astype(
        {"p": "float64", "seeds": "int64", "n": "int64", "events": "Int64"}
    )
    return table.assign(p_holm=holm(table["p"].to_numpy()))


def shared_subjects(predictions: pd.DataFrame) -> pd.DataFrame:
    """Per column the rows of subjects about whom every method says something: methods that need an MRI are silent on others.

    `predictions` is checked; it comes back itself where nothing is left out.
    """
    column, subject, method = (predictions[name].cat.codes.to_numpy() for name in ("column", "subject", "method"))
    shape = [len(predictions[name].cat.categories) for name in ("method", "column", "subject")]
    says = np.zeros(shape, bool)
    says[method, column, subject] = True
    asked = says.any(axis=2).sum(axis=0)
    shared = says.sum(axis=0) == asked[:, None]
    kept = shared[column, subject]
    return predictions if kept.all() else predictions[kept]


def holm(p: Float[np.ndarray, " test"]) -> Float[np.ndarray, " test"]:
    """p-values adjusted so that one wrong rejection among all tests is as rare as each alone promised; NaN is no test."""
    adjusted = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    ascending = tested[np.argsort(p[tested], kind="stable")]
    steps = p[ascending] * np.arange(len(ascending), 0, -1)
    adjusted[ascending] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


@dataclass(frozen=True)
class _Pair:
    """A method, the reference, and the places of the columns that both answer about the same subjects."""

    method: Answers
    reference: Answers
    shared: dict[str, int]

    def row(self, column: str, metric: str, found: Difference, places: list[int]) -> dict[str, object]:
        difference = found.difference
        seeds = min(int(one.answering(k).sum()) for one in (self.method, self.reference) for k in places)
        n = int((~np.isnan(self.reference.target[:, places])).any(axis=1).sum())
        names = {"method": self.method.method, "reference": self.reference.method, "column": column, "metric": metric}
        numbers = {"difference": difference.value, "low": difference.low, "high": difference.high, "p": found.p_value}
        events = int((self.reference.target[:, places] == 1).sum()) if metric == "auroc" else pd.NA
        return names | numbers | {"seeds": seeds, "n": n, "events": events}


def _pairs(answers: dict[str, Answers], reference: str) -> Iterator[_Pair]:
    base = answers.get(reference)
    for name, other in answers.items() if base is not None else ():
        if name == reference:
            continue
        shared = {}
        for k, column in enumerate(base.columns):
            if not (base.answering(k).any() and other.answering(k).any()):
                continue
            if not np.array_equal(base.target[:, k], other.target[:, k], equal_nan=True):
                raise unequal(f"'{name}' and '{reference}' with different subjects or targets for '{column}'")
            shared[column] = k
        yield _Pair(other, base, shared)


def _of_classes(answers: dict[str, Answers], reference: str) -> Iterator[dict[str, object]]:
    for pair in _pairs(answers, reference):
        for column, k in pair.shared.items():
            target = pair.reference.target[:, k]
            known = ~np.isnan(target)
            first, second = (one.score[one.answering(k)][:, known, k] for one in (pair.method, pair.reference))
            yield pair.row(column, "auroc", auroc_difference(first, second, target[known] == 1), [k])


def _of_values(
    answers: dict[str, Answers], reference: str, resamples: int, rng: np.random.Generator
) -> Iterator[dict[str, object]]:
    if reference not in answers:
        return
    # Whom nothing is known about would only blur how many a sample holds.
    rows = ~np.isnan(answers[reference].target).all(axis=1)
    counts = resampled_counts(int(rows.sum()), resamples, rng)
    numbers = {name: _numbers(one, rows, counts) for name, one in answers.items()}
    for pair in _pairs(answers, reference):
        groups = {group: members for group, members in _MEMBERS.items() if members <= set(pair.shared)}
        alone = {column: {column} for column in pair.shared if not any(column in members for members in groups.values())}
        for name, members in (*groups.items(), *alone.items()):
            places = [pair.shared[column] for column in pair.shared if column in members]
            for measure, of_method in numbers[pair.method.method].items():
                num_known = int((~np.isnan(pair.reference.target[:, places])).sum(axis=0).min())
                found = _difference(of_method, numbers[reference][measure], places, num_known)
                yield pair.row(name, f"mean_{measure}" if name in groups else measure, found, places)


@dataclass(frozen=True)
class _Numbers:
    """One measure, mean over seeds, as it is and in every bootstrap sample."""

    value: Float[np.ndarray, " column"]
    samples: Float[np.ndarray, "sample column"]


def _numbers(
    answers: Answers, rows: Bool[np.ndarray, " subject"], counts: UInt16[np.ndarray, "sample known_subject"]
) -> dict[str, _Numbers]:
    value, samples = np.full((2, len(answers.columns)), np.nan), np.full((2, len(counts), len(answers.columns)), np.nan)
    seeds = np.array([answers.answering(k) for k in range(len(answers.columns))])
    # Columns that the same seeds answer go through at once.
    for answered in np.unique(seeds[seeds.any(axis=1)], axis=0):
        places = np.flatnonzero((seeds == answered).all(axis=1))
        score, target = answers.score[np.ix_(answered, rows, places)], answers.target[np.ix_(rows, places)]
        sums = resampled_sums(score, target, counts)
        for measure, (of_columns, of_samples) in enumerate(((pearson_r, sums.r()), (r_squared, sums.r_squared()))):
            value[measure, places] = np.mean([of_columns(one, target).value for one in score], axis=0)
            samples[measure][:, places] = of_samples
    return {"r": _Numbers(value[0], samples[0]), "r2": _Numbers(value[1], samples[1])}


def _difference(method: _Numbers, reference: _Numbers, places: list[int], num_known: int) -> Difference:
    by_column = method.value[places] - reference.value[places]
    usable = ~np.isnan(by_column)
    if not usable.any():
        return Difference(Interval(np.nan, np.nan, np.nan), np.nan)
    value = float(by_column[usable].mean())
    samples = (method.samples[:, places] - reference.samples[:, places])[:, usable].mean(axis=1)
    # A sample in which some target does not vary has no value; there is none but among a handful of subjects.
    error = float(np.nanstd(samples, ddof=1)) if np.isfinite(samples).sum() > 1 else np.nan
    if num_known < FEWEST_FOR_INTERVAL or not error > 1e-9:
        return Difference(Interval(value, np.nan, np.nan), np.nan)
    reach = norm.ppf(0.975) * error
    return Difference(Interval(value, value - reach, value + reach), float(2 * norm.sf(abs(value) / error)))
