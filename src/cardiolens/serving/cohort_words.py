"""What a bundle says of the cohort that it was made on."""

from __future__ import annotations

from cardiolens.bundles.config import SYNTHETIC
from cardiolens.cohorts.store import Cohort
from cardiolens.training.predict import first_visits


def cohort_in_words(cohort: Cohort) -> str:
    """What a bundle trained on `cohort` says that it was trained on; shown with every answer."""
    count = len(first_visits(cohort, "train"))
    return f"Trained on {count:,} {hearts_in_words(cohort)}" + " only" * cohort.is_synthetic


def hearts_in_words(cohort: Cohort) -> str:
    """Whose hearts a cohort holds."""
    return SYNTHETIC if cohort.is_synthetic else "subjects"


def bank_in_words(cohort: Cohort) -> str:
    """Whose hearts a bundle brings along to compare with."""
    return f"They are {hearts_in_words(cohort)} of the training cohort"


def measured_on(cohort: Cohort) -> str:
    """What a bundle's measurements were made on."""
    return f"test split, {hearts_in_words(cohort)}"
