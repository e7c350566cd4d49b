"""Two ventricles per person at end-diastole: volumes, mass, the truncated ellipsoid that holds them, wall by segment.

Columns are arrays over subjects, so that marginals can be checked on many thousands of hearts without drawing a picture.
Means by sex follow Petersen 2017 (JCMR 19:18), effects of body mass and blood pressure Petersen 2017 (PLoS ONE 0185114);
the rest are generator defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiolens.synthetic.population import AGE_MEAN, AGE_SD, TERRITORIES, People
from cardiolens.synthetic.segments import BESIDE_SEPTUM, NORMAL_THICKNESS, NUM_SEGMENTS, SEPTUM, WALL_SHARE, territory_map

DENSITY_G_PER_ML = 1.05

# Polar angles 10 to 110 degrees: volume = 0.995 pi a^2 c and length = 1.327 c.
_VOLUME_FACTOR = 0.995
LENGTH_FACTOR = 1.327
_EPICARDIAL_LENGTHENING = 0.65
OLD_SCAR_THINNING = 0.42
"""Share of its thickness that a segment loses where all of it is scar: 4 to 5.5 mm are left."""

_DRAWS = (
    *("size", "mass", "length", "ef", "rv_sv", "rv_ef", "heart_rate", "shortening", "strain_scale", "thickening_scale", "la"),
    *(f"thickness_{k}" for k in range(NUM_SEGMENTS)),
    *(f"excursion_{k}" for k in range(NUM_SEGMENTS)),
    *(f"ecc_{k}" for k in range(NUM_SEGMENTS)),
    *(f"err_{k}" for k in range(NUM_SEGMENTS)),
    *("twist", "hypertrophy_reach"),
)
NUM_DRAWS = len(_DRAWS)

Column = Float[np.ndarray, " subject"]


@dataclass(frozen=True)
class Hearts:
    """End-diastolic hearts, one row per subject; `draws` are what motion still needs."""

    lv_edv_ml: Column
    lv_ef: Column
    """0..1."""
    lv_mass_g: Column
    rv_edv_ml: Column
    rv_esv_ml: Column
    la_volume_ml: Column
    heart_rate_bpm: Column
    length_mm: Column
    short_semi_axis_mm: Column
    """Of the endocardial ellipsoid; its long semi-axis is `length_mm` over 1.327."""
    mean_wall_mm: Column
    wall_mm: Float[np.ndarray, "subject segment"]
    ischaemia: Float[np.ndarray, "subject segment"]
    scar: Float[np.ndarray, "subject segment"]
    draws: dict[str, Column]

    @property
    def long_semi_axis_mm(self) -> Column:
        return self.length_mm / LENGTH_FACTOR


def build_hearts(people: People, af_recorded: Column, normals: Float[np.ndarray, "subject draw"]) -> Hearts:
    """Hearts from people and `NUM_DRAWS` standard normals each; `af_recorded` is 1 where the ECG shows atrial fibrillation."""
    z = dict(zip(_DRAWS, normals.T, strict=True))
    male = people["male"]
    age_z = (people["age_years"] - AGE_MEAN) / AGE_SD
    height_z = (people["height_cm"] - np.where(male, 176, 163)) / 6.5
    bmi_z = (people["bmi"] - np.where(male, 27.1, 26.2)) / 4.3
    pressure, metabolic, fitness = people["pressure_load"], people["metabolic_load"], people["fitness"]
    dilated, hypertrophic = people["dilated"], people["hypertrophic"]
    ischaemia = territory_map({t: people[f"ischaemia_{t}"] for t in TERRITORIES})
    scar = territory_map({t: people[f"scar_{t}"] for t in TERRITORIES})
    scar_share, ischaemia_share = scar @ WALL_SHARE, ischaemia @ WALL_SHARE

    edv = np.where(male, 162.5, 121.5) * np.exp(
        0.055 * height_z + 0.080 * bmi_z + 0.065 * pressure + 0.055 * fitness - 0.030 * metabolic - 0.030 * age_z
        + 0.50 * dilated - 0.12 * hypertrophic + 0.30 * scar_share + 0.125 * z["size"]
    )  # fmt: skip
    mass = np.where(male, 103.0, 71.5) * np.exp(
        0.045 * height_z + 0.068 * bmi_z + 0.106 * pressure + 0.030 * fitness + 0.030 * metabolic - 0.01 * male * age_z
        + 0.30 * dilated + 0.60 * hypertrophic + 0.045 * z["size"] + 0.128 * z["mass"]
    )  # fmt: skip
    ef = np.clip(
        np.where(male, 0.590, 0.614) - 0.006 * metabolic - 0.005 * fitness - 0.32 * dilated - 0.40 * scar_share
        - 0.07 * ischaemia_share + 0.08 * hypertrophic - 0.03 * people["lbbb"] + 0.046 * z["ef"],
        0.10, 0.82,
    )  # fmt: skip
    rv_sv = edv * ef * (1 + 0.035 * z["rv_sv"])
    rv_ef = np.clip(
        np.where(male, 0.542, 0.582) + 0.35 * (ef - 0.60) - 0.012 * people["right_heart_load"] + 0.048 * z["rv_ef"], 0.15, 0.80
    )
    rv_edv = rv_sv / rv_ef
    atrial = people["atrial_substrate"]
    la = np.where(male, 71.0, 61.0) * np.exp(0.05 * height_z + 0.050 * bmi_z + 0.15 * atrial + 0.25 * dilated + 0.15 * z["la"])
    sinus_rate = np.where(male, 63.0, 66.7) - 3.5 * fitness + 2.8 * metabolic + 6 * dilated + 7.6 * z["heart_rate"]
    heart_rate = np.clip(np.where(af_recorded > 0, 88 + 1.6 * (sinus_rate - 65), sinus_rate), 40, 150)

    length = np.where(male, 92.0, 84.0) * np.exp(
        0.030 * height_z + 0.22 * np.log(edv / np.where(male, 163, 123)) + 0.055 * z["length"]
    )
    long_axis = length / LENGTH_FACTOR
    short_axis = np.sqrt(edv * 1000 / (_VOLUME_FACTOR * np.pi * long_axis))
    mean_wall = _wall_from_volume(mass / DENSITY_G_PER_ML * 1000, short_axis, long_axis)

    relative = NORMAL_THICKNESS * (1 + 0.06 * np.stack([z[f"thickness_{k}"] for k in range(NUM_SEGMENTS)], axis=1))
    reach = 0.35 * np.exp(0.6 * z["hypertrophy_reach"])[:, None] * BESIDE_SEPTUM
    thicker = 1 + 1.3 * hypertrophic[:, None] * np.maximum(SEPTUM, np.minimum(reach, 1))
    relative = relative * thicker * (1 - OLD_SCAR_THINNING * scar)
    relative = relative / (relative @ WALL_SHARE)[:, None]
    return Hearts(
        lv_edv_ml=edv, lv_ef=ef, lv_mass_g=mass, rv_edv_ml=rv_edv, rv_esv_ml=rv_edv - rv_sv, la_volume_ml=la,
        heart_rate_bpm=heart_rate, length_mm=length, short_semi_axis_mm=short_axis, mean_wall_mm=mean_wall,
        wall_mm=mean_wall[:, None] * relative, ischaemia=ischaemia, scar=scar, draws=z,
    )  # fmt: skip


def _wall_from_volume(volume_mm3: Column, short_axis_mm: Column, long_axis_mm: Column) -> Column:
    """Thickness at which the shell between endo- and epicardial ellipsoid holds `volume_mm3`, by Newton's method."""
    wall = np.full_like(volume_mm3, 6.0)
    inner = short_axis_mm**2 * long_axis_mm
    for _ in range(6):
        radius, axis = short_axis_mm + wall, long_axis_mm + _EPICARDIAL_LENGTHENING * wall
        excess = _VOLUME_FACTOR * np.pi * (radius**2 * axis - inner) - volume_mm3
        slope = _VOLUME_FACTOR * np.pi * (2 * radius * axis + _EPICARDIAL_LENGTHENING * radius**2)
        wall = wall - excess / slope
    return wall
