"""The page that lays synthetic hearts beside published people: one HTML file that needs nothing beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.atomic import write_atomically
from cardiolens.errors import BadOption
from cardiolens.evaluation.ecg_paper import ecg_paper
from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.pages import data_uri, environment, style
from cardiolens.progress import QUIET, Progress, ProgressTask
from cardiolens.study.checking import figures
from cardiolens.study.checking.examples import Example
from cardiolens.study.checking.findings import Finding, all_findings
from cardiolens.study.checking.measures import NUM_LATENT_DRAWS, draw_latents, measure_subjects
from cardiolens.synthetic.generator import SyntheticConfig, SyntheticSubject, make_subject
from cardiolens.synthetic.published import MEAN_TOLERANCE_SD
from cardiolens.synthetic.risk import PREVALENCE

LEAST_SUBJECTS = 100
"""Fewer subjects cannot hold a mean within a quarter of a standard deviation, sexes apart."""

_ECG_DPI = 90
_NOTES = {
    "Bodies": "Subjects without any of the diseases, as the published ones.",
    "Hearts": "Computed from the geometry that the ECG and the MRI share.",
    "ECG": "Measured on the noisy 10-second recordings, as a cardiograph measures them: median beat, then its waves. "
    "Subjects without disease, bundle branch block or atrial rhythm.",
    "MRI": "Measured on the end-diastolic picture within the masks.",
    "Correlations": "A band is widened by one standard error.",
    "Spreads": "Standard deviations. Allowed: a margin for another population and method, and three standard errors.",
    "Risk and effects": "Oracle: the risk given every covariate and latent, which no model can beat. Effects are "
    "mutually adjusted.",
    "Disease": "Mean of synthetic hearts whose dilation, hypertrophy or scar is at least half of the largest, beside those "
    "with none of it.",
}
_TEMPLATES = files("cardiolens.study.checking") / "templates"
_DEFAULT = SyntheticConfig()


@dataclass(frozen=True)
class CheckResult:
    """What was measured and what came of it."""

    seed: int
    findings: list[Finding]
    rendered: pd.DataFrame
    latent: pd.DataFrame

    @property
    def missed(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.holds]


def check_synthetic(
    *, subjects: int = 400, seed: int = 0, config: SyntheticConfig = _DEFAULT, progress: Progress = QUIET
) -> CheckResult:
    """Render the first `subjects` of a cohort and compare them, and latent draws, with published values.

    Raises:
        BadOption: too few subjects, or a negative seed.
    """
    if subjects < LEAST_SUBJECTS:
        raise BadOption(
            "subjects", found=str(subjects), expected=f"{LEAST_SUBJECTS} or more", remedy="check a larger sample, such as 400"
        )
    with progress.task("check", total=subjects, unit="subjects") as task:
        rendered = measure_subjects(_rendered(subjects, seed, config, task))
    latent = draw_latents(NUM_LATENT_DRAWS, seed)
    return CheckResult(seed, all_findings(rendered, latent), rendered, latent)


def write_page(out: Path, result: CheckResult, examples: list[Example]) -> Path:
    """The page of a finished check with its examples, as the file `out`.

    Raises:
        NoSpace: the disk is full.
    """
    return write_atomically(out, _page(result, examples).encode())


def _rendered(subjects: int, seed: int, config: SyntheticConfig, task: ProgressTask) -> Iterator[SyntheticSubject]:
    for index in range(subjects):
        yield make_subject(seed=seed, index=index, config=config)
        task.advance()


def _page(result: CheckResult, examples: list[Example]) -> str:
    jinja = environment()
    jinja.filters["uri"] = data_uri
    template = jinja.from_string((_TEMPLATES / "synthetic_check.html").read_text(encoding="utf-8"))
    sections = list(dict.fromkeys(finding.section for finding in result.findings))
    sources = list(dict.fromkeys(finding.source for finding in result.findings))
    return template.render(
        style=style(),
        findings=result.findings,
        missed=result.missed,
        sections=[(name, [f for f in result.findings if f.section == name]) for name in sections],
        sources=sources,
        notes=_NOTES,
        distances=figures.distances(result.findings),
        pictures={name: _pictures(name, result) for name in sections},
        examples=[
            {
                "title": example.title,
                "labels": example_labels(example),
                "ecg": ecg_paper(example.subject.recording.signal_mv.astype(np.float64), dpi=_ECG_DPI),
                "heart": figures.heart(example.volumes),
            }
            for example in examples
        ],
        num_subjects=len(result.rendered),
        num_latent=len(result.latent),
        tolerance=f"{MEAN_TOLERANCE_SD:g}",
        seed=result.seed,
    )


def _pictures(section: str, result: CheckResult) -> list[tuple[bytes, str]]:
    """The figures of one section with their captions."""
    if section == "ECG":
        amplitudes = (
            "Wave heights per lead, undiagnosed subjects in sinus rhythm. Recordings of all diagnoses, drawn at one free "
            "scale, went through another processing chain: only their proportions say something."
        )
        return [
            (figures.amplitudes(result.rendered), amplitudes),
            (figures.effects(result.rendered), "What age and sex do."),
        ]
    if section == "Correlations":
        return [(figures.correlations(result.rendered), "ECG against heart, undiagnosed subjects in sinus rhythm.")]
    if section == "Disease":
        disease = (
            "Synthetic hearts by disease (points). Diamonds with bars: ACDC's patients, mean and standard deviation; a dotted "
            "line where only their ejection fraction is known. A population's disease is milder than a referral centre's."
        )
        return [(figures.disease_groups(result.latent), disease)]
    return []


def example_labels(example: Example) -> str:
    """The line under an example's pictures: who, what the ECG measures, what the MRI measures."""
    m = example.measured
    rhythm = m["in_af_while_recorded"] > 0
    who = f"Subject {example.subject.index}: {'man' if m['male'] else 'woman'}, {m['age_years']:.0f} y, BMI {m['bmi']:.0f}"
    pr = "" if rhythm or not math.isfinite(m["pr_ms"]) else f", PR {m['pr_ms']:.0f}"
    ecg = (
        f"{m['heart_rate_bpm']:.0f}/min{pr}, QRS {m['qrs_ms']:.0f}, QTc {m['qtc_ms']:.0f} ms, axis {m['axis_degrees']:.0f}°, "
        f"Sokolow-Lyon {m['sokolow_mv']:.1f} mV"
    )
    thickest = max(m[f"wt_aha_{k}_mm"] for k in range(1, 17))
    heart = (
        f"LVEF {m['lvef_percent']:.0f} %, LVEDV {m['lvedv_ml']:.0f} mL, LV mass {m['lvm_g']:.0f} g "
        f"({m['lvm_index_g_per_m2']:.0f} g/m²), thickest segment {thickest:.0f} mm, RVEDV {m['rvedv_ml']:.0f} mL"
    )
    ill = [column_label(name).name.lower() for name in PREVALENCE if m[f"ill_{name}"]]
    return f"{who}. ECG: {ecg}. MRI: {heart}. Diagnoses drawn: {', '.join(ill) or 'none'}."
