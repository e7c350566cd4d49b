"""Twelve synthetic subjects that show what a cardiologist would look for, found in the cohort and not made for the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from cardiolens.study.checking.measures import measure_subjects
from cardiolens.synthetic import population
from cardiolens.synthetic.census import take_census
from cardiolens.synthetic.generator import SyntheticConfig, SyntheticSubject, make_subject, make_volumes
from cardiolens.types import CineStack

NUM_CANDIDATES = 6_000
"""Subjects of the cohort among whom examples are looked for."""

_DEFAULT = SyntheticConfig()
_FLUTTER_IRREGULARITY = 0.05
_FIBRILLATION_IRREGULARITY = 0.12
_LOADS = ("pressure_load", "metabolic_load", "fitness", "atrial_substrate", "right_heart_load", "repolarisation")


@dataclass(frozen=True)
class Example:
    """One subject, what it shows, and the numbers written beside its pictures."""

    title: str
    subject: SyntheticSubject
    volumes: CineStack
    """Its MRI stack at end-diastole and end-systole."""
    measured: dict[str, float]


def find_examples(*, seed: int, config: SyntheticConfig = _DEFAULT) -> list[Example]:
    """The examples among the first `NUM_CANDIDATES` subjects of a cohort, in the order of the page.

    Few cohorts have no regular flutter among so many; theirs is left out.
    """
    candidates = draw_candidates(seed, NUM_CANDIDATES)
    picked = {title: int(score(candidates).idxmax()) for title, score in _SCORES.items()}
    picked |= _with_atrial_rhythms(candidates, seed, config)
    subjects = [make_subject(seed=seed, index=index, config=config) for index in picked.values()]
    rows = measure_subjects(subjects).astype(float).to_dict("records")
    stacks = [make_volumes(seed=seed, index=index, config=config) for index in picked.values()]
    return [Example(*parts) for parts in zip(picked, subjects, stacks, rows, strict=True)]


def draw_candidates(seed: int, num_subjects: int) -> pd.DataFrame:
    """The people of a cohort by their index, and who of them has atrial fibrillation, without heart or ECG."""
    people, ill = take_census(seed, range(num_subjects))
    return pd.DataFrame(people | {"ill_af": ill["af"]})


def _with_atrial_rhythms(candidates: pd.DataFrame, seed: int, config: SyntheticConfig) -> dict[str, int]:
    """One subject in fibrillation and one in flutter, told apart by the regularity of their beats."""
    found: dict[str, int] = {}
    for index in candidates.index[_unblocked(candidates) & candidates["ill_af"]]:
        subject = make_subject(seed=seed, index=int(index), config=config, with_mri=False)
        if not subject.latents["in_af_while_recorded"]:
            continue
        irregularity = measure_subjects([subject])["rr_irregularity"].iloc[0]
        if irregularity > _FIBRILLATION_IRREGULARITY:
            found.setdefault("Atrial fibrillation", int(index))
        elif irregularity < _FLUTTER_IRREGULARITY:
            found.setdefault("Atrial flutter", int(index))
        if len(found) == 2:
            break
    return dict(sorted(found.items()))


def _unblocked(table: pd.DataFrame) -> pd.Series:
    return (table[["lbbb", "rbbb", "lafb"]] == 0).all(axis=1)


def _scar(table: pd.DataFrame) -> pd.Series:
    return table[["scar_lad", "scar_lcx", "scar_rca"]].max(axis=1)


def _plain(table: pd.DataFrame) -> pd.Series:
    """How ordinary a person is: the smaller the distance from the average in everything, the higher."""
    scores = [
        (table["age_years"] - population.AGE_MEAN) / population.AGE_SD,
        (table["bmi"] - 26.5) / 4.3,
        (table["systolic_bp_mmhg"] - 130) / 18,
        *(table[name] for name in _LOADS),
    ]
    spared = table[["ischaemia_lad", "ischaemia_lcx", "ischaemia_rca", "dilated", "hypertrophic"]].max(axis=1)
    return -sum(score**2 for score in scores) - 50 * spared - 100 * (~_unblocked(table))


def _without(table: pd.DataFrame, *names: str) -> pd.Series:
    """A penalty for what would blur the picture."""
    return 3 * sum(table[name] for name in names) + 10 * (~_unblocked(table))


_SCORES: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "Normal, woman": lambda t: _plain(t) - 1_000 * t["male"],
    "Normal, man": lambda t: _plain(t) - 1_000 * (1 - t["male"]),
    "Pressure load, left ventricular hypertrophy": lambda t: (
        t["pressure_load"] - 0.1 * (t["bmi"] - 26).clip(lower=0) - _without(t, "dilated", "hypertrophic") - 3 * _scar(t)
    ),
    "Hypertrophic cardiomyopathy": lambda t: 3 * t["hypertrophic"] - _without(t, "dilated") - 3 * _scar(t),
    "Dilated cardiomyopathy": lambda t: 3 * t["dilated"] - _without(t, "hypertrophic") - 3 * _scar(t),
    "Old anterior infarction": lambda t: 3 * t["scar_lad"] - _without(t, "scar_lcx", "scar_rca", "dilated"),
    "Old inferior infarction": lambda t: 3 * t["scar_rca"] - _without(t, "scar_lad", "scar_lcx", "dilated"),
    "Left bundle branch block": lambda t: 10 * (t["lbbb"] - t["rbbb"]) - 3 * _scar(t) - 3 * t["dilated"],
    "Right bundle branch block": lambda t: 10 * (t["rbbb"] - t["lbbb"] - t["lafb"]) - 3 * _scar(t) - 3 * t["dilated"],
    "Obesity": lambda t: t["bmi"] - _without(t, "dilated", "hypertrophic") - 10 * _scar(t),
}
