"""What is measured on synthetic subjects, so that it can be laid beside published values: one row per subject.

Hearts and bodies come from the generator; everything about the ECG is measured on the noisy 10-second recording, as it
would be on a person's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.signals.heart_beats import find_beats, median_beat, rr_intervals_ms, rr_irregularity
from cardiolens.signals.wave_amplitudes import wave_amplitudes
from cardiolens.signals.wave_intervals import bazett, frontal_axis_degrees, wave_times
from cardiolens.synthetic import anatomy, population
from cardiolens.synthetic.generator import SyntheticSubject
from cardiolens.synthetic.motion import contract
from cardiolens.synthetic.phenotypes import phenotype_matrix
from cardiolens.synthetic.published import Among, Sex
from cardiolens.synthetic.risk import PREVALENCE, draw_diseases, true_risk
from cardiolens.types import LEADS, CineStack

NUM_LATENT_DRAWS = 20_000

_MID_SEGMENTS = [f"wt_aha_{k}_mm" for k in range(7, 13)]
_P_SEARCH_MS = 120.0
_MS_PER_SAMPLE = 2.0


def draw_latents(num_subjects: int, seed: int) -> pd.DataFrame:
    """People and hearts without signal or picture; diseases in columns `ill_*`, their true risk in `risk_*`."""
    rng = np.random.default_rng([seed, 20])
    people = population.draw_people(rng.standard_normal((num_subjects, population.NUM_DRAWS)))
    hearts = anatomy.build_hearts(people, np.zeros(num_subjects), rng.standard_normal((num_subjects, anatomy.NUM_DRAWS)))
    phenotypes = phenotype_matrix(hearts, contract(people, hearts))
    ill = draw_diseases(people, rng.random((num_subjects, len(PREVALENCE))))
    table = pd.DataFrame(
        people
        | dict(zip(PHENOTYPE_COLUMNS, phenotypes.T, strict=True))
        | {f"ill_{name}": column.astype(float) for name, column in ill.items()}
        | {f"risk_{name}": column for name, column in true_risk(people).items()}
        | {"la_volume_ml": hearts.la_volume_ml, "heart_rate_bpm": hearts.heart_rate_bpm, "in_af_while_recorded": 0.0}
    )
    return _with_derived(table)


def measure_subjects(subjects: Iterable[SyntheticSubject]) -> pd.DataFrame:
    """One row per rendered subject, with everything `draw_latents` has and what its ECG shows."""
    rows = [
        {"index": s.index, "male": float(s.covariates["sex"] == "M")}
        | {name: value for name, value in s.covariates.items() if name != "sex"}
        | s.phenotypes
        | s.latents
        | {f"ill_{name}": float(ill) for name, ill in s.diseases.items()}
        | {f"risk_{name}": risk for name, risk in s.true_risk.items()}
        | measure_ecg(s.recording.signal_mv.astype(np.float64))
        | ({} if s.cine is None else measure_picture(s.cine))
        for s in subjects
    ]
    return _with_derived(pd.DataFrame(rows))


def measure_ecg(signal_mv: Float[np.ndarray, "12 time"]) -> dict[str, float]:
    """Intervals, axis, voltages and the wave heights (`r_V1_mv` and so on) of one recording; NaN where not found."""
    beats = find_beats(signal_mv)
    beat = median_beat(signal_mv, beats=beats)
    times = wave_times(beat)
    waves = wave_amplitudes(beat, times=times)
    rr = rr_intervals_ms(beats)
    rr_ms = float(np.median(rr)) if len(rr) else math.nan
    heights = {"q": waves.q_mv, "r": waves.r_mv, "s": waves.s_mv, "t": waves.t_mv}
    return {
        "heart_rate_bpm": 60_000 / rr_ms,
        "rr_irregularity": rr_irregularity(beats),
        "pr_ms": times.pr_ms,
        "qrs_ms": times.qrs_ms,
        "qt_ms": times.qt_ms,
        "qtc_ms": bazett(times.qt_ms, rr_ms) if math.isfinite(rr_ms) else math.nan,
        "axis_degrees": frontal_axis_degrees(beat, times),
        "p_ii_mv": _p_height(beat[LEADS.index("II")], times.p_onset_ms),
        "sokolow_mv": waves.sokolow_lyon_mv,
        "cornell_mv": waves.cornell_mv,
    } | {f"{wave}_{lead}_mv": float(mv) for wave, column in heights.items() for lead, mv in zip(LEADS, column, strict=True)}


def measure_picture(cine: CineStack) -> dict[str, float]:
    """How bright the wall and the right cavity are at end-diastole, as shares of the left cavity."""
    assert cine.masks is not None, "a synthetic cine has its masks"
    frame, mask = cine.frames[0, 0], cine.masks[0, 0]
    cavity, wall, right = (float(np.median(frame[mask == label])) if (mask == label).any() else math.nan for label in (1, 2, 3))
    return {"wall_to_blood": wall / cavity, "rv_to_blood": right / cavity}


def chosen(table: pd.DataFrame, *, sex: Sex, among: Among) -> Bool[np.ndarray, " subject"]:
    """Which subjects a published value is compared with."""
    keep = np.ones(len(table), dtype=bool)
    if sex is not Sex.BOTH:
        keep &= table["male"].to_numpy() == (sex is Sex.MEN)
    excluded = [f"ill_{name}" for name in PREVALENCE] if among is not Among.EVERYONE else []
    excluded += ["lbbb", "rbbb", "in_af_while_recorded"] if among is Among.SINUS else []
    for column in excluded:
        keep &= table[column].to_numpy() == 0
    return keep


def undiagnosed_sinus(table: pd.DataFrame) -> pd.DataFrame:
    """The subjects without disease, bundle branch block or atrial rhythm."""
    return table[chosen(table, sex=Sex.BOTH, among=Among.SINUS)]


def _with_derived(table: pd.DataFrame) -> pd.DataFrame:
    body_surface = 0.007184 * table["weight_kg"] ** 0.425 * table["height_cm"] ** 0.725
    return table.assign(lvm_index_g_per_m2=table["lvm_g"] / body_surface, mid_wall_mm=table[_MID_SEGMENTS].mean(axis=1))


def _p_height(lead_two: Float[np.ndarray, " beat_time"], onset_ms: float) -> float:
    """Height of P above its own onset."""
    if not math.isfinite(onset_ms):
        return math.nan
    onset = round(onset_ms / _MS_PER_SAMPLE)
    return float(lead_two[onset : onset + round(_P_SEARCH_MS / _MS_PER_SAMPLE)].max() - lead_two[onset])
