"""What the ECG adds to age, sex, weight and height, and to a clinical score: one question per disease, on the test subjects.

Log odds are combined by a logistic regression that is fitted on validation and asked on test. Two numbers answer. The paired
difference of the areas under the ROC curve (DeLong) says how much better subjects are ranked. The likelihood-ratio test of
nested models of the test subjects says whether the ECG adds anything at all, and is the test to go by: a comparison of areas
is weak where one model holds the other (Demler, Pencina & D'Agostino 2012, Stat Med 31:2577; Pepe, Kerr, Longton & Wang 2013,
Stat Med 32:1467). Of 1,000 simulated studies with 800 test subjects, a fifth of them ill, and an ECG that adds 0.25 to the log
odds per standard deviation, the likelihood ratio finds 65 % and the areas 18 %, at 4.7 % and 6.4 % of false ones.

Net reclassification is left out on purpose. It overstates what a marker adds and can be positive for one that says nothing,
on independent subjects too, where a model is miscalibrated; tests of a regression's coefficients are better (Kerr et al.
2014, Epidemiology 25:114; Pepe et al. 2015, Stat Biosci 7:282).

The split that fits the combination has also chosen the epoch of the ECG's model, whose log odds therefore look a little better
there than they are. They may get a little too much weight, at the cost of the combination on test.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from cardiolens.errors import BadRun
from cardiolens.evaluation import charge_af, tabular
from cardiolens.evaluation.calibration import FEWEST_EVENTS
from cardiolens.evaluation.delong import Interval, auroc, auroc_difference
from cardiolens.evaluation.differences import holm
from cardiolens.evaluation.logistic import fit_logistic, likelihood_ratio
from cardiolens.evaluation.metrics import class_columns
from cardiolens.evaluation.predictions import check_predictions

LOG_ODDS_COLUMNS = ("method", "column", "split", "subject", "target", "score")
ADDED_VALUE_COLUMNS = (
    *("column", "model", "reference", "measure", "value", "low", "high", "p", "p_holm"),
    *("n", "events", "fitted_n", "fitted_events"),
)
AUROC, DIFFERENCE, LIKELIHOOD_RATIO = "auroc", "auroc_difference", "likelihood_ratio"
JOINED = " + "
"""Between the methods of a combination."""


def mean_log_odds(predictions: pd.DataFrame, *, splits: Collection[str] = ("select", "test")) -> pd.DataFrame:
    """`LOG_ODDS_COLUMNS`: the mean over a method's seeds of its log odds of each class and subject, from Predictions.

    Raises:
        BadRun: the table does not hold predictions; no class is predicted on the splits; seeds of one method speak of different
            subjects or targets; scores of a method are all between 0 and 1, as probabilities are and log odds are not.
    """
    checked = check_predictions(predictions)
    chosen = checked[checked["split"].isin(list(splits)) & checked["column"].isin(class_columns(checked))]
    if chosen.empty:
        raise _bad("no classes on the splits " + ", ".join(splits), "predictions of a disease", "predict these splits first")
    keys = ["method", "column", "split", "subject"]
    mean = chosen.groupby(keys, observed=True, sort=False).agg(
        target=("target", "first"), score=("score", "mean"), rows=("score", "size"), seeds=("seed", "nunique"),
        known=("target", "count"), low=("target", "min"), high=("target", "max"),
    )  # fmt: skip
    all_seeds = chosen.groupby(keys[:3], observed=True)["seed"].nunique().loc[mean.index.droplevel("subject")].to_numpy()
    same_target = (mean["known"] == 0) | ((mean["known"] == mean["rows"]) & (mean["low"] == mean["high"]))
    whole = same_target & (mean["rows"] == mean["seeds"]) & (mean["seeds"] == all_seeds)
    if not whole.all():
        method, column, split, _ = mean.index[~whole.to_numpy()][0]
        raise _bad(
            f"seeds of '{method}' with different subjects or targets for '{column}' on '{split}'",
            "every seed once on the same subjects",
            "predict the same split of the same cohort with all of them",
        )
    table = mean.reset_index().astype(dict.fromkeys(keys, "str"))[list(LOG_ODDS_COLUMNS)]
    for method, score in table.groupby("method", sort=False)["score"]:
        if score.between(0, 1).all() and np.ptp(score) > 0:
            raise _bad(f"scores of '{method}' that are all between 0 and 1", "log odds", "write logit(p) instead of p")
    return table


def added_value(
    log_odds: pd.DataFrame,
    *,
    ecg: str,
    base: str = tabular.METHOD,
    score: str = charge_af.METHOD,
    fit_splits: Collection[str] = ("select",),
    test_split: str = "test",
) -> pd.DataFrame:
    """Long form with `ADDED_VALUE_COLUMNS`, for every disease that the methods `ecg` and `base` both answer on test.

    `log_odds` is `mean_log_odds`'s. Models are `base`, `score` where it answers about the disease, `ecg`, and combinations,
    named by their methods joined with +. Measures of a model:

    - `auroc` (0..1) with DeLong's interval of 95 %;
    - `auroc_difference`: model minus `reference`, paired; for the ECG against `base`, and for each combination with the ECG
      against the same without it;
    - `likelihood_ratio`: chi-square of one degree of freedom for the ECG's log odds beside those of the reference, in a model
      fitted to the test subjects; nothing that was fitted on validation enters.

    `p` is two-sided, and `p_holm` adjusted over the whole table. `n` and `events` are the test subjects with a known target
    whom all of a disease's methods answer about; `fitted_n` and `fitted_events` those whom a combination was fitted on, <NA>
    for a single method. With fewer than `calibration.FEWEST_EVENTS` of a class there a combination has no areas.

    Raises:
        BadRun: a column is missing; a score is not finite; a subject has two rows of a method, or two targets; `ecg` and
            `base` share no disease.
    """
    rows = [
        row
        for column, table in _checked(log_odds).groupby("column", sort=False)
        if (asked := _answers(table, (base, score, ecg), (test_split,))) is not None and {base, ecg} <= set(asked.methods)
        for row in _of_disease(str(column), asked, _answers(table, asked.methods, fit_splits), base, ecg)
    ]
    if not rows:
        raise _bad(
            f"no disease that '{base}' and '{ecg}' both answer on '{test_split}'",
            "one at least",
            "predict it with both methods",
        )
    long = pd.DataFrame(rows, columns=list(ADDED_VALUE_COLUMNS))
    numbers = dict.fromkeys(("value", "low", "high", "p"), "float64") | dict.fromkeys(("n", "events"), "int64")
    long = long.astype(numbers | dict.fromkeys(("fitted_n", "fitted_events"), "Int64"))
    return long.assign(p_holm=holm(long["p"].to_numpy()))


@dataclass(frozen=True, eq=False)
class _Answers:
    """What several methods say of the same subjects, all with a known target."""

    methods: tuple[str, ...]
    log_odds: Float[np.ndarray, "subject method"]
    positive: Bool[np.ndarray, " subject"]

    def of(self, methods: tuple[str, ...]) -> Float[np.ndarray, "subject chosen"]:
        return self.log_odds[:, [self.methods.index(method) for method in methods]]


def _answers(table: pd.DataFrame, methods: tuple[str, ...], splits: Collection[str]) -> _Answers | None:
    """Those of `methods` that answer on the splits, about the subjects whom all of these know; None where there are none."""
    here = table[table["split"].isin(list(splits)) & table["method"].isin(methods)]
    known = here.dropna(subset="target")
    present = tuple(method for method in methods if (known["method"] == method).any())
    if not present:
        return None
    subject, subjects = pd.factorize(known["subject"])
    log_odds, target = np.full((len(subjects), len(present)), np.nan), np.full(len(subjects), np.nan)
    log_odds[subject, known["method"].map(present.index).to_numpy()] = known["score"]
    target[subject] = known["target"]
    if not np.array_equal(target[subject], known["target"]):
        raise _bad("methods with different targets for one subject", "one", "predict the same cohort with all of them")
    answered = ~np.isnan(log_odds).any(axis=1)
    return _Answers(present, log_odds[answered], target[answered] == 1)


def _of_disease(column: str, asked: _Answers, fitted: _Answers | None, base: str, ecg: str) -> Iterator[dict[str, object]]:
    test = {"column": column, "n": len(asked.positive), "events": int(asked.positive.sum())}
    alone = tuple((method,) for method in asked.methods)
    without = tuple(dict.fromkeys([(base,), tuple(method for method in asked.methods if method != ecg)]))
    combined = tuple(dict.fromkeys(model for known in without for model in (known, (*known, ecg)) if len(model) > 1))
    scores = {model: _scores(model, asked, fitted) for model in (*alone, *combined)}
    fit = {"fitted_n": pd.NA, "fitted_events": pd.NA}
    if fitted is not None:
        fit = {"fitted_n": len(fitted.positive), "fitted_events": int(fitted.positive.sum())}
    for model, log_odds in scores.items():
        area = Interval(np.nan, np.nan, np.nan) if log_odds is None else auroc(log_odds, asked.positive)
        names = test | {"model": JOINED.join(model), "reference": ""} | (fit if len(model) > 1 else {})
        yield names | {"measure": AUROC} | vars(area)
    for model, reference in (((ecg,), (base,)), *(((*known, ecg), known) for known in without)):
        names = test | {"model": JOINED.join(model), "reference": JOINED.join(reference)} | (fit if len(model) > 1 else {})
        first, second = scores[model], scores[reference]
        if first is not None and second is not None:
            found = auroc_difference(first[None], second[None], asked.positive)
            yield names | {"measure": DIFFERENCE, "p": found.p_value} | vars(found.difference)
        if len(model) > 1:
            ratio = likelihood_ratio(asked.of(reference), asked.of((ecg,)), asked.positive)
            yield names | {"measure": LIKELIHOOD_RATIO, "value": ratio.chi_square, "p": ratio.p_value}


def _scores(model: tuple[str, ...], asked: _Answers, fitted: _Answers | None) -> Float[np.ndarray, " subject"] | None:
    """Log odds of the test subjects; None where a combination has nobody, or too few, to be fitted on."""
    if len(model) == 1:
        return asked.of(model)[:, 0]
    if fitted is None or not set(model) <= set(fitted.methods):
        return None
    events = int(fitted.positive.sum())
    if min(events, len(fitted.positive) - events) < FEWEST_EVENTS:
        return None
    return fit_logistic(fitted.of(model), fitted.positive).log_odds(asked.of(model))


def _checked(log_odds: pd.DataFrame) -> pd.DataFrame:
    if missing := [name for name in LOG_ODDS_COLUMNS if name not in log_odds]:
        raise _bad(f"no column {missing[0]}", ", ".join(LOG_ODDS_COLUMNS), "make the table with mean_log_odds")
    if not np.isfinite(log_odds["score"].to_numpy(np.float64)).all():
        raise _bad("scores that are not finite", "finite log odds", "leave out whom a method does not know")
    if log_odds.duplicated(["method", "column", "split", "subject"]).any():
        raise _bad("two rows of one method, column, split and subject", "one", "average over seeds with mean_log_odds")
    return log_odds


def _bad(found: str, expected: str, remedy: str) -> BadRun:
    return BadRun("log odds", found=found, expected=expected, remedy=remedy)
