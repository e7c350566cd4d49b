"""Who falls ill: logistic risk over covariates and latents, never over what the ECG or the MRI shows.

Coefficients are generator defaults in the order of magnitude of CHARGE-AF and of common risk scores. Intercepts were
solved once on a large reference population (`python -m cardiolens.synthetic.risk`), so that prevalences hold in
expectation and no subject depends on the cohort around it.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import expit

from cardiolens.synthetic.population import AGE_MEAN, NUM_DRAWS, People, draw_people

PREVALENCE = {"cad": 0.0722, "af": 0.0298, "dm": 0.0446}
"""As in Turgut et al. (UK Biobank, past and future diagnoses)."""

INTERCEPTS = {"cad": -3.68185, "af": -4.60187, "dm": -3.79147}

_FRAILTY_SD = 0.8
_REFERENCE_SUBJECTS = 400_000


def log_odds(people: People) -> dict[str, Float[np.ndarray, " subject"]]:
    """Log odds of each disease for a person of average frailty, without the intercept."""
    age = people["age_years"] - AGE_MEAN
    sbp = (people["systolic_bp_mmhg"] - 137) / 18
    male = people["male"] - 0.5
    smoker = people["smoker"] - 0.37
    worst_ischaemia = np.maximum.reduce([people[f"ischaemia_{t}"] for t in ("lad", "lcx", "rca")])
    any_scar = np.maximum.reduce([people[f"scar_{t}"] for t in ("lad", "lcx", "rca")])
    return {
        "cad": (
            0.6 * male + 0.04 * age + 0.10 * sbp + 0.20 * people["ldl_score"] + 0.3 * smoker
            + 0.55 * people["coronary_burden"] + 1.6 * worst_ischaemia + 1.6 * any_scar + 0.15 * people["metabolic_load"]
        ),
        "af": (
            0.4 * male + 0.07 * age + 0.15 * sbp + 0.05 * (people["height_cm"] - 169) / 5
            + 0.85 * people["atrial_substrate"] + 1.5 * people["dilated"] + 0.8 * any_scar
        ),
        "dm": (
            0.3 * male + 0.02 * age + 0.05 * (people["bmi"] - 26.6) / 1.0 + 0.85 * people["metabolic_load"]
            - 0.10 * people["fitness"]
        ),
    }  # fmt: skip


def true_risk(people: People) -> dict[str, Float[np.ndarray, " subject"]]:
    """Probability of each disease given every covariate and latent but frailty: the best any predictor could do."""
    return {name: _mean_over_frailty(lp + INTERCEPTS[name]) for name, lp in log_odds(people).items()}


def draw_diseases(people: People, uniforms: Float[np.ndarray, "subject disease"]) -> dict[str, np.ndarray]:
    """Who is ill, from one uniform number per subject and disease; frailty adds to every log odds."""
    lps = log_odds(people)
    return {name: uniforms[:, k] < expit(lps[name] + INTERCEPTS[name] + people["frailty"]) for k, name in enumerate(PREVALENCE)}


def solve_intercepts(num_subjects: int = _REFERENCE_SUBJECTS) -> dict[str, float]:
    """The intercepts at which mean risk equals prevalence on a reference population of seed 0."""
    people = draw_people(np.random.default_rng(0).standard_normal((num_subjects, NUM_DRAWS)))
    return {
        name: brentq(lambda b, lp=lp, name=name: _mean_over_frailty(lp + b).mean() - PREVALENCE[name], -15, 5, xtol=1e-6)
        for name, lp in log_odds(people).items()
    }


def _mean_over_frailty(log_odds: Float[np.ndarray, " subject"]) -> Float[np.ndarray, " subject"]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    return expit(log_odds[:, None] + _FRAILTY_SD * nodes) @ (weights / math.sqrt(2 * math.pi))


if __name__ == "__main__":
    for disease, intercept in solve_intercepts().items():
        print(f"{disease} {intercept:.5f}")
