"""A cohort of synthetic hearts chosen by disease: the first subjects of a seed, and the first cases of rare diseases.

As in a case-control study, prevalences no longer hold and absolute risks learned here are too high; what tells cases from
others stays as it is. Nobody is altered to become a case: subject k of a seed is who he is in every cohort.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.manifest import CohortSettings
from cardiolens.cohorts.prepare_synthetic import SYNTHETIC_KEY, SyntheticRows
from cardiolens.cohorts.rows import RowMaker, SubjectRow
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption
from cardiolens.imaging.views import ViewConfig
from cardiolens.parallel import Workers
from cardiolens.progress import QUIET, Progress
from cardiolens.signals.cleaning import CleaningConfig
from cardiolens.synthetic.census import take_census
from cardiolens.synthetic.risk import PREVALENCE
from cardiolens.synthetic.settings import SyntheticConfig

_SEARCHED_AT_ONCE = 5000
_MOST_SEARCHED = 1_000_000
_GENERATOR, _CLEANING = SyntheticConfig(), CleaningConfig()


def prepare_synthetic_cases(
    out: Path,
    *,
    subjects: int,
    cases: Mapping[str, int],
    seed: int,
    settings: SyntheticConfig = _GENERATOR,
    cleaning: CleaningConfig = _CLEANING,
    processes: int = 1,
    progress: Progress = QUIET,
) -> Cohort:
    """Make, or complete, a cohort of the subjects of `choose_subjects`, ECGs without MRI.

    Raises:
        BadOption: a number is out of range, a disease is unknown or too rare, or `out` holds something else.
        NoSpace: the disk is full; free some and run again.
    """
    chosen = choose_subjects(subjects=subjects, cases=cases, seed=seed)
    drawn = SyntheticRows(seed, with_mri=False, generator=settings, cleaning=cleaning, views=ViewConfig())
    return build_cohort(
        out,
        CohortSettings(drawn.source | {"subjects": subjects, "cases": dict(cases)}, cleaning=cleaning),
        _ChosenRows(drawn, tuple(chosen.tolist())),
        num_rows=len(chosen),
        split_key=SYNTHETIC_KEY,
        workers=Workers(processes),
        progress=progress,
    )


def choose_subjects(*, subjects: int, cases: Mapping[str, int], seed: int) -> Int[np.ndarray, " chosen"]:
    """The first `subjects` of a seed, and as many more as it takes to hold `cases[disease]` of each disease; in order.

    Raises:
        BadOption: a number is negative, all are zero, or a disease is unknown or has too few cases among a million.
    """
    for name, count in {"subjects": subjects, "seed": seed, **cases}.items():
        if count < 0:
            raise BadOption(name, found=str(count), expected="0 or more", remedy="choose a number that is not negative")
    if unknown := sorted(set(cases) - set(PREVALENCE)):
        expected = f"diseases among {', '.join(PREVALENCE)}"
        raise BadOption("cases", found=", ".join(unknown), expected=expected, remedy="mend the name")
    if not subjects and not any(cases.values()):
        raise BadOption("subjects", found="0 and no cases", expected="at least one subject", remedy="give a larger number")
    chosen = [np.arange(subjects)]
    missing = dict(cases)
    searched = 0
    while searched < subjects or any(missing.values()):
        if searched >= _MOST_SEARCHED:
            found = f"too few cases of {', '.join(name for name, count in missing.items() if count)}"
            raise BadOption("cases", found=found, expected=f"those among {_MOST_SEARCHED} subjects", remedy="ask for fewer")
        here = np.arange(searched, searched + _SEARCHED_AT_ONCE)
        for name, ill in take_census(seed, here.tolist())[1].items():
            found = here[ill][: missing.get(name, 0)]
            chosen.append(found)
            missing[name] = missing.get(name, 0) - len(found)
        searched += len(here)
    return np.unique(np.concatenate(chosen))


@dataclass(frozen=True)
class _ChosenRows(RowMaker):
    """Row `i` is subject `indices[i]` of the generator."""

    drawn: SyntheticRows
    indices: tuple[int, ...]

    def subject(self, index: int) -> str:
        return self.drawn.subject(self.indices[index])

    def make(self, index: int) -> SubjectRow:
        return self.drawn.make(self.indices[index])
