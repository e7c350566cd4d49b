"""Log odds of several methods combined: fitted on validation, asked about test.

A combination is a logistic regression on the methods' log odds, two or three numbers a subject, so that it also takes up
whatever scale and level the methods have, as after training on balanced sets.

The split that fits it has usually chosen the epoch of the ECG's model too, whose log odds therefore look a little better there
than they are. They may get a little too much weight, at the cost of the combination on test.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from cardiolens.errors import BadRun
from cardiolens.evaluation import charge_af, tabular
from cardiolens.evaluation.calibration import FEWEST_EVENTS
from cardiolens.evaluation.logistic import fit_logistic
from cardiolens.evaluation.metrics import class_columns
from cardiolens.evaluation.predictions import check_predictions

LOG_ODDS_COLUMNS = ("method", "column", "split", "subject", "target", "score")


@dataclass(frozen=True)
class Methods:
    """Who is combined."""

    ecg: str
    """The method whose addition is in question."""
    base: str = tabular.METHOD
    """What is known without the ECG."""
    score: str = charge_af.METHOD
    """A clinical score, for the diseases that it answers about."""


Model = tuple[str, ...]
"""The methods of a model; one alone is itself."""


@dataclass(frozen=True, eq=False)
class DiseaseModels:
    """Every model of one disease on the test subjects whom all of its methods answer about."""

    column: str
    subject: tuple[str, ...]
    target: Float[np.ndarray, " subject"]
    """0 or 1, NaN where unknown: such subjects have scores, for whom time to event is all that is known."""
    log_odds: dict[Model, Float[np.ndarray, " subject"] | None]
    """None for a combination with nobody, or fewer than `calibration.FEWEST_EVENTS` of a class, to be fitted on."""
    added: tuple[tuple[Model, Model], ...]
    """Pairs of a model with the ECG and the same without it."""
    fitted_n: int
    fitted_events: int
    """Whom the combinations were fitted on, and how many of these are cases."""


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


def disease_models(
    log_odds: pd.DataFrame, methods: Methods, *, fit_splits: Collection[str] = ("select",), test_split: str = "test"
) -> list[DiseaseModels]:
    """The models of every disease that `methods.ecg` and `methods.base` both answer on test, in the order of `log_odds`.

    `log_odds` is `mean_log_odds`'s. Models are each method alone, base and ECG, and with a clinical score base and score, and
    all three.

    Raises:
        BadRun: a column is missing; a score is not finite; a subject has two rows of a method, or two targets; there is no
            such disease.
    """
    names, found = (methods.base, methods.score, methods.ecg), []
    for column, table in _checked(log_odds).groupby("column", sort=False):
        asked = _answers(table, names, (test_split,))
        if {methods.base, methods.ecg} <= set(asked.methods):
            found.append(_models(str(column), asked, _answers(table, asked.methods, fit_splits).known(), methods))
    if not found:
        raise _bad(
            f"no disease that '{methods.base}' and '{methods.ecg}' both answer on '{test_split}'",
            "one at least",
            "predict it with both methods",
        )
    return found


@dataclass(frozen=True, eq=False)
class _Answers:
    """What several methods say of the same subjects."""

    methods: tuple[str, ...]
    subject: np.ndarray
    log_odds: Float[np.ndarray, "subject method"]
    target: Float[np.ndarray, " subject"]

    def known(self) -> _Answers:
        """Those with a known target."""
        known = ~np.isnan(self.target)
        return _Answers(self.methods, self.subject[known], self.log_odds[known], self.target[known])

    def of(self, model: Model) -> Float[np.ndarray, "subject chosen"]:
        """The columns of a model's methods."""
        return self.log_odds[:, [self.methods.index(method) for method in model]]


def _answers(table: pd.DataFrame, methods: tuple[str, ...], splits: Collection[str]) -> _Answers:
    """Those of `methods` that answer on the splits, about the subjects whom all of these know."""
    here = table[table["split"].isin(list(splits)) & table["method"].isin(methods)]
    present = tuple(method for method in methods if (here["method"] == method).any())
    subject, subjects = pd.factorize(here["subject"])
    log_odds, target = np.full((len(subjects), len(present)), np.nan), np.full(len(subjects), np.nan)
    log_odds[subject, here["method"].map(present.index).to_numpy(np.int64)] = here["score"]
    target[subject] = here["target"]
    if not np.array_equal(target[subject], here["target"], equal_nan=True):
        raise _bad("methods with different targets for one subject", "one", "predict the same cohort with all of them")
    answered = ~np.isnan(log_odds).any(axis=1)
    return _Answers(present, np.asarray(subjects)[answered], log_odds[answered], target[answered])


def _models(column: str, asked: _Answers, fitted: _Answers, methods: Methods) -> DiseaseModels:
    alone = tuple((method,) for method in asked.methods)
    without = dict.fromkeys([(methods.base,), tuple(method for method in asked.methods if method != methods.ecg)])
    added = tuple(((*model, methods.ecg), model) for model in without)
    models = dict.fromkeys((*alone, *(model for pair in added for model in reversed(pair))))
    n, events = len(fitted.target), int((fitted.target == 1).sum())
    enough = min(events, n - events) >= FEWEST_EVENTS
    scores = {model: _log_odds(model, asked, fitted, enough=enough) for model in models}
    return DiseaseModels(column, tuple(map(str, asked.subject)), asked.target, scores, added, n, events)


def _log_odds(model: Model, asked: _Answers, fitted: _Answers, *, enough: bool) -> Float[np.ndarray, " subject"] | None:
    if len(model) == 1:
        return asked.of(model)[:, 0]
    if not enough or not set(model) <= set(fitted.methods):
        return None
    return fit_logistic(fitted.of(model), fitted.target == 1).log_odds(asked.of(model))


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
