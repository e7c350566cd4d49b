"""One synthetic subject: ECG, cine MRI, phenotypes and diseases from one set of parameters.

`make_subject` is a pure function: subject k of seed s has the same bits in every cohort, order and process. What it is
not: a patient. Nothing here is a measurement of a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cardiolens.errors import BadOption
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.synthetic import anatomy, population
from cardiolens.synthetic.draws import Part, generator
from cardiolens.synthetic.electrophysiology import simulate_beats
from cardiolens.synthetic.motion import contract
from cardiolens.synthetic.mri import render_cine
from cardiolens.synthetic.phenotypes import phenotype_matrix
from cardiolens.synthetic.population import COVARIATES, LATENTS, Person
from cardiolens.synthetic.recording import clean_strip, record
from cardiolens.synthetic.rhythm import draw_rhythm
from cardiolens.synthetic.risk import PREVALENCE, draw_diseases, true_risk
from cardiolens.synthetic.settings import SyntheticConfig
from cardiolens.types import LEADS, RATE_HZ, CineStack, Recording

__all__ = ["SyntheticConfig", "SyntheticSubject", "make_subject"]

_DEFAULT = SyntheticConfig()


@dataclass(frozen=True)
class SyntheticSubject:
    """Everything about one synthetic subject."""

    index: int
    recording: Recording
    """12 leads, 10 s, 500 Hz, mV, with noise."""
    cine: CineStack | None
    """End-diastole, half of systole and end-systole of one mid-ventricular slice, with masks."""
    covariates: dict[str, float | str]
    diseases: dict[str, bool]
    phenotypes: dict[str, float]
    """The 61 columns of `PHENOTYPE_COLUMNS`."""
    latents: dict[str, float]
    true_risk: dict[str, float]
    """Probability of each disease given covariates and latents, averaged over frailty."""


def make_subject(*, seed: int, index: int, config: SyntheticConfig = _DEFAULT, with_mri: bool = True) -> SyntheticSubject:
    """Subject `index` of the cohort `seed`.

    Raises:
        BadOption: seed or index is negative.
    """
    for name, value in (("seed", seed), ("index", index)):
        if value < 0:
            raise BadOption(name, found=str(value), expected="0 or more", remedy="choose a number that is not negative")
    people = population.draw_people(generator(seed, index, Part.PERSON).standard_normal((1, population.NUM_DRAWS)))
    person = Person(**{name: float(column[0]) for name, column in people.items()})
    disease_rng = generator(seed, index, Part.DISEASE)
    diseases = {name: bool(ill[0]) for name, ill in draw_diseases(people, disease_rng.random((1, len(PREVALENCE)))).items()}
    in_af = diseases["af"] and disease_rng.random() < config.af_recorded_share
    hearts = anatomy.build_hearts(
        people, np.array([float(in_af)]), generator(seed, index, Part.HEART).standard_normal((1, anatomy.NUM_DRAWS))
    )
    motion = contract(people, hearts)
    name = f"synthetic seed {seed} subject {index}"
    cine = None
    if with_mri:
        cine = render_cine(person, hearts, motion, config=config, rng=generator(seed, index, Part.MRI), source=name)
    latents = {name: getattr(person, name) for name in LATENTS} | {
        "in_af_while_recorded": float(in_af),
        "la_volume_ml": float(hearts.la_volume_ml[0]),
    }
    return SyntheticSubject(
        index=index,
        recording=_record(seed, index, config, person, hearts, in_af, name),
        cine=cine,
        covariates={"sex": _sex(person), "heart_rate_bpm": float(hearts.heart_rate_bpm[0])}
        | {name: getattr(person, name) for name in COVARIATES},
        diseases=diseases,
        phenotypes=dict(zip(PHENOTYPE_COLUMNS, phenotype_matrix(hearts, motion)[0].tolist(), strict=True)),
        latents=latents,
        true_risk={name: float(risk[0]) for name, risk in true_risk(people).items()},
    )


def _record(
    seed: int, index: int, config: SyntheticConfig, person: Person, hearts: anatomy.Hearts, in_af: bool, source: str
) -> Recording:
    beats = simulate_beats(
        person, hearts, electrode_shift_mm=config.electrode_shift_mm, rng=generator(seed, index, Part.CONDUCTION)
    )
    rng = generator(seed, index, Part.RHYTHM)
    times = draw_rhythm(
        heart_rate_bpm=float(hearts.heart_rate_bpm[0]), age_score=person.age_score, pr_ms=beats.pr_ms, in_af=in_af,
        irritable=person.age_score, rng=rng,
    )  # fmt: skip
    strip = clean_strip(beats, times, rng)
    return Recording(
        signal_mv=record(strip, times, noise=config.ecg_noise, rng=generator(seed, index, Part.RECORDING)),
        leads=LEADS,
        rate_hz=RATE_HZ,
        source=source,
        age_years=person.age_years,
        sex=_sex(person),
        device="synthetic",
    )


def _sex(person: Person) -> str:
    return "M" if person.male else "F"
