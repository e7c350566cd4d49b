"""Who falls ill: logistic risk over covariates and latents, never over what the ECG or the MRI shows.

Coefficients are generator defaults in the order of magnitude of CHARGE-AF and of common risk scores. An infarction is
drawn among people with coronary disease, of which it is a part by definition (ICD-10 I21-I25 within I20-I25); one frailty
ties all diseases of a person together. Intercepts were solved once on a large reference population
(`python -m cardiolens.synthetic.risk`), so that prevalences hold in expectation and no subject depends on the cohort
around it.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import expit

from cardiolens.synthetic.population import AGE_MEAN, NUM_DRAWS, TERRITORIES, People, draw_people

PREVALENCE = {"cad": 0.0722, "af": 0.0298, "dm": 0.0446, "hf": 0.018, "mi": 0.024, "cardiomyopathy": 0.005, "scd": 0.006}
"""CAD, AF and DM as in Turgut et al. (UK Biobank, past and future diagnoses). The second system's authors give no rates:
those of heart failure, infarction and cardiomyopathy are generator defaults in the order of magnitude of UK Biobank's
imaging visit; sudden cardiac death follows 0.57 ventricular arrhythmias per 1,000 person-years of UK Biobank over ten
years (Khurshid 2018, Circ Arrhythm Electrophysiol 11:e006273)."""

PART_OF = {"mi": "cad"}
"""Diseases that only people with another one have."""

INTERCEPTS = {
    "cad": -3.70490,
    "af": -4.74006,
    "dm": -3.84241,
    "hf": -5.64520,
    "mi": -2.51238,
    "cardiomyopathy": -6.34529,
    "scd": -6.66951,
}

_FRAILTY_SD = 0.8
_REFERENCE_SUBJECTS = 400_000

Column = Float[np.ndarray, " subject"]


def log_odds(people: People) -> dict[str, Column]:
    """Log odds of each disease for a person of average frailty, without the intercept; of parts, given the whole."""
    age = people["age_years"] - AGE_MEAN
    sbp = (people["systolic_bp_mmhg"] - 137) / 18
    male = people["male"] - 0.5
    smoker = people["smoker"] - 0.37
    worst_ischaemia = np.maximum.reduce([people[f"ischaemia_{t}"] for t in TERRITORIES])
    any_scar = np.maximum.reduce([people[f"scar_{t}"] for t in TERRITORIES])
    return {
        "cad": (
            0.6 * male + 0.04 * age + 0.10 * sbp + 0.20 * people["ldl_score"] + 0.3 * smoker
            + 0.50 * people["coronary_burden"] + 1.5 * worst_ischaemia + 1.4 * any_scar + 0.15 * people["metabolic_load"]
        ),
        "af": (
            0.4 * male + 0.07 * age + 0.15 * sbp + 0.05 * (people["height_cm"] - 169) / 5
            + 0.85 * people["atrial_substrate"] + 1.5 * people["dilated"] + 0.8 * any_scar
        ),
        "dm": (
            0.3 * male + 0.02 * age + 0.05 * (people["bmi"] - 26.6) / 1.0 + 0.85 * people["metabolic_load"]
            - 0.10 * people["fitness"]
        ),
        "hf": (
            0.06 * age + 0.2 * male + 0.30 * people["pressure_load"] + 0.25 * people["metabolic_load"]
            + 0.45 * people["atrial_substrate"] + 0.20 * people["right_heart_load"] - 0.25 * people["fitness"]
            + 3.5 * people["dilated"] + 1.0 * people["hypertrophic"] + 2.5 * any_scar + 0.4 * people["lbbb"]
        ),
        "mi": 0.5 * male + 0.3 * smoker + 0.30 * people["coronary_burden"] + 2.2 * any_scar,
        "cardiomyopathy": (
            0.5 * male + 0.01 * age + 6.0 * people["dilated"] + 6.0 * people["hypertrophic"] + 0.5 * people["lbbb"]
            + 0.20 * people["pressure_load"]
        ),
        "scd": (
            0.6 * male + 0.04 * age + 0.3 * smoker + 0.30 * people["coronary_burden"] + 1.2 * worst_ischaemia
            + 2.0 * any_scar + 2.5 * people["dilated"] + 2.5 * people["hypertrophic"]
        ),
    }  # fmt: skip


def true_risk(people: People) -> dict[str, Column]:
    """Probability of each disease given every covariate and latent but frailty: the best any predictor could do.

    One exception: whoever fibrillates while recorded shows the label itself, which no latent does.
    """
    nodes, weights = _frailty_nodes()
    given = _risk_given_frailty({name: lp[:, None] for name, lp in log_odds(people).items()}, nodes)
    return {name: risk @ weights for name, risk in given.items()}


def draw_diseases(people: People, uniforms: Float[np.ndarray, "subject disease"]) -> dict[str, np.ndarray]:
    """Who is ill, from one uniform number per subject and disease in the order of `PREVALENCE`."""
    lps = log_odds(people)
    ill = {name: uniforms[:, k] < expit(lps[name] + INTERCEPTS[name] + people["frailty"]) for k, name in enumerate(PREVALENCE)}
    return ill | {part: ill[part] & ill[whole] for part, whole in PART_OF.items()}


def solve_intercepts(num_subjects: int = _REFERENCE_SUBJECTS) -> dict[str, float]:
    """The intercepts at which mean risk equals prevalence on a reference population of seed 0."""
    people = draw_people(np.random.default_rng(0).standard_normal((num_subjects, NUM_DRAWS)))
    lps = {name: lp[:, None] for name, lp in log_odds(people).items()}
    nodes, weights = _frailty_nodes()
    solved: dict[str, float] = {}
    for name in sorted(PREVALENCE, key=lambda name: name in PART_OF):
        whole = expit(lps[PART_OF[name]] + solved[PART_OF[name]] + nodes) if name in PART_OF else 1.0

        def excess(intercept: float, lp: np.ndarray = lps[name], whole: np.ndarray | float = whole, name: str = name) -> float:
            return float((whole * expit(lp + intercept + nodes) @ weights).mean() - PREVALENCE[name])

        solved[name] = float(brentq(excess, -15, 5, xtol=1e-6))
    return {name: solved[name] for name in PREVALENCE}


def _risk_given_frailty(
    log_odds: dict[str, Float[np.ndarray, "subject 1"]], frailty: Float[np.ndarray, " node"]
) -> dict[str, Float[np.ndarray, "subject node"]]:
    risk = {name: expit(lp + INTERCEPTS[name] + frailty) for name, lp in log_odds.items()}
    return risk | {part: risk[part] * risk[whole] for part, whole in PART_OF.items()}


@functools.cache
def _frailty_nodes() -> tuple[Float[np.ndarray, " node"], Float[np.ndarray, " node"]]:
    """Frailties and weights whose sum is the mean over frailty (Gauss and Hermite)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    return _FRAILTY_SD * nodes, weights / math.sqrt(2 * math.pi)


if __name__ == "__main__":
    for disease, intercept in solve_intercepts().items():
        print(f"{disease} {intercept:.5f}")
