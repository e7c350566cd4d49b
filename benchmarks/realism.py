"""Can a classifier tell synthetic from real normal ECGs by their waves? And by which?

    OMP_NUM_THREADS=1 python benchmarks/realism.py --subjects 300

Q, R, S and T of every lead of the median beat, of real normal recordings of people over 40 and of synthetic people without
heart disease. Prints the area under the ROC curve of two classifiers, cross-validated (0.5: they cannot be told apart), the
waves that give the synthetic ECGs away, and quantiles side by side. Real are the recordings of `looked_at.json` only, about a
dozen: the areas have wide intervals, and a classifier that learns from more real ones would find more.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from real_ecgs import AMPLITUDES, real_ecgs, recordings
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cardiolens.evaluation.delong import Interval, auroc
from cardiolens.signals.heart_beats import median_beat
from cardiolens.signals.wave_amplitudes import wave_amplitudes
from cardiolens.synthetic.generator import SyntheticSubject, make_subject
from cardiolens.types import LEADS, Recording

WAVES = ("Q", "R", "S", "T")
COLUMNS = [f"{wave} {lead}" for wave in WAVES for lead in LEADS]
REPEATS, FOLDS, TREES = 3, 5, 300
OLDER_THAN, YOUNGER_THAN = 40, 76
"""Normal recordings of PTB-XL are young; synthetic people are 45 to 82."""
_LEAST_SPREAD_MV = 0.01
"""Waves that hardly exist vary by less than can be measured."""
SEED = 5000
"""Of the synthetic people; no training cohort uses it."""


@dataclass(frozen=True)
class Realism:
    """What tells synthetic from real."""

    areas: dict[str, Interval]
    """Of each classifier."""
    give_aways: pd.DataFrame
    """One row per wave and lead: medians, their distance in real standard deviations, ratio of spreads, its area alone."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=300)
    parser.add_argument("--show", type=int, default=16, help="give-aways to print")
    options = parser.parse_args()
    ecgs = real_ecgs("looked at")
    real = waves(recordings(normal_ecgs(ecgs)))
    synthetic = waves([made.recording for made in healthy_subjects(options.subjects)])
    found = compare(real, synthetic)
    print(f"{len(real)} real and {len(synthetic)} synthetic normal ECGs")
    for name, area in found.areas.items():
        print(f"AUC of {name}: {area.value:.3f} ({area.low:.2f} to {area.high:.2f})")
    print(found.give_aways.head(options.show).round(2).to_string())
    print(quantiles(real, synthetic).round(2).to_string())


def normal_ecgs(ecgs: pd.DataFrame) -> pd.DataFrame:
    """The normal recordings of people in the age range."""
    return ecgs[ecgs["normal"] & ecgs["age_years"].between(OLDER_THAN, YOUNGER_THAN, inclusive="neither")]


def healthy_subjects(count: int) -> list[SyntheticSubject]:
    """The first `count` synthetic people in the age range whose ECG a reader would hardly call abnormal."""
    found: list[SyntheticSubject] = []
    index = 0
    while len(found) < count:
        made = make_subject(seed=SEED, index=index, with_mri=False)
        if _healthy(made):
            found.append(made)
        index += 1
    return found


def _healthy(made: SyntheticSubject) -> bool:
    state = made.latents
    blocks_and_rhythm = ("lbbb", "rbbb", "lafb", "in_af_while_recorded")
    wall = ("scar_lad", "scar_lcx", "scar_rca", "dilated", "hypertrophic")
    ischaemia = max(state[f"ischaemia_{territory}"] for territory in ("lad", "lcx", "rca"))
    loads = max(state["pressure_load"], state["repolarisation"])
    undiseased = not any(state[name] for name in (*blocks_and_rhythm, *wall)) and ischaemia < 0.3 and loads < 1.3
    return undiseased and made.covariates["age_years"] < YOUNGER_THAN


def waves(ecgs: Sequence[Recording]) -> pd.DataFrame:
    """One row per recording in which beats were found, one column per wave and lead, in mV."""
    return pd.DataFrame([_waves(ecg) for ecg in ecgs], columns=COLUMNS).dropna(ignore_index=True)


def _waves(ecg: Recording) -> Float[np.ndarray, " wave"]:
    found = wave_amplitudes(median_beat(ecg.signal_mv, rate_hz=ecg.rate_hz), rate_hz=ecg.rate_hz)
    return np.concatenate([found.q_mv, found.r_mv, found.s_mv, found.t_mv])


def compare(real: pd.DataFrame, synthetic: pd.DataFrame) -> Realism:
    """Cross-validated areas, and the waves ordered by how well each alone tells the two apart."""
    values = np.concatenate([real.to_numpy(), synthetic.to_numpy()])
    is_synthetic = np.arange(len(values)) >= len(real)
    classifiers = {
        "random forest": RandomForestClassifier(TREES, min_samples_leaf=2, class_weight="balanced_subsample", random_state=0),
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=0.05, class_weight="balanced")),
    }
    areas = {name: auroc(_out_of_fold(one, values, is_synthetic), is_synthetic) for name, one in classifiers.items()}
    alone = np.array([auroc(column, is_synthetic).value for column in values.T])
    table = pd.DataFrame(
        {
            "real_mv": real.median(),
            "synthetic_mv": synthetic.median(),
            "shift_sd": (synthetic.median() - real.median()) / (real.std() + _LEAST_SPREAD_MV),
            "spread_ratio": (synthetic.std() + _LEAST_SPREAD_MV) / (real.std() + _LEAST_SPREAD_MV),
            "auc_alone": np.maximum(alone, 1 - alone),
        }
    )
    return Realism(areas, table.sort_values("auc_alone", ascending=False))


def _out_of_fold(
    classifier: ClassifierMixin, values: Float[np.ndarray, "ecg wave"], is_synthetic: np.ndarray
) -> Float[np.ndarray, " ecg"]:
    scores = [
        cross_val_predict(
            classifier, values, is_synthetic, method="predict_proba",
            cv=StratifiedKFold(FOLDS, shuffle=True, random_state=repeat),
        )[:, 1]
        for repeat in range(REPEATS)
    ]  # fmt: skip
    return np.mean(scores, axis=0)


def quantiles(real: pd.DataFrame, synthetic: pd.DataFrame) -> pd.DataFrame:
    """Quartiles in mV of both, and those of 2,100 PTB-XL recordings of all diagnoses, scaled by one free factor.

    The factor brings the medians of R and S to the real normal ones: the table was made by another processing chain.
    """
    published = pd.read_csv(AMPLITUDES).set_index(["lead", "wave"])
    rows = {
        column: {
            **{f"real_{q:g}": real[column].quantile(q / 100) for q in (25, 50, 75)},
            **{f"synthetic_{q:g}": synthetic[column].quantile(q / 100) for q in (25, 50, 75)},
            **{f"ptbxl_{q:g}": published.loc[(lead, wave), f"p{q:g}"] for q in (5, 50, 95)},
        }
        for column in COLUMNS
        for wave, lead in [column.split()]
    }
    table = pd.DataFrame(rows).T
    large = table.index.str.startswith(("R", "S"))
    ours, theirs = table.loc[large, "real_50"], table.loc[large, "ptbxl_50"]
    return table.assign(**{name: table[name] * (ours @ theirs) / (theirs @ theirs) for name in table if "ptbxl" in name})


if __name__ == "__main__":
    main()
