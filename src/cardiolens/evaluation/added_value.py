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
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pandas as pd

from cardiolens.evaluation.combination import DiseaseModels, Methods, Model, disease_models
from cardiolens.evaluation.delong import Interval, auroc, auroc_difference, too_few
from cardiolens.evaluation.differences import holm
from cardiolens.evaluation.logistic import likelihood_ratio

ADDED_VALUE_COLUMNS = (
    *("column", "model", "reference", "measure", "value", "low", "high", "p", "p_holm"),
    *("n", "events", "fitted_n", "fitted_events"),
)
AUROC, DIFFERENCE, LIKELIHOOD_RATIO = "auroc", "auroc_difference", "likelihood_ratio"
_UNKNOWN = Interval(np.nan, np.nan, np.nan)


def added_value(
    log_odds: pd.DataFrame, methods: Methods, *, fit_splits: Collection[str] = ("select",), test_split: str = "test"
) -> pd.DataFrame:
    """Long form with `ADDED_VALUE_COLUMNS`, for every disease that `methods.ecg` and `methods.base` both answer on test.

    `log_odds` is `combination.mean_log_odds`'s. Models are those of `combination.disease_models`, named by their methods joined
    with +. Measures of a model:

    - `auroc` (0..1) with DeLong's interval of 95 %;
    - `auroc_difference`: model minus `reference`, paired; for the ECG against the base, and for each combination with the ECG
      against the same without it;
    - `likelihood_ratio`: chi-square of one degree of freedom for the ECG's log odds beside those of the reference, in a model
      fitted to the test subjects; nothing that was fitted on validation enters.

    `p` is two-sided, and `p_holm` adjusted over the whole table. `n` and `events` are the test subjects with a known target
    whom all of a disease's methods answer about; `fitted_n` and `fitted_events` those whom a combination was fitted on, <NA>
    for a single method. With fewer than `calibration.FEWEST_EVENTS` of a class there a combination has no areas; with fewer
    than `delong.FEWEST_FOR_INTERVAL` of a class on test there are no intervals and no tests.

    Raises:
        BadRun: as `combination.disease_models`.
    """
    diseases = disease_models(log_odds, methods, fit_splits=fit_splits, test_split=test_split)
    rows = [row for models in diseases for row in _of_disease(models, methods)]
    long = pd.DataFrame(rows, columns=list(ADDED_VALUE_COLUMNS))
    numbers = dict.fromkeys(("value", "low", "high", "p"), "float64") | dict.fromkeys(("n", "events"), "int64")
    long = long.astype(numbers | dict.fromkeys(("fitted_n", "fitted_events"), "Int64"))
    return long.assign(p_holm=holm(long["p"].to_numpy()))


def model_name(model: Model) -> str:
    """As tables show it."""
    return " + ".join(model)


def _of_disease(models: DiseaseModels, methods: Methods) -> Iterator[dict[str, object]]:
    known = ~np.isnan(models.target)
    positive = models.target[known] == 1
    scores = {model: None if score is None else score[known] for model, score in models.log_odds.items()}

    def row(model: Model, reference: Model, measure: str, found: Interval, p: float = np.nan) -> dict[str, object]:
        fitted = {"fitted_n": models.fitted_n, "fitted_events": models.fitted_events} if len(model) > 1 else {}
        names = {"column": models.column, "model": model_name(model), "reference": model_name(reference), "measure": measure}
        return names | vars(found) | {"p": p, "n": len(positive), "events": int(positive.sum())} | fitted

    for model, score in scores.items():
        yield row(model, (), AUROC, _UNKNOWN if score is None else auroc(score, positive))
    ecg, base = (methods.ecg,), (methods.base,)
    for model, reference in ((ecg, base), *models.added):
        first, second = scores[model], scores[reference]
        if first is not None and second is not None:
            found = auroc_difference(first[None], second[None], positive)
            yield row(model, reference, DIFFERENCE, found.difference, found.p_value)
    # With a handful of cases the chi-square has no known distribution either.
    for model, reference in models.added if not too_few(positive) else ():
        beside = np.stack([scores[(method,)] for method in reference], axis=1)
        ratio = likelihood_ratio(beside, scores[ecg][:, None], positive)
        yield row(model, reference, LIKELIHOOD_RATIO, Interval(ratio.chi_square, np.nan, np.nan), ratio.p_value)
