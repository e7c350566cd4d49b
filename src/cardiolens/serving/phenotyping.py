"""From one MRI examination to the 61 phenotypes: read, label, measure; every value that is missing says why.

Refusal is per group: a study that cannot be read or labelled is refused whole, but an uncertain right ventricle, too few slices
or too few phases cost only what depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cardiolens.bundles.segmenter import Segmenter
from cardiolens.formats.cmr.heart_rate import CmrStudy
from cardiolens.formats.cmr.label_map import LabelMap
from cardiolens.formats.cmr.masks import read_masks
from cardiolens.imaging.mask_cleanup import LV_CAVITY
from cardiolens.imaging.mask_phenotypes import MaskPhenotypes, MaskRules, measure_masks
from cardiolens.imaging.phases import choose_phases
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS, PHENOTYPES
from cardiolens.imaging.plausibility import flag_phases, flag_values
from cardiolens.imaging.segmented import Segmented
from cardiolens.imaging.strain import StrainConfig, StrainResult, measure_strain
from cardiolens.notice import NOTICE
from cardiolens.progress import QUIET, Progress
from cardiolens.types import CineStack

_DEFAULT_RULES = MaskRules()
_ECC_APART, _ERR_APART = 6.0, 25.0
"""Beyond these, tracking and contours contradict each other; on synthetic hearts with true masks they never did."""
_RIGHT = {phenotype.column for phenotype in PHENOTYPES if phenotype.group == "RV"}
_STRAIN_COLUMNS = tuple(phenotype.column for phenotype in PHENOTYPES if phenotype.group in {"Ecc", "Err"})


@dataclass(frozen=True)
class StudyPhenotypes:
    """What was measured on one examination, in plain values."""

    source: str
    """Safe to show."""
    values: dict[str, float]
    """All 61 columns in the published order; NaN where `reasons` says why."""
    reasons: dict[str, str]
    """By column."""
    flags: dict[str, str]
    """By column or phase: values that are implausible. Nothing is deleted for it."""
    quality: float | None
    """Agreement of the segmenter's passes, 0 to 1; None for masks that were given."""
    masks_from: str
    """Which segmenter, or whose masks."""
    num_slices: int
    num_phases: int
    spacing_mm: tuple[float, float, float]
    """Slice with its gap, row, column."""
    ed: int
    es: int | None
    heart_rate_bpm: float | None
    heart_rate_from: str
    notes: tuple[str, ...] = ()
    notice: str = NOTICE

    def to_json(self) -> dict[str, Any]:
        """Plain values; what is missing is null."""
        plain = asdict(self)
        plain["values"] = {column: value if np.isfinite(value) else None for column, value in self.values.items()}
        return plain


@dataclass(frozen=True)
class RefusedStudy:
    """An examination that cannot be measured at all, and why."""

    source: str
    reason: str
    notice: str = NOTICE

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class MeasuredStudy:
    """The values with the arrays behind them, for a picture."""

    phenotypes: StudyPhenotypes
    cine: CineStack
    measured: MaskPhenotypes
    strain: StrainResult | None
    segmented: Segmented


@dataclass(frozen=True)
class PhenotypeRules:
    """How a study is measured."""

    masks: MaskRules = field(default_factory=MaskRules)
    strain: StrainConfig | None = field(default_factory=StrainConfig)
    """None measures no strain, which takes most of the time."""


_ALL = PhenotypeRules()


def careful_phases(cine: CineStack, rules: MaskRules = _DEFAULT_RULES) -> Callable[[np.ndarray], Sequence[int]]:
    """Picks end-diastole and end-systole of a quickly labelled stack, for `Segmenter.segment_beat`."""

    def choose(masks: np.ndarray) -> Sequence[int]:
        if not (masks == LV_CAVITY).any():
            return (0,)
        labelled = rules.basal.applied(masks, pixel_mm=cine.spacing_mm[1:])
        if not (labelled == LV_CAVITY).any():
            labelled = masks
        phases = choose_phases(labelled, spacing_mm=cine.spacing_mm, source=cine.source, end_diastole=rules.end_diastole)
        return (phases.ed,) if phases.es is None else (phases.ed, phases.es)

    return choose


def label_by_segmenter(
    study: CmrStudy, segmenter: Segmenter, *, rules: MaskRules = _DEFAULT_RULES, progress: Progress = QUIET
) -> tuple[Segmented, str]:
    """Masks of every phase, those of end-diastole and end-systole with care, and which segmenter made them.

    Raises:
        BadImage: the stack has no contrast, or pixels of no sensible size.
    """
    cine = study.placed.cine
    return segmenter.segment_beat(cine, careful_phases(cine, rules), progress), segmenter.config.name


def label_by_masks(study: CmrStudy, path: Path, label_map: LabelMap) -> tuple[Segmented, str]:
    """The user's own masks, and whose they are.

    Raises:
        BadImage: another grid than the study's, labels outside the map, or a map that looks wrong.
    """
    masks = read_masks(path, study.placed, label_map).masks
    return Segmented(
        masks, tuple(np.flatnonzero(masks.any(axis=(1, 2, 3))).tolist()), {}
    ), f"masks of the user ({label_map.name})"


def measure_study(study: CmrStudy, segmented: Segmented, masks_from: str, *, rules: PhenotypeRules = _ALL) -> MeasuredStudy:
    """All phenotypes of one examination whose phases are labelled.

    Raises:
        BadImage: no phase shows a left cavity.
    """
    placed = study.placed
    cine = placed.cine
    heart_rate = 60_000 / study.rr_ms if study.rr_ms else None
    measured = measure_masks(
        segmented.masks,
        placed.geometry,
        spacing_mm=cine.spacing_mm,
        source=cine.source,
        heart_rate_bpm=heart_rate,
        rules=rules.masks,
    )
    strain, strain_values, strain_reasons = _strain(cine, segmented, measured, rules.strain)
    values = dict.fromkeys(PHENOTYPE_COLUMNS, np.nan) | measured.by_column() | strain_values
    reasons = measured.reasons | strain_reasons
    left, right = segmented.left_refused, segmented.right_refused
    for column in PHENOTYPE_COLUMNS:
        refused = right if column in _RIGHT else left
        if refused and np.isfinite(values[column]):
            values[column], reasons[column] = np.nan, refused
    values = {column: float(values[column]) for column in PHENOTYPE_COLUMNS}
    flags = flag_values(values, heart_rate_bpm=heart_rate) | flag_phases(measured.phases)
    checked, disagreement = _checked_by_contours(strain)
    phenotypes = StudyPhenotypes(
        source=cine.source,
        values=values,
        reasons={column: reason for column, reason in reasons.items() if not np.isfinite(values.get(column, np.nan))},
        flags=flags | disagreement,
        quality=segmented.quality,
        masks_from=masks_from,
        num_slices=cine.frames.shape[1],
        num_phases=cine.frames.shape[0],
        spacing_mm=cine.spacing_mm,
        ed=measured.phases.ed,
        es=measured.phases.es,
        heart_rate_bpm=heart_rate,
        heart_rate_from=study.heart_rate_source,
        notes=(*cine.notes, *(measured.frame.notes if measured.frame else ()), *checked),
    )
    return MeasuredStudy(phenotypes, cine, measured, strain, segmented)


def _checked_by_contours(strain: StrainResult | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """What the contours alone say of the strain, and flags where tracking says something else."""
    if strain is None or strain.by_contours is None or not np.isfinite(strain.by_contours.radial):
        return (), {}
    check = strain.by_contours
    said = f"contours alone: circumferential strain {check.midwall:.1f} %, radial {check.radial:.0f} %"
    pairs = {
        "ecc_global_percent": (strain.ecc_global, check.midwall, _ECC_APART),
        "err_global_percent": (strain.err_global, check.radial, _ERR_APART),
    }
    flags = {
        column: f"{found:.1f} % by tracking, {other:.1f} % by contours"
        for column, (found, other, apart) in pairs.items()
        if abs(found - other) > apart
    }
    return (said,), flags


def _strain(
    cine: CineStack, segmented: Segmented, measured: MaskPhenotypes, config: StrainConfig | None
) -> tuple[StrainResult | None, dict[str, float], dict[str, str]]:
    if config is None:
        return None, {}, dict.fromkeys(_STRAIN_COLUMNS, "not asked for")
    if measured.frame is None:
        return None, {}, dict.fromkeys(_STRAIN_COLUMNS, measured.reasons.get("wt_global_mm", "no frame of the heart"))
    result = measure_strain(
        cine, segmented.masks, measured.contours, measured.frame, ed=measured.phases.ed, es=measured.phases.es, config=config
    )
    return result, result.by_column(), result.reasons
