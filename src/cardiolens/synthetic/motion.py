"""From end-diastole to end-systole: every segment moves inward, the wall keeps its volume, the long axis shortens.

Thickening is never drawn: it follows from the inward motion of the endocardium and the incompressible wall. Strain is
reported as the reference pipeline does: circumferential over endo- and epicardial contours together, radial across the
wall, both in the short-axis plane, both damped as by registration-based tracking. Between both ends, and back through
diastole, a heart follows one smooth curve over time. Timing after Weissler and the shares of filling are generator defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiolens.synthetic.anatomy import Hearts
from cardiolens.synthetic.population import AGE_MEAN, AGE_SD, People
from cardiolens.synthetic.segments import (
    ANGLE_DEGREES,
    CAVITY_SHARE,
    LEVEL,
    LEVEL_RADIUS,
    NORMAL_EXCURSION,
    NUM_SEGMENTS,
    WALL_SHARE,
)

_TRACKED_ECC, _TRACKED_ERR = 1.0, 0.89

Segmental = Float[np.ndarray, "subject segment"]


@dataclass(frozen=True)
class Motion:
    """Where the wall goes. Radii are those of the cavity at each segment's level."""

    lv_esv_ml: Float[np.ndarray, " subject"]
    shortening: Float[np.ndarray, " subject"]
    """Length at end-systole over length at end-diastole."""
    endo_ratio: Segmental
    """Cavity radius at end-systole over that at end-diastole."""
    twist_degrees: Float[np.ndarray, "subject level"]
    """Turn of basal, mid and apical level at end-systole, anticlockwise as seen from the apex."""
    wall_es_mm: Segmental
    mid_fraction: Segmental
    """How much of the way to end-systole a segment has gone at half of the systolic time."""
    ecc_percent: Segmental
    err_percent: Segmental
    ecc_exact_percent: Segmental
    """As the wall moves; `ecc_percent` is what tracking makes of it."""
    err_exact_percent: Segmental
    ecc_global_percent: Float[np.ndarray, " subject"]
    err_global_percent: Float[np.ndarray, " subject"]


def contract(people: People, hearts: Hearts) -> Motion:
    """Motion of every segment such that the cavity ejects exactly its stroke volume."""
    z = hearts.draws
    esv = hearts.lv_edv_ml * (1 - hearts.lv_ef)
    shortening = np.clip(1 - 0.155 * hearts.lv_ef / 0.60 * (1 + 0.12 * z["shortening"]), 0.75, 0.99)
    relative = NORMAL_EXCURSION * (1 + 0.07 * np.stack([z[f"excursion_{k}"] for k in range(NUM_SEGMENTS)], axis=1))
    relative = relative * (1 - 0.45 * hearts.ischaemia) * (1 - 0.9 * hearts.scar)
    septal = np.abs(ANGLE_DEGREES - 90) < 45
    relative = relative * (1 - 0.25 * people["lbbb"][:, None] * septal)
    endo_ratio = 1 - _inward_motion(relative, esv / hearts.lv_edv_ml / shortening)

    radius = hearts.short_semi_axis_mm[:, None] * LEVEL_RADIUS[LEVEL]
    area = ((radius + hearts.wall_mm) ** 2 - radius**2) / shortening[:, None]
    epi_es = np.sqrt((radius * endo_ratio) ** 2 + area)
    wall_es = epi_es - radius * endo_ratio
    epi_ratio = epi_es / (radius + hearts.wall_mm)

    ecc_noise = np.stack([z[f"ecc_{k}"] for k in range(NUM_SEGMENTS)], axis=1)
    err_noise = np.stack([z[f"err_{k}"] for k in range(NUM_SEGMENTS)], axis=1)
    ecc_exact = 100 * _TRACKED_ECC * ((endo_ratio + epi_ratio) / 2 - 1)
    ecc = ecc_exact * (1 + 0.07 * z["strain_scale"][:, None]) + 1.8 * ecc_noise
    thickening = wall_es / hearts.wall_mm - 1
    err_exact = 100 * _TRACKED_ERR * thickening
    err = err_exact * (1 + 0.10 * z["thickening_scale"][:, None]) + 5.0 * err_noise
    flash = septal * people["lbbb"][:, None]
    return Motion(
        lv_esv_ml=esv,
        shortening=shortening,
        endo_ratio=endo_ratio,
        twist_degrees=_twist(people, hearts),
        wall_es_mm=wall_es,
        mid_fraction=np.clip(0.55 + 0.05 * z["shortening"][:, None] + 0.35 * flash - 0.12 * people["lbbb"][:, None], 0.3, 0.95),
        ecc_percent=ecc,
        err_percent=err,
        ecc_exact_percent=ecc_exact,
        err_exact_percent=err_exact,
        # Peaks of segments come at different times, so the peak of their mean is a little smaller.
        ecc_global_percent=0.98 * ecc @ WALL_SHARE,
        err_global_percent=0.97 * err @ WALL_SHARE,
    )


def end_systole_ms(heart_rate_bpm: float) -> float:
    """From the R wave to the smallest cavity: electromechanical systole less the pre-ejection period, both by heart rate."""
    return max(446.0 - 2.1 * heart_rate_bpm, 180.0)


def systole_fraction(
    times_ms: Float[np.ndarray, " phase"], *, heart_rate_bpm: float, age_years: float, in_af: bool
) -> Float[np.ndarray, " phase"]:
    """How far towards end-systole the heart is at times after the R wave: 0 at end-diastole, 1 at end-systole.

    The cavity's volume is EDV less this share of the stroke volume; times repeat with every beat. Ejection is a cosine.
    After isovolumic relaxation come rapid filling (75 % of the stroke volume at 45 years, 66 % and slower at 75), a slow
    diastasis, and the atrial kick (20 % and 28 %), which is absent in atrial fibrillation.
    """
    rr = 60_000 / heart_rate_bpm
    end_systole = end_systole_ms(heart_rate_bpm)
    time = times_ms % rr
    older = float(np.clip((age_years - 45) / 30, 0, 1.25))
    rapid = (0.90 if in_af else 0.75) - 0.09 * older
    kick = 0.0 if in_af else 0.20 + 0.08 * older
    opening = end_systole + 0.10 * (rr - end_systole)
    diastole = rr - opening
    # Impaired relaxation fills more slowly; at high rates filling and kick run together.
    rapid_ms, kick_ms = min(190.0 + 50 * older, 0.60 * diastole), min(100.0, 0.40 * diastole)
    filled = (
        rapid * _smooth_step((time - opening) / rapid_ms)
        + (1 - rapid - kick) * _smooth_step((time - opening) / diastole)
        + kick * _smooth_step((time - (rr - kick_ms)) / kick_ms)
    )
    return np.where(time <= end_systole, _smooth_step(time / end_systole), 1 - filled)


def _smooth_step(x: Float[np.ndarray, " phase"]) -> Float[np.ndarray, " phase"]:
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(x, 0, 1))


def _twist(people: People, hearts: Hearts) -> Float[np.ndarray, "subject level"]:
    """Apex about 10 degrees anticlockwise and base 3 clockwise (Young & Cowan 2012); less where the heart ejects less."""
    strength = (hearts.lv_ef / 0.60) * (1 - 0.4 * people["lbbb"]) * (1 + 0.05 * (people["age_years"] - AGE_MEAN) / AGE_SD)
    apex = np.clip(10.0 + 3.0 * hearts.draws["twist"], 2, 20) * strength
    return np.stack([-0.3 * apex, 0.3 * apex, apex], axis=1)


def _inward_motion(relative: Segmental, area_ratio: Float[np.ndarray, " subject"]) -> Segmental:
    """Share of the radius each segment loses, proportional to `relative`, so that areas shrink by `area_ratio`.

    Solves sum share (1 - s r)^2 = area_ratio for s. Where stiff segments leave no solution, the largest ejection counts.
    """
    second = (CAVITY_SHARE * relative**2).sum(axis=1)
    first = (CAVITY_SHARE * relative).sum(axis=1)
    root = np.sqrt(np.maximum(first**2 - second * (1 - area_ratio), 0))
    return ((first - root) / second)[:, None] * relative
