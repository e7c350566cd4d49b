"""Reference ranges: between which values 95 of 100 healthy people of the same sex and age lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

_REACH = 1.959963984540054
"""Standard deviations of a normal distribution on either side that hold 95 %."""
CENTRE_YEARS = 60.0
_BEYOND_YEARS = 5.0
"""A straight line holds a little beyond the ages that it was fitted on, and no further."""


@dataclass(frozen=True)
class SexReference:
    """One phenotype in healthy people of one sex: a mean that changes evenly with age, and one spread."""

    mean_at_60: float
    """In the phenotype's unit."""
    per_year: float
    """Change of the mean."""
    sd: float
    """About the mean at the same age; above zero."""
    age_low: float
    """Youngest of those it was fitted on, years."""
    age_high: float
    """Oldest."""
    subjects: int
    """How many they were."""

    def __post_init__(self) -> None:
        numbers = (self.mean_at_60, self.per_year, self.sd, self.age_low, self.age_high)
        if not all(map(math.isfinite, numbers)) or self.sd <= 0 or self.subjects < 1 or self.age_low > self.age_high:
            raise ValueError(f"a reference of mean {self.mean_at_60} and sd {self.sd} on {self.subjects} subjects")


@dataclass(frozen=True)
class Reference:
    """One phenotype by sex."""

    female: SexReference
    male: SexReference

    def at(self, *, sex: str | None, age_years: float | None) -> tuple[float, float] | None:
        """Mean and standard deviation at a sex ("F" or "M") and age; None where one is unknown or the age is too far off."""
        of_sex = {"F": self.female, "M": self.male}.get(sex or "")
        if of_sex is None or age_years is None:
            return None
        if not of_sex.age_low - _BEYOND_YEARS <= age_years <= of_sex.age_high + _BEYOND_YEARS:
            return None
        return of_sex.mean_at_60 + of_sex.per_year * (age_years - CENTRE_YEARS), of_sex.sd


def reference_range(mean: float, sd: float) -> tuple[float, float]:
    """The limits that hold 95 % of a normal distribution."""
    return mean - _REACH * sd, mean + _REACH * sd
