"""Numbers the check compares that take more than a mean: effects by regression, amplitudes per lead, areas, group members."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from cardiolens.evaluation.delong import auroc
from cardiolens.study.checking.measures import chosen, undiagnosed_sinus
from cardiolens.synthetic import published
from cardiolens.synthetic.published import Among, Sex
from cardiolens.types import LEADS

_COVARIATES = ("male", "age_years", "height_cm", "bmi", "systolic_bp_mmhg", "diastolic_bp_mmhg", "smoker")
_BMI_SD, _SBP_SD = 4.3, 18.0


def ecg_value(key: str, rendered: pd.DataFrame) -> float:
    """The number that the ECG band `key` is about."""
    sinus = undiagnosed_sinus(rendered)
    men, women = sinus[sinus["male"] == 1], sinus[sinus["male"] == 0]
    if key in ("qrs_men_minus_women", "qtc_men_minus_women"):
        column = f"{key.split('_')[0]}_ms"
        return float(men[column].mean() - women[column].mean())
    if key == "sokolow_per_decade":
        known = sinus.dropna(subset="sokolow_mv")
        return 100 * (math.exp(10 * _slopes(known, "sokolow_mv", ("age_years", "male", "bmi"))["age_years"]) - 1)
    if key == "p_ii_mv":
        return float(sinus["p_ii_mv"].median())
    if key == "amplitudes_within":
        return float(np.mean([inside for *_, inside in amplitude_medians(rendered)]))
    if key == "amplitude_profile_r":
        return _profile_r(rendered)
    column = {"heart_rate_within": "heart_rate_bpm", "axis_within": "axis_degrees"}.get(key, key.replace("_within", "_ms"))
    low, high = published.MASON_RANGES[column]
    return float(sinus[column].dropna().between(low, high).mean())


def amplitude_medians(rendered: pd.DataFrame) -> list[tuple[str, str, float, float, float, bool]]:
    """Lead, wave, synthetic median, normal median, half width of the reference's middle half, and whether it is inside."""
    sinus = undiagnosed_sinus(rendered)
    rows = []
    for lead in LEADS:
        for wave, normal, (_, sd) in zip(
            published.WAVES, published.NORMAL_AMPLITUDES_MV[lead], published.ALL_AMPLITUDES_MV[lead], strict=True
        ):
            if normal is None:
                continue
            found = float(amplitude(sinus, wave, lead).median())
            half = published.MIDDLE_HALF_SD * published.ALL_TO_NORMAL * sd
            rows.append((lead, wave, found, normal, half, abs(found - normal) <= half))
    return rows


def _profile_r(rendered: pd.DataFrame) -> float:
    # In aVR the two references call different deflections S.
    pairs = [
        (amplitude(rendered, wave, lead).median(), median)
        for lead in LEADS
        for wave, (median, _) in zip(published.WAVES, published.ALL_AMPLITUDES_MV[lead], strict=True)
        if lead != "aVR"
    ]
    return float(np.corrcoef(np.array(pairs).T)[0, 1])


def amplitude(table: pd.DataFrame, wave: str, lead: str) -> pd.Series:
    """One wave in one lead, in mV, as the reference for normal beats measures it: S is the lowest point of the whole QRS,
    T the highest of the ST-T, zero where it only falls.
    """
    column = table[f"{wave.lower()}_{lead}_mv"]
    if wave == "S":
        column = np.minimum(column, table[f"q_{lead}_mv"])
    return (column.clip(lower=0) if wave == "T" else column).dropna()


def latent_value(key: str, latent: pd.DataFrame) -> float:
    """The number that the latent band `key` is about."""
    if key.startswith("auc_"):
        name = key.removeprefix("auc_")
        return auroc(latent[f"risk_{name}"].to_numpy(), latent[f"ill_{name}"].to_numpy() > 0).value
    well = latent[chosen(latent, sex=Sex.BOTH, among=Among.UNDIAGNOSED)]
    if key == "mass_r2":
        x, y = _design(well, _COVARIATES), np.log(well["lvm_g"].to_numpy())
        residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
        return float(1 - residual.var() / y.var())
    if "_per_" in key:
        outcome, _, cause = key.partition("_per_")
        column = {"mass": "lvm_g", "edv": "lvedv_ml", "rv_edv": "rvedv_ml", "la": "la_volume_ml"}[outcome]
        name, sd = {"bmi": ("bmi", _BMI_SD), "sbp": ("systolic_bp_mmhg", _SBP_SD)}[cause]
        return 100 * (math.exp(sd * _slopes(well, column, _COVARIATES)[name]) - 1)
    column = {"r_age_ef": "lvef_percent", "r_age_edv": "lvedv_ml"}[key]
    return float(np.mean([part[["age_years", column]].corr().iloc[0, 1] for _, part in well.groupby("male")]))


def _slopes(table: pd.DataFrame, outcome: str, causes: tuple[str, ...]) -> dict[str, float]:
    """Change of the outcome's logarithm per unit of each cause, mutually adjusted."""
    found = np.linalg.lstsq(_design(table, causes), np.log(table[outcome].to_numpy()), rcond=None)[0]
    return dict(zip(causes, found[1:].tolist(), strict=True))


def _design(table: pd.DataFrame, columns: tuple[str, ...]) -> np.ndarray:
    return np.column_stack([np.ones(len(table)), *(table[name] - table[name].mean() for name in columns)])


def acdc_groups(latent: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Synthetic hearts of ACDC's kinds: dilated, hypertrophic, scarred, and those with none of it nor any diagnosis."""
    scar = latent[["scar_lad", "scar_lcx", "scar_rca"]].max(axis=1)
    extents = pd.concat([latent["dilated"], latent["hypertrophic"], scar], axis=1)
    healthy = (extents == 0).all(axis=1)
    well = latent[healthy & chosen(latent, sex=Sex.BOTH, among=Among.UNDIAGNOSED)]
    from_extent = published.ACDC_EXTENT
    return {
        "NOR": well,
        "DCM": latent[latent["dilated"] >= from_extent],
        "HCM": latent[latent["hypertrophic"] >= from_extent],
        "MINF": latent[(scar >= from_extent) & (latent["dilated"] < from_extent)],
    }
