"""A cohort of synthetic hearts: subject k of a seed is the same whatever the cohort's size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from cardiolens.cohorts.build import build_cohort
from cardiolens.cohorts.manifest import NUM_SAMPLES, CohortSettings
from cardiolens.cohorts.rows import RowMaker, SubjectRow, stored_ecg
from cardiolens.cohorts.store import Cohort
from cardiolens.configs import to_json
from cardiolens.errors import BadOption
from cardiolens.imaging.views import ViewConfig, picture
from cardiolens.imaging.volumes import VolumeConfig, slice_cine, volumes
from cardiolens.parallel import Workers
from cardiolens.privacy import keyed_hash
from cardiolens.progress import QUIET, Progress
from cardiolens.signals.cleaning import CleaningConfig
from cardiolens.source_digest import source_digest, with_imports
from cardiolens.synthetic.generator import SyntheticSubject, make_slice_cine, make_subject, make_volumes
from cardiolens.synthetic.settings import SyntheticConfig

SYNTHETIC_KEY = b"cardiolens synthetic subjects"
"""Hashes synthetic subjects and assigns their splits. Public, since there is nobody to protect: the same subject has the same
name and split on every machine."""
_GENERATOR, _CLEANING, _VIEWS, _GRID = SyntheticConfig(), CleaningConfig(), ViewConfig(), VolumeConfig()


def prepare_synthetic(
    out: Path,
    *,
    subjects: int,
    seed: int,
    with_mri: bool = True,
    with_volumes: bool = False,
    with_cine: bool = False,
    generator: SyntheticConfig = _GENERATOR,
    cleaning: CleaningConfig = _CLEANING,
    views: ViewConfig = _VIEWS,
    grid: VolumeConfig = _GRID,
    processes: int = 1,
    progress: Progress = QUIET,
) -> Cohort:
    """Make, or complete, a cohort of `subjects` synthetic hearts at `out`; a complete one of these settings is opened.

    `with_volumes` adds every heart's end-diastolic and end-systolic volume, `with_cine` its middle slice in motion, both
    on `grid`.

    Raises:
        BadOption: a setting is out of range, or `out` holds something else.
        NoSpace: the disk is full; free some and run again.
    """
    for name, value, least in (("subjects", subjects, 1), ("seed", seed, 0), ("processes", processes, 1)):
        if value < least:
            raise BadOption(name, found=str(value), expected=f"at least {least}", remedy="give a larger number")
    if (with_volumes or with_cine) and not with_mri:
        raise BadOption("with_mri", found="volumes or a cine without MRI", expected="MRI", remedy="leave out one or the other")
    maker = SyntheticRows(seed, with_mri, generator, cleaning, views, with_volumes=with_volumes, with_cine=with_cine, grid=grid)
    return build_cohort(
        out,
        CohortSettings(maker.source | {"subjects": subjects}, cleaning=cleaning, views=views),
        maker,
        num_rows=subjects,
        split_key=SYNTHETIC_KEY,
        workers=Workers(processes),
        progress=progress,
    )


def generator_modules() -> tuple[str, ...]:
    """The code that decides what a subject's row holds, by dotted name."""
    cutting = ("imaging.views", "imaging.volumes", "signals.baseline_kernel", "signals.cleaning")
    return tuple(f"cardiolens.{name}" for name in cutting) + with_imports(
        "cardiolens.synthetic.generator", within="cardiolens.synthetic"
    )


@dataclass(frozen=True)
class SyntheticRows(RowMaker):
    """Row `i` is subject `i` of the generator."""

    seed: int
    with_mri: bool
    generator: SyntheticConfig
    cleaning: CleaningConfig
    views: ViewConfig
    with_volumes: bool = False
    with_cine: bool = False
    grid: VolumeConfig = _GRID

    @property
    def source(self) -> dict[str, Any]:
        """What decides every row, for the cohort's settings."""
        # Named only where there are any, so that cohorts without them are what they were.
        more = {"with_volumes": self.with_volumes, "with_cine": self.with_cine, "grid": to_json(self.grid)}
        return (more if self.with_volumes or self.with_cine else {}) | {
            "kind": "synthetic",
            "seed": self.seed,
            "with_mri": self.with_mri,
            "generator": to_json(self.generator),
            # A half-built cohort is never completed by code that draws other hearts.
            "generator_sha256": source_digest(generator_modules()),
        }

    def subject(self, index: int) -> str:
        return keyed_hash(f"synthetic-{self.seed}-{index}", key=SYNTHETIC_KEY)

    def make(self, index: int) -> SubjectRow:
        made = make_subject(seed=self.seed, index=index, config=self.generator, with_mri=self.with_mri)
        ecg, scale_mv = stored_ecg(made.recording, self.cleaning, num_samples=NUM_SAMPLES)
        # The generator gives three phases in the order of time: end-diastole, mid, end-systole.
        cmr = None if made.cine is None else picture(made.cine, ed=0, mid=1, es=2, config=self.views)
        return SubjectRow(
            self.subject(index), ecg, scale_mv, cmr, _numbers(made), _texts(made),
            cmr_volumes=self._volumes(index) if self.with_volumes else None,
            cmr_cine=self._cine(index) if self.with_cine else None,
        )  # fmt: skip

    def _volumes(self, index: int) -> UInt8[np.ndarray, "2 slice height width"]:
        return volumes(make_volumes(seed=self.seed, index=index, config=self.generator), ed=0, es=1, config=self.grid)

    def _cine(self, index: int) -> UInt8[np.ndarray, "phase height width"]:
        cine = make_slice_cine(seed=self.seed, index=index, config=self.generator, num_phases=self.grid.phases)
        return slice_cine(cine, self.grid)


def _numbers(made: SyntheticSubject) -> dict[str, float]:
    covariates = {name: value for name, value in made.covariates.items() if not isinstance(value, str)}
    latents = {f"latent_{name}": value for name, value in made.latents.items()}
    true_risk = {f"true_risk_{name}": value for name, value in made.true_risk.items()}
    exact = {f"exact_{name}": value for name, value in made.exact_strains.items()}
    return covariates | made.diseases | made.phenotypes | exact | latents | true_risk


def _texts(made: SyntheticSubject) -> dict[str, str]:
    return {name: value for name, value in made.covariates.items() if isinstance(value, str)}
