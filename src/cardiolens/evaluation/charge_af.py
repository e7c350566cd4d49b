"""CHARGE-AF: the five-year risk of atrial fibrillation from what any practice knows, without an ECG.

This is the simple model, made for people of 46 to 94 years without atrial fibrillation. The model augmented with ECG
measurements is not here; the score is what a model of the ECG has to beat, or to add to.

Source: Alonso et al. 2013, J Am Heart Assoc 2:e000102: coefficients, mean of the linear predictor, baseline survival.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import logit

from cardiolens.errors import BadCohort

METHOD, RUN = "CHARGE-AF", "charge_af"
AGES = (46, 94)
"""Years: the people whom the model was fitted to."""


@dataclass(frozen=True)
class Measurement:
    """A coefficient, per how many units of the column, and the lowest and highest value that the unit allows."""

    coefficient: float
    units: int
    low: int
    high: int


MEASURED = {
    "age_years": Measurement(0.508, 5, 18, 110),
    "height_cm": Measurement(0.248, 10, 100, 250),
    "weight_kg": Measurement(0.115, 15, 25, 350),
    "systolic_bp_mmhg": Measurement(0.197, 20, 50, 300),
    "diastolic_bp_mmhg": Measurement(-0.101, 10, 20, 200),
}
"""Columns that the score cannot do without."""

WHITE, SMOKER, TREATED, DIABETES, HEART_FAILURE, INFARCTION = 0.465, 0.359, 0.349, 0.237, 0.701, 0.496
MEAN_PREDICTOR, BASELINE_SURVIVAL = 12.58156, 0.9718412736

ETHNICITY, CURRENT_SMOKER, MEDICATION = "ethnicity", "current_smoker", "antihypertensive_medication"
_EVER_SMOKED = ("ever_smoked", "smoker")
_DIAGNOSES = {
    "dm": ("diabetes", DIABETES),
    "hf": ("heart failure", HEART_FAILURE),
    "mi": ("myocardial infarction", INFARCTION),
}


@dataclass(frozen=True, eq=False)
class ChargeAf:
    """The score of every row; NaN where a measured value, or one of a column that is there, is unknown."""

    predictor: Float[np.ndarray, " row"]
    """The weighted sum; 12.58 is the mean of the people whom the model was fitted to."""
    risk: Float[np.ndarray, " row"]
    """Of atrial fibrillation within five years; 0..1."""
    notes: tuple[str, ...]
    """What stood in for what, who was left without a score, and whom the model was not made for."""

    @property
    def log_odds(self) -> Float[np.ndarray, " row"]:
        """Of the risk."""
        return logit(self.risk)


def charge_af(subjects: pd.DataFrame) -> ChargeAf:
    """The score from a cohort's table.

    The columns of `MEASURED` are required. Others may be absent, and `notes` says what then stands in:

    - `ethnicity` (`White` or another text): everybody counts as white;
    - `current_smoker` (0 or 1): `ever_smoked` or `smoker`, else nobody smokes;
    - `antihypertensive_medication` (0 or 1): nobody is treated;
    - `dm_prevalent`, `hf_prevalent`, `mi_prevalent` (0 or 1, by the day of the ECG): `dm`, `hf`, `mi`, which in a cohort
      with dates hold later diagnoses too; else nobody has the disease.

    What stands in for everybody alike moves the level of the risk and leaves the order as it is.

    Raises:
        BadCohort: a required column is absent; a median is impossible in the column's unit; a column of yes and no holds
            something else.
    """
    if missing := missing_columns(subjects):
        raise BadCohort("subjects", found=f"no column {missing[0]}", expected=", ".join(MEASURED), remedy="leave CHARGE-AF out")
    notes: list[str] = []
    terms = {
        name: measurement.coefficient * _measured(subjects[name], measurement, notes) / measurement.units
        for name, measurement in MEASURED.items()
    }
    terms["ethnicity"] = WHITE * _white(subjects, notes)
    terms["smoking"] = SMOKER * _smoker(subjects, notes)
    terms["medication"] = TREATED * _column_or_nobody(subjects, MEDICATION, "takes antihypertensive medication", notes)
    for column, (disease, coefficient) in _DIAGNOSES.items():
        terms[disease] = coefficient * _diagnosis(subjects, column, disease, notes)
    predictor = np.sum([*terms.values()], axis=0)
    if unknown := int(np.isnan(predictor).sum()):
        lacking = {name: int(np.isnan(term).sum()) for name, term in terms.items()}
        wanting = ", ".join(f"{name} of {count:,}" for name, count in lacking.items() if count)
        notes.append(f"{unknown:,} of {len(subjects):,} have no score, for want of {wanting}")
    age = _numbers(subjects["age_years"])
    if outside := int(((age < AGES[0]) | (age > AGES[1])).sum()):
        notes.append(f"{outside:,} are not {AGES[0]} to {AGES[1]} years old, for whom the score was made")
    risk = -np.expm1(np.log(BASELINE_SURVIVAL) * np.exp(predictor - MEAN_PREDICTOR))
    return ChargeAf(predictor, risk, tuple(notes))


def missing_columns(subjects: pd.DataFrame) -> tuple[str, ...]:
    """The required columns that a table lacks; with none missing there is a score."""
    return tuple(name for name in MEASURED if name not in subjects)


def charge_af_predictions(asked: pd.DataFrame, score: ChargeAf, column: str, task: str, split: str) -> pd.DataFrame:
    """Log odds as Predictions about `column`, for the rows that the score was made from; unknown ones are left out.

    The score foretells new disease: `af_incident_5y` is the column it was made for, while `af` counts past diagnoses too.
    """
    known = ~np.isnan(score.predictor)
    names = {"run": RUN, "method": METHOD, "seed": 0, "task": task, "column": column, "split": split}
    numbers = {
        "subject": asked["subject"].to_numpy(str)[known],
        "target": asked[column].to_numpy(np.float64, na_value=np.nan)[known],
        "score": score.log_odds[known],
    }
    return pd.DataFrame(names | numbers)


def _measured(column: pd.Series, measurement: Measurement, notes: list[str]) -> Float[np.ndarray, " row"]:
    values, low, high = _numbers(column), measurement.low, measurement.high
    known = values[~np.isnan(values)]
    if len(known) and not low <= np.median(known) <= high:
        raise BadCohort(
            "subjects",
            found=f"a median of {np.median(known):g} in {column.name}",
            expected=f"{low} to {high}",
            remedy="give the column in the unit that its name says",
        )
    possible = np.isnan(values) | ((values >= low) & (values <= high))
    if wrong := int((~possible).sum()):
        notes.append(f"{wrong:,} with {column.name} outside {low} to {high} count as unknown")
    return np.where(possible, values, np.nan)


def _white(subjects: pd.DataFrame, notes: list[str]) -> Float[np.ndarray, " row"]:
    if ETHNICITY not in subjects:
        notes.append(f"no column {ETHNICITY}: everybody counts as white")
        return np.ones(len(subjects))
    group = subjects[ETHNICITY]
    return np.where(group.isna(), np.nan, (group.astype(str).str.lower() == "white").to_numpy(np.float64))


def _smoker(subjects: pd.DataFrame, notes: list[str]) -> Float[np.ndarray, " row"]:
    stand_in = next((name for name in _EVER_SMOKED if name in subjects), None)
    if CURRENT_SMOKER in subjects or stand_in is None:
        return _column_or_nobody(subjects, CURRENT_SMOKER, "smokes", notes)
    notes.append(
        f"no column {CURRENT_SMOKER}: {stand_in} stands in, which is not current smoking; "
        "whoever gave up counts as a smoker, with too high a risk"
    )
    return _yes_or_no(subjects[stand_in])


def _diagnosis(subjects: pd.DataFrame, column: str, disease: str, notes: list[str]) -> Float[np.ndarray, " row"]:
    prevalent = f"{column}_prevalent"
    if prevalent in subjects or column not in subjects:
        return _column_or_nobody(subjects, prevalent, f"has {disease}", notes)
    notes.append(f"no column {prevalent}: {column} stands in, which may hold diagnoses that came after the ECG")
    return _yes_or_no(subjects[column])


def _column_or_nobody(subjects: pd.DataFrame, name: str, does: str, notes: list[str]) -> Float[np.ndarray, " row"]:
    if name in subjects:
        return _yes_or_no(subjects[name])
    notes.append(f"no column {name}: nobody {does}")
    return np.zeros(len(subjects))


def _yes_or_no(column: pd.Series) -> Float[np.ndarray, " row"]:
    values = _numbers(column)
    if other := np.unique(values[~np.isnan(values) & (values != 0) & (values != 1)]).tolist():
        raise BadCohort(
            "subjects", found=f"{other[0]:g} in {column.name}", expected="0, 1 or nothing", remedy="write no as 0 and yes as 1"
        )
    return values


def _numbers(column: pd.Series) -> Float[np.ndarray, " row"]:
    try:
        return column.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise BadCohort(
            "subjects", found=f"text in {column.name}", expected="numbers", remedy="write numbers, and nothing where unknown"
        ) from error
