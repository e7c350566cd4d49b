"""Volumes, ejection fractions, output and mass from masks, by summation of slices.

A volume is labelled pixels times pixel area times slice spacing, the gap included. Papillary muscles count as cavity where
the masks say so. Both ventricles are measured at the left one's end-diastole and end-systole, mass at end-diastole. Which
basal slices count is decided before, by a `BasalRule`.

Source: Petersen 2017 (JCMR 19:18); definitions of ukbb_cardiac, eval_ventricular_volume.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import UInt8

from cardiolens.imaging.mask_cleanup import LV_CAVITY, MYOCARDIUM, RV_CAVITY
from cardiolens.imaging.phases import Phases

DENSITY_G_PER_ML = 1.05
FEWEST_SLICES = 5
"""Slices with left ventricle at end-diastole from which a volume is summed; every complete stack we saw has six."""
_NAN = math.nan


@dataclass(frozen=True)
class Ventricles:
    """The ten ventricular phenotypes under the names of their columns; NaN where `reasons` says why."""

    reasons: dict[str, str]
    lvedv_ml: float = _NAN
    lvesv_ml: float = _NAN
    lvsv_ml: float = _NAN
    lvef_percent: float = _NAN
    lvco_l_per_min: float = _NAN
    lvm_g: float = _NAN
    rvedv_ml: float = _NAN
    rvesv_ml: float = _NAN
    rvsv_ml: float = _NAN
    rvef_percent: float = _NAN

    def by_column(self) -> dict[str, float]:
        """All ten values under their columns."""
        return {column: getattr(self, column) for column in VENTRICULAR_COLUMNS}


VENTRICULAR_COLUMNS = tuple(field.name for field in fields(Ventricles) if field.name != "reasons")


def measure_ventricles(
    masks: UInt8[np.ndarray, "phase slice height width"],
    phases: Phases,
    *,
    spacing_mm: tuple[float, float, float],
    heart_rate_bpm: float | None,
) -> Ventricles:
    """Labels are 0, 1 LV cavity, 2 myocardium, 3 RV cavity; `spacing_mm` is slice, row and column as in `CineStack`."""
    end_diastole = masks[phases.ed]
    num_slices = int(np.isin(end_diastole, (LV_CAVITY, MYOCARDIUM)).any(axis=(1, 2)).sum())
    if num_slices < FEWEST_SLICES:
        plural = "" if num_slices == 1 else "s"
        reason = f"{num_slices} slice{plural} with left ventricle, {FEWEST_SLICES} are needed for volumes"
        return Ventricles(dict.fromkeys(VENTRICULAR_COLUMNS, reason))
    voxel_ml = math.prod(spacing_mm) / 1000
    found = _ends("lv", "left cavity", LV_CAVITY, masks, phases, voxel_ml)
    found |= _ends("rv", "right cavity", RV_CAVITY, masks, phases, voxel_ml)
    found["lvm_g"] = _mass(end_diastole, voxel_ml)
    found["lvco_l_per_min"] = _output(found["lvsv_ml"], heart_rate_bpm)
    values = {column: value for column, value in found.items() if not isinstance(value, str)}
    return Ventricles({column: value for column, value in found.items() if isinstance(value, str)}, **values)


def _ends(
    side: str, name: str, label: int, masks: UInt8[np.ndarray, "phase slice height width"], phases: Phases, voxel_ml: float
) -> dict[str, float | str]:
    """Volume at both ends, stroke volume and ejection fraction, or why there is none."""
    edv = _volume(name, label, masks, phases.ed, voxel_ml)
    esv = phases.reasons["es"] if phases.es is None else _volume(name, label, masks, phases.es, voxel_ml)
    missing = edv if isinstance(edv, str) else esv
    stroke: float | str = missing if isinstance(missing, str) else edv - esv
    fraction = stroke if isinstance(stroke, str) else 100 * stroke / edv
    return {f"{side}edv_ml": edv, f"{side}esv_ml": esv, f"{side}sv_ml": stroke, f"{side}ef_percent": fraction}


def _volume(
    name: str, label: int, masks: UInt8[np.ndarray, "phase slice height width"], phase: int, voxel_ml: float
) -> float | str:
    pixels = int(np.count_nonzero(masks[phase] == label))
    return pixels * voxel_ml if pixels else f"no {name} in the masks of phase {phase}"


def _mass(end_diastole: UInt8[np.ndarray, "slice height width"], voxel_ml: float) -> float | str:
    pixels = int(np.count_nonzero(end_diastole == MYOCARDIUM))
    return pixels * voxel_ml * DENSITY_G_PER_ML if pixels else "no myocardium in the masks at end-diastole"


def _output(stroke_ml: float | str, heart_rate_bpm: float | None) -> float | str:
    if isinstance(stroke_ml, str):
        return stroke_ml
    if heart_rate_bpm is None or not (math.isfinite(heart_rate_bpm) and heart_rate_bpm > 0):
        return "no heart rate"
    return stroke_ml * heart_rate_bpm / 1000
