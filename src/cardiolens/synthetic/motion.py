"""From end-diastole to end-systole: every segment moves inward, the wall keeps its volume, the long axis shortens.

Thickening is never drawn: it follows from the inward motion of the endocardium and the incompressible wall. Strain is
reported as the reference pipeline does: circumferential over endo- and epicardial contours together, radial across the
wall, both in the short-axis plane, both damped as by registration-based tracking.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiolens.synthetic.anatomy import Hearts
from cardiolens.synthetic.population import People
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
    wall_es_mm: Segmental
    mid_fraction: Segmental
    """How much of the way to end-systole a segment has gone at half of the systolic time."""
    ecc_percent: Segmental
    err_percent: Segmental
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
    ecc = 100 * _TRACKED_ECC * ((endo_ratio + epi_ratio) / 2 - 1) * (1 + 0.07 * z["strain_scale"][:, None]) + 1.8 * ecc_noise
    thickening = wall_es / hearts.wall_mm - 1
    err = 100 * _TRACKED_ERR * thickening * (1 + 0.10 * z["thickening_scale"][:, None]) + 5.0 * err_noise
    flash = septal * people["lbbb"][:, None]
    return Motion(
        lv_esv_ml=esv,
        shortening=shortening,
        endo_ratio=endo_ratio,
        wall_es_mm=wall_es,
        mid_fraction=np.clip(0.55 + 0.05 * z["shortening"][:, None] + 0.35 * flash - 0.12 * people["lbbb"][:, None], 0.3, 0.95),
        ecc_percent=ecc,
        err_percent=err,
        # Peaks of segments come at different times, so the peak of their mean is a little smaller.
        ecc_global_percent=0.98 * ecc @ WALL_SHARE,
        err_global_percent=0.97 * err @ WALL_SHARE,
    )


def _inward_motion(relative: Segmental, area_ratio: Float[np.ndarray, " subject"]) -> Segmental:
    """Share of the radius each segment loses, proportional to `relative`, so that areas shrink by `area_ratio`.

    Solves sum share (1 - s r)^2 = area_ratio for s. Where stiff segments leave no solution, the largest ejection counts.
    """
    second = (CAVITY_SHARE * relative**2).sum(axis=1)
    first = (CAVITY_SHARE * relative).sum(axis=1)
    root = np.sqrt(np.maximum(first**2 - second * (1 - area_ratio), 0))
    return ((first - root) / second)[:, None] * relative
