"""Which values look wrong: flags in words, for a reader to follow up. Nothing is deleted or changed.

The ranges are this project's choice, wide enough for sick hearts; they catch swapped labels, lost spacing and failed
segmentations, not disease.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

from cardiolens.imaging.phases import Phases
from cardiolens.imaging.phenotype_table import PHENOTYPES, Phenotype

HEART_RATE_BPM = (30.0, 140.0)
STROKE_VOLUME_RATIO = (0.6, 1.6)
_VENTRICULAR = {
    "LVEDV": (40.0, 500.0),
    "LVESV": (8.0, 400.0),
    "LVEF": (8.0, 85.0),
    "LVCO": (1.5, 15.0),
    "LVM": (25.0, 350.0),
    "RVEDV": (40.0, 500.0),
    "RVEF": (8.0, 85.0),
    "WT_Global": (3.0, 16.0),
    "Ecc_Global": (-40.0, -3.0),
    "Err_Global": (3.0, 120.0),
}
_SEGMENTAL = {"WT": (2.0, 25.0), "Ecc": (-40.0, -1.0), "Err": (1.0, 140.0)}
"""A peak is taken over all phases, the first included, where strain is 0: a segment at 0 never shortened, or never thickened,
which is a scar at best and a lost contour at worst. Of people's global peaks Ecc is -22 +- 3 % and Err 45 +- 8 %."""
_FURTHEST_ED_PHASES = 3
_LARGEST_JUMP = 0.15
"""Of the end-diastolic volume, against the mean of the phases before and after."""


def plausible_range(phenotype: Phenotype) -> tuple[float, float]:
    """Least and largest value that raises no flag; infinite where there is no such rule."""
    return _VENTRICULAR.get(phenotype.name) or _segmental(phenotype) or (-math.inf, math.inf)


def flag_values(values: Mapping[str, float], *, heart_rate_bpm: float | None = None) -> dict[str, str]:
    """What is odd, in words, by column of the 61 phenotypes; `heart_rate_bpm` and `sv_ratio` are two more keys.

    Missing and NaN values raise no flag: their reasons stand elsewhere.
    """
    flags = {}
    for phenotype in PHENOTYPES:
        value = values.get(phenotype.column, math.nan)
        low, high = plausible_range(phenotype)
        if value < low or value > high:
            flags[phenotype.column] = f"{phenotype.name} {value:.1f} {phenotype.unit} is outside {low:g} to {high:g}"
    if heart_rate_bpm is not None and not HEART_RATE_BPM[0] <= heart_rate_bpm <= HEART_RATE_BPM[1]:
        low, high = HEART_RATE_BPM
        flags["heart_rate_bpm"] = f"heart rate {heart_rate_bpm:.1f} per minute is outside {low:g} to {high:g}"
    left, right = (values.get(column, math.nan) for column in ("lvsv_ml", "rvsv_ml"))
    low, high = STROKE_VOLUME_RATIO
    # Without a leaking valve or a shunt both ventricles pump the same blood.
    if not math.isnan(left) and not math.isnan(right) and not low * right <= left <= high * right:
        flags["sv_ratio"] = f"left stroke volume {left:.0f} mL and right {right:.0f} mL: ratio outside {low:g} to {high:g}"
    return flags


def flag_phases(phases: Phases) -> dict[str, str]:
    """What is odd about the volume curve: `ed` far from the trigger; `es` or `ed` at a jump, as a lost slice makes it."""
    flags = {}
    late = min(phases.ed, len(phases.lv_ml) - phases.ed)
    if late > _FURTHEST_ED_PHASES:
        flags["ed"] = f"end-diastole is {late} phases away from the first; the scan may have been triggered late"
    jumps = _jumps(phases.lv_ml)
    for name, phase in (("ed", phases.ed), ("es", phases.es)):
        if phase is not None and jumps[phase] > _LARGEST_JUMP * phases.lv_ml[phases.ed]:
            flags[name] = f"the left cavity's volume jumps at phase {phase}, by {jumps[phase]:.0f} mL against its neighbours"
    return flags


def _jumps(lv_ml: Float[np.ndarray, " phase"]) -> Float[np.ndarray, " phase"]:
    # With fewer phases the volume changes as much from one to the next.
    if len(lv_ml) < 15:
        return np.zeros(len(lv_ml))
    jumps = np.abs(lv_ml - (np.roll(lv_ml, 1) + np.roll(lv_ml, -1)) / 2)
    return np.nan_to_num(jumps, nan=0.0)


def _segmental(phenotype: Phenotype) -> tuple[float, float] | None:
    return None if phenotype.name.endswith("_Global") else _SEGMENTAL.get(phenotype.group)
