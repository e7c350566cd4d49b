"""Covariates of imaging visits from the main table: one column per thing, in one unit, whatever fields it came from."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from cardiolens.cohorts.ukb.columns import FieldColumn
from cardiolens.cohorts.ukb.main_table import MainTable

SEX, AGE, VISIT_DATE, CENTRE, ETHNICITY, SMOKING = 31, 21003, 53, 54, 21000, 20116
BIRTH_YEAR, BIRTH_MONTH, LOST = 34, 52, 191
_HEIGHT, _WEIGHT, _BMI = (12144, 50), (12143, 21002), 21001
_SYSTOLIC, _DIASTOLIC, _HEART_RATE = 4080, 4079, (12336, 22426)
_MEDICATION = (6153, 6177)
"""Regular medication for cholesterol, blood pressure or diabetes, of women and of men."""
_FOR_BLOOD_PRESSURE = 2
FIELDS = frozenset(
    {SEX, AGE, VISIT_DATE, CENTRE, ETHNICITY, SMOKING, BIRTH_YEAR, BIRTH_MONTH, LOST, *_HEIGHT, *_WEIGHT, _BMI}
    | {_SYSTOLIC, _DIASTOLIC, *_HEART_RATE, *_MEDICATION}
)
"""Everything that is read for covariates, dates and follow-up."""
_EVER_SMOKED = {0.0: 0.0, 1.0: 1.0, 2.0: 1.0}
_SMOKES_NOW = {0.0: 0.0, 1.0: 0.0, 2.0: 1.0}
# The first digit of a code of four, or the whole of a code of one.
_ETHNIC_GROUPS = {"1": "White", "2": "Mixed", "3": "Asian", "4": "Black", "5": "Chinese", "6": "Other"}
_SCOTLAND, _WALES = frozenset({11004, 11005}), frozenset({11003, 11022, 11023})


def covariates(table: MainTable, person: Int[np.ndarray, " visit"], instance: Int[np.ndarray, " visit"]) -> pd.DataFrame:
    """Columns of numbers (float64, NaN where unknown) and text (None where unknown), one row per visit.

    `person` is the row of the table. Sex, age, height, weight, body-mass index, mean of the blood-pressure readings, heart
    rate, smoking ever and now, medication for blood pressure, ethnic group and site. At an imaging visit the scanner's height
    and weight come before the assessment centre's; a missing index is computed.
    """

    def numbers(*fields: int) -> Float[np.ndarray, " visit"]:
        found = np.full(len(person), np.nan)
        for field in fields:
            found = np.where(np.isnan(found), of_visit(table, field, person, instance), found)
        return found

    def readings(field: int) -> Float[np.ndarray, " visit"]:
        two = np.stack([of_visit(table, field, person, instance, array=array) for array in (0, 1)])
        known = np.isfinite(two)
        return np.where(known.any(axis=0), np.where(known, two, 0).sum(axis=0) / known.sum(axis=0).clip(min=1), np.nan)

    height_cm, weight_kg = numbers(*_HEIGHT), numbers(*_WEIGHT)
    bmi = numbers(_BMI)
    sex = table.numbers(FieldColumn(SEX))[person]
    ethnicity = pd.Series(table.numbers(FieldColumn(ETHNICITY))[person])
    site = numbers(CENTRE)
    smoking = pd.Series(numbers(SMOKING))
    return pd.DataFrame(
        {
            "sex": _text(pd.Series(sex).map({0.0: "F", 1.0: "M"})),
            "ethnicity": _text(ethnicity.map(lambda code: _ETHNIC_GROUPS.get(f"{code:.0f}"[0]), na_action="ignore")),
            "site": _text(pd.Series(site).map(lambda code: f"{code:.0f}", na_action="ignore")),
            "age_years": numbers(AGE),
            "height_cm": height_cm,
            "weight_kg": weight_kg,
            "bmi_kg_per_m2": np.where(np.isnan(bmi), weight_kg / (height_cm / 100) ** 2, bmi),
            "systolic_bp_mmhg": readings(_SYSTOLIC),
            "diastolic_bp_mmhg": readings(_DIASTOLIC),
            "heart_rate_bpm": numbers(*_HEART_RATE),
            "ever_smoked": smoking.map(_EVER_SMOKED).to_numpy(np.float64),
            "current_smoker": smoking.map(_SMOKES_NOW).to_numpy(np.float64),
            "antihypertensive_medication": _treated(table, person, instance),
        }
    )


def of_visit(
    table: MainTable,
    field: int,
    person: Int[np.ndarray, " visit"],
    instance: Int[np.ndarray, " visit"],
    *,
    array: int = 0,
    signed: bool = False,
) -> Float[np.ndarray, " visit"]:
    """A field's number at each visit, NaN where unknown; `signed` ones, such as strains, may be -1 or -3 themselves."""
    found = np.full(len(person), np.nan)
    for visit in np.unique(instance):
        here = instance == visit
        found[here] = table.numbers(FieldColumn(field, int(visit), array), signed=signed)[person[here]]
    return found


def _treated(
    table: MainTable, person: Int[np.ndarray, " visit"], instance: Int[np.ndarray, " visit"]
) -> Float[np.ndarray, " visit"]:
    found = np.full(len(person), np.nan)
    for column in (column for field in _MEDICATION for column in table.of_field(field)):
        here = instance == column.instance
        found[here] = np.fmax(found[here], table.has_code(column, _FOR_BLOOD_PRESSURE)[person[here]])
    return found


def visit_days(table: MainTable, person: Int[np.ndarray, " visit"], instance: Int[np.ndarray, " visit"]) -> pd.Series:
    """The day of each visit, NaT where unknown."""
    found = pd.Series(pd.NaT, index=range(len(person)), dtype="datetime64[s]")
    for visit in np.unique(instance):
        here = np.flatnonzero(instance == visit)
        found.iloc[here] = table.days(FieldColumn(VISIT_DATE, int(visit))).iloc[person[here]].to_numpy("datetime64[s]")
    return found


def born(table: MainTable) -> pd.Series:
    """The first day of each person's month of birth, NaT where unknown."""
    year, month = (table.numbers(FieldColumn(field)) for field in (BIRTH_YEAR, BIRTH_MONTH))
    parts = pd.DataFrame({"year": year, "month": np.where(np.isnan(month), 1, month), "day": 1})
    return pd.to_datetime(parts, errors="coerce").astype("datetime64[s]")


def country(table: MainTable) -> pd.Series:
    """Whose records follow each person: England, Scotland or Wales, by the centre of the first assessment."""
    centre = pd.Series(table.numbers(FieldColumn(CENTRE)))
    return pd.Series(np.select([centre.isin(_SCOTLAND), centre.isin(_WALES)], ["Scotland", "Wales"], "England"))


def _text(values: pd.Series) -> pd.Series:
    return values.reset_index(drop=True).astype(object).where(values.notna().to_numpy(), None)
