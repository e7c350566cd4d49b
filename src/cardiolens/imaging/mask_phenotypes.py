"""The 27 of the 61 phenotypes that masks alone give: volumes, fractions, output, mass and wall thickness.

What is refused is refused by group: without a heart's frame there are still volumes. Strain follows the frames through the
cycle and is measured elsewhere, in the frame found here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from cardiolens.errors import BadImage
from cardiolens.imaging.basal_rule import BasalRule, EnclosedCavity
from cardiolens.imaging.contours import ContourConfig, Contours, trace_ventricle
from cardiolens.imaging.heart_frame import HeartFrame, find_frame
from cardiolens.imaging.phases import EndDiastole, LargestCavity, Phases, choose_phases
from cardiolens.imaging.septum import MeanSeptum, SeptumRule
from cardiolens.imaging.stack_geometry import StackGeometry
from cardiolens.imaging.ventricles import Ventricles, measure_ventricles
from cardiolens.imaging.wall_thickness import WallThickness, measure_wall


@dataclass(frozen=True)
class MaskRules:
    """The choices that differ between laboratories."""

    end_diastole: EndDiastole = field(default_factory=LargestCavity)
    """Which phase is end-diastole."""
    basal: BasalRule = field(default_factory=EnclosedCavity)
    """Which slices at the base are ventricle."""
    septum: SeptumRule = field(default_factory=MeanSeptum)
    """Where segments are counted from."""
    contours: ContourConfig = field(default_factory=ContourConfig)
    """How borders are traced."""


@dataclass(frozen=True)
class MaskPhenotypes:
    """Everything measured on one study's masks."""

    phases: Phases
    ventricles: Ventricles
    wall: WallThickness
    contours: Contours
    """At end-diastole."""
    frame: HeartFrame | None
    """None where it was refused; the reasons of `wall` say why."""

    def by_column(self) -> dict[str, float]:
        """All 27 values under their columns; NaN where `reasons` says why."""
        return self.ventricles.by_column() | self.wall.by_column()

    @property
    def reasons(self) -> dict[str, str]:
        """Why values are missing, by column."""
        return self.ventricles.reasons | self.wall.reasons


_DEFAULT = MaskRules()


def measure_masks(
    masks: UInt8[np.ndarray, "phase slice height width"],
    geometry: StackGeometry,
    *,
    spacing_mm: tuple[float, float, float],
    source: str,
    heart_rate_bpm: float | None,
    rules: MaskRules = _DEFAULT,
) -> MaskPhenotypes:
    """Labels are 0, 1 LV cavity, 2 myocardium, 3 RV cavity; `spacing_mm` is slice, row and column as in `CineStack`.

    Raises:
        BadImage: no phase shows a left cavity.
    """
    masks = rules.basal.applied(masks, pixel_mm=spacing_mm[1:])
    phases = choose_phases(masks, spacing_mm=spacing_mm, source=source, end_diastole=rules.end_diastole)
    ventricles = measure_ventricles(masks, phases, spacing_mm=spacing_mm, heart_rate_bpm=heart_rate_bpm)
    end_diastole = masks[phases.ed]
    contours = trace_ventricle(end_diastole, spacing_mm=spacing_mm, config=rules.contours)
    try:
        frame = find_frame(end_diastole, contours, geometry, spacing_mm=spacing_mm, source=source, septum=rules.septum)
    except BadImage as refusal:
        reason = f"found {refusal.found}; expected {refusal.expected}"
        return MaskPhenotypes(phases, ventricles, WallThickness.missing(reason), contours, None)
    return MaskPhenotypes(phases, ventricles, measure_wall(end_diastole, contours, frame), contours, frame)
