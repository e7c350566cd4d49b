"""Who the synthetic people are: covariates and latent processes, drawn before any heart, signal or picture.

Latent processes are standard-normal scores (loads, fitness) or extents in 0..1 (ischaemia, scar, cardiomyopathies).
Distributions of age, size and blood pressure follow UK Biobank's imaging visit (Petersen 2017, PLoS ONE 0185114);
dependences between latents are generator defaults, not citations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import expit, ndtr, ndtri

TERRITORIES = ("lad", "lcx", "rca")
AGE_MEAN, AGE_SD = 61.5, 7.5
_YOUNGEST, _OLDEST = 45.0, 82.0

# One standard normal each; the order decides every bit of every subject, so new draws go to the end.
_DRAWS = (
    *("sex", "age", "height", "bmi", "sbp", "dbp", "ldl", "smoker", "fitness", "pressure", "metabolic", "coronary"),
    *("territory_lad", "territory_lcx", "territory_rca", "scar_lad", "scar_lcx", "scar_rca"),
    *("dilated", "hypertrophic", "atrial", "right_heart", "conduction", "lbbb", "rbbb", "lafb", "repolarisation", "frailty"),
)
NUM_DRAWS = len(_DRAWS)


@dataclass(frozen=True)
class Person:
    """One subject. Scores are in standard deviations, extents in 0..1, flags are 0 or 1."""

    male: float
    age_years: float
    height_cm: float
    weight_kg: float
    bmi: float
    systolic_bp_mmhg: float
    diastolic_bp_mmhg: float
    ldl_score: float
    smoker: float
    fitness: float
    pressure_load: float
    metabolic_load: float
    coronary_burden: float
    ischaemia_lad: float
    ischaemia_lcx: float
    ischaemia_rca: float
    scar_lad: float
    scar_lcx: float
    scar_rca: float
    dilated: float
    hypertrophic: float
    atrial_substrate: float
    right_heart_load: float
    conduction_slowness: float
    lbbb: float
    rbbb: float
    lafb: float
    repolarisation: float
    """Non-specific T-wave change (drugs, electrolytes) that belongs to no disease."""
    frailty: float
    """Acts on every disease and on nothing that can be seen."""

    @property
    def age_score(self) -> float:
        return (self.age_years - AGE_MEAN) / AGE_SD

    @property
    def body_surface_m2(self) -> float:
        """DuBois."""
        return 0.007184 * self.weight_kg**0.425 * self.height_cm**0.725


COVARIATES = (*("age_years", "height_cm", "weight_kg", "bmi", "systolic_bp_mmhg", "diastolic_bp_mmhg", "ldl_score", "smoker"),)
LATENTS = tuple(name for name in Person.__dataclass_fields__ if name not in (*COVARIATES, "male"))

People = dict[str, Float[np.ndarray, " subject"]]
"""The columns of `Person`, one row per subject."""


def draw_people(normals: Float[np.ndarray, "subject draw"]) -> People:
    """People from `NUM_DRAWS` independent standard normals each."""
    z = dict(zip(_DRAWS, normals.T, strict=True))
    male = (ndtr(z["sex"]) < 0.48).astype(float)
    # A little wider and younger before it is cut off at both ends.
    middle, width = np.where(male, 62.5, 61.0), 8.3
    low, high = ndtr((_YOUNGEST - middle) / width), ndtr((_OLDEST - middle) / width)
    age = middle + width * ndtri(low + (high - low) * ndtr(z["age"]))
    age_z = (age - AGE_MEAN) / AGE_SD
    sex_sign = 2 * male - 1

    height = np.where(male, 176 + 6.7 * z["height"], 163 + 6.1 * z["height"]) - 0.6 * age_z
    bmi_sigma = np.where(male, 0.145, 0.175)
    bmi = np.where(male, 27.3, 26.4) * np.exp(bmi_sigma * np.clip(z["bmi"], -2.8, 3.2) - bmi_sigma**2 / 2)
    sbp_z = 0.30 * age_z + 0.18 * z["bmi"] + 0.93 * z["sbp"]
    sbp = np.clip(np.where(male, 141.5 + 16 * sbp_z, 133.7 + 18.5 * sbp_z), 85, 230)
    dbp = np.clip(np.where(male, 81.0, 77.0) + 10 * (0.6 * (sbp_z - 0.3 * age_z) - 0.1 * age_z + 0.79 * z["dbp"]), 45, 130)
    smoker = (ndtr(z["smoker"]) < 0.37).astype(float)

    fitness = -0.30 * z["bmi"] - 0.25 * age_z + 0.92 * z["fitness"]
    pressure = 0.60 * sbp_z + 0.15 * age_z + 0.10 * z["bmi"] + 0.68 * z["pressure"]
    metabolic = 0.50 * z["bmi"] + 0.20 * age_z + 0.15 * sex_sign - 0.10 * fitness + 0.75 * z["metabolic"]
    coronary = (
        0.35 * age_z + 0.30 * sex_sign + 0.18 * sbp_z + 0.20 * z["ldl"] + 0.50 * (smoker - 0.37) + 0.15 * metabolic
    ) + 0.78 * z["coronary"]
    ischaemia, scar = {}, {}
    for t in TERRITORIES:
        ischaemia[t] = np.clip((0.85 * coronary + 0.55 * z[f"territory_{t}"] - 1.35) / 1.5, 0, 1)
        scar[t] = np.clip(ischaemia[t] * (0.85 + 0.9 * z[f"scar_{t}"]) - 0.12, 0, 1)
    any_scar = np.maximum.reduce(list(scar.values()))
    dilated = np.clip((z["dilated"] + 0.15 * pressure + 0.8 * any_scar - 1.95) / 1.3, 0, 1)
    atrial = (
        0.40 * age_z + 0.30 * pressure + 0.20 * z["bmi"] + 0.10 * sex_sign + 0.15 * z["height"] + 0.8 * dilated
    ) + 0.75 * z["atrial"]
    right = 0.20 * age_z + 0.40 * (smoker - 0.37) + 0.95 * z["right_heart"]

    return {
        "male": male,
        "age_years": age,
        "height_cm": height,
        "weight_kg": bmi * (height / 100) ** 2,
        "bmi": bmi,
        "systolic_bp_mmhg": sbp,
        "diastolic_bp_mmhg": dbp,
        "ldl_score": z["ldl"],
        "smoker": smoker,
        "fitness": fitness,
        "pressure_load": pressure,
        "metabolic_load": metabolic,
        "coronary_burden": coronary,
        **{f"ischaemia_{t}": ischaemia[t] for t in TERRITORIES},
        **{f"scar_{t}": scar[t] for t in TERRITORIES},
        "dilated": dilated,
        "hypertrophic": np.clip((z["hypertrophic"] - 2.2) / 1.0, 0, 1),
        "atrial_substrate": atrial,
        "right_heart_load": right,
        "conduction_slowness": 0.2 * age_z + 0.98 * z["conduction"] + 1.5 * dilated,
        "lbbb": _flag(z["lbbb"], -5.3 + 0.5 * age_z + 4.0 * dilated + 1.0 * any_scar),
        "rbbb": _flag(z["rbbb"], -4.0 + 0.5 * age_z + 0.3 * right),
        "lafb": _flag(z["lafb"], -3.8 + 0.4 * age_z + 1.0 * ischaemia["lad"]),
        "repolarisation": z["repolarisation"],
        "frailty": 0.8 * z["frailty"],
    }


def _flag(z: Float[np.ndarray, " subject"], log_odds: Float[np.ndarray, " subject"]) -> Float[np.ndarray, " subject"]:
    return (ndtr(z) < expit(log_odds)).astype(float)
