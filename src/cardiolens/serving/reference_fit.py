"""Reference ranges from a cohort: healthy subjects of the training split, by sex, along their age.

A person counts as healthy here without any of the cohort's diseases and with a body-mass index below 30 kg/m2, where that is
known; the criteria of Petersen et al. 2017 that the cohort has columns for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from cardiolens.bundles.reference import CENTRE_YEARS, Reference, SexReference
from cardiolens.cohorts.store import Cohort
from cardiolens.training.predict import first_visits

_FEWEST = 40
"""Healthy subjects of a sex below whom 2.5 % of them is less than one person."""
_OBESE_KG_M2 = 30.0


def fit_references(cohort: Cohort, columns: Sequence[str]) -> tuple[Reference, ...]:
    """One per column, from the first visits of the training split; empty where either sex has too few healthy subjects, or the
    cohort knows no ages or no sexes."""
    known = cohort.subjects.columns
    if not {"sex", "age_years", *columns} <= set(known):
        return ()
    rows = first_visits(cohort, "train")
    values, age = cohort.values(columns)[rows], cohort.values(["age_years"])[rows, 0]
    sex, healthy = cohort.subjects["sex"].to_numpy()[rows], _healthy(cohort)[rows]
    fitted = []
    for column in values.T:
        of_sexes = [_line(age, column, healthy & (sex == one)) for one in ("F", "M")]
        if None in of_sexes:
            return ()
        fitted.append(Reference(*of_sexes))
    return tuple(fitted)


def _healthy(cohort: Cohort) -> Bool[np.ndarray, " row"]:
    ill = (cohort.values(cohort.diseases) > 0).any(axis=1)
    if "bmi" not in cohort.subjects:
        return ~ill
    return ~ill & ~(cohort.values(["bmi"])[:, 0] >= _OBESE_KG_M2)


def _line(
    age: Float[np.ndarray, " subject"], value: Float[np.ndarray, " subject"], chosen: Bool[np.ndarray, " subject"]
) -> SexReference | None:
    chosen = chosen & np.isfinite(age) & np.isfinite(value)
    years, value = age[chosen] - CENTRE_YEARS, value[chosen]
    if len(value) < _FEWEST or not years.std() > 0:
        return None
    per_year, mean = np.polyfit(years, value, 1)
    spread = float((value - mean - per_year * years).std(ddof=2))
    if not spread > 0:
        return None
    ages = age[chosen]
    return SexReference(float(mean), float(per_year), spread, float(ages.min()), float(ages.max()), len(value))
