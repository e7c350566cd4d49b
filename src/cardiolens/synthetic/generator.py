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
from cardiolens.synthetic.motion import Motion, contract, end_systole_ms, systole_fraction
from cardiolens.synthetic.mri import render_cine, render_stack
from cardiolens.synthetic.phenotypes import exact_strains, phenotype_matrix
from cardiolens.synthetic.population import COVARIATES, LATENTS, Person
from cardiolens.synthetic.recording import clean_strip, record
from cardiolens.synthetic.rhythm import draw_rhythm
from cardiolens.synthetic.risk import PREVALENCE, draw_diseases, true_risk
from cardiolens.synthetic.settings import SyntheticConfig
from cardiolens.types import LEADS, RATE_HZ, CineStack, Recording

__all__ = ["SyntheticConfig", "SyntheticSubject", "make_cine", "make_slice_cine", "make_subject", "make_volumes"]

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
    exact_strains: dict[str, float]
    """The strains among them without the errors of tracking."""
    latents: dict[str, float]
    true_risk: dict[str, float]
    """Probability of each disease given covariates and latents, averaged over frailty."""


def make_subject(
    *, seed: int, index: int, config: SyntheticConfig = _DEFAULT, with_mri: bool = True, visit: int = 0
) -> SyntheticSubject:
    """Subject `index` of the cohort `seed`. At a later `visit` the ECG of the same heart is recorded anew; nothing else is.

    Raises:
        BadOption: seed, index or visit is negative.
    """
    drawn = _draw(seed, index, config, visit)
    person, hearts, motion, in_af = drawn.person, drawn.hearts, drawn.motion, drawn.in_af
    cine = None
    if with_mri:
        cine = render_cine(person, hearts, motion, config=config, rng=generator(seed, index, Part.MRI), source=drawn.source)
    latents = {name: getattr(person, name) for name in LATENTS} | {
        "in_af_while_recorded": float(in_af),
        "la_volume_ml": float(hearts.la_volume_ml[0]),
    }
    return SyntheticSubject(
        index=index,
        recording=_record(seed, index, config, drawn, visit),
        cine=cine,
        covariates={"sex": _sex(person), "heart_rate_bpm": float(hearts.heart_rate_bpm[0])}
        | {name: getattr(person, name) for name in COVARIATES},
        diseases=drawn.diseases,
        phenotypes=dict(zip(PHENOTYPE_COLUMNS, phenotype_matrix(hearts, motion)[0].tolist(), strict=True)),
        exact_strains={name: float(value[0]) for name, value in exact_strains(motion).items()},
        latents=latents,
        true_risk={name: float(risk[0]) for name, risk in true_risk(drawn.people).items()},
    )


def make_cine(*, seed: int, index: int, config: SyntheticConfig = _DEFAULT, num_phases: int = 50, visit: int = 0) -> CineStack:
    """The short-axis cine of subject `index`, with masks: slices from above the base to below the apex, one whole beat.

    It is the heart of `make_subject`'s picture; slices are breath-holds of their own, and at a later `visit` other ones.

    Raises:
        BadOption: seed, index or visit is negative, or there is no phase.
    """
    return _stack_over_beat(seed, index, config, num_phases, middle_only=False, visit=visit)


def make_slice_cine(*, seed: int, index: int, config: SyntheticConfig = _DEFAULT, num_phases: int = 50) -> CineStack:
    """The slice of the three-channel picture through one whole beat, with masks.

    Raises:
        BadOption: seed or index is negative, or there is no phase.
    """
    return _stack_over_beat(seed, index, config, num_phases, middle_only=True)


def make_volumes(*, seed: int, index: int, config: SyntheticConfig = _DEFAULT) -> CineStack:
    """The whole short-axis stack of subject `index` at end-diastole and end-systole, with masks.

    Raises:
        BadOption: seed or index is negative.
    """
    drawn = _draw(seed, index, config)
    times_ms = np.array([0.0, end_systole_ms(float(drawn.hearts.heart_rate_bpm[0]))])
    return _stack(seed, index, config, drawn, times_ms=times_ms, fractions=np.array([0.0, 1.0]), middle_only=False)


def _stack_over_beat(
    seed: int, index: int, config: SyntheticConfig, num_phases: int, *, middle_only: bool, visit: int = 0
) -> CineStack:
    if num_phases < 1:
        raise BadOption("num_phases", found=str(num_phases), expected="1 or more", remedy="choose a larger number")
    drawn = _draw(seed, index, config, visit)
    rate = float(drawn.hearts.heart_rate_bpm[0])
    times_ms = np.arange(num_phases) * (60_000 / rate / num_phases)
    fractions = systole_fraction(times_ms, heart_rate_bpm=rate, age_years=drawn.person.age_years, in_af=drawn.in_af)
    return _stack(seed, index, config, drawn, times_ms=times_ms, fractions=fractions, middle_only=middle_only, visit=visit)


def _stack(
    seed: int, index: int, config: SyntheticConfig, drawn: _Drawn, *, times_ms: np.ndarray, fractions: np.ndarray,
    middle_only: bool, visit: int = 0,
) -> CineStack:  # fmt: skip
    return render_stack(
        drawn.person, drawn.hearts, drawn.motion, times_ms=times_ms, fractions=fractions, middle_only=middle_only,
        config=config, rng=generator(seed, index, Part.MRI), stack_rng=generator(seed, index, Part.MRI_STACK, visit=visit),
        source=drawn.source,
    )  # fmt: skip


@dataclass(frozen=True)
class _Drawn:
    """One person and the heart, before any recording or picture."""

    people: population.People
    person: Person
    diseases: dict[str, bool]
    in_af: bool
    hearts: anatomy.Hearts
    motion: Motion
    source: str


def _draw(seed: int, index: int, config: SyntheticConfig, visit: int = 0) -> _Drawn:
    for name, value in (("seed", seed), ("index", index), ("visit", visit)):
        if value < 0:
            raise BadOption(name, found=str(value), expected="0 or more", remedy="choose a number that is not negative")
    people = population.draw_people(generator(seed, index, Part.PERSON).standard_normal((1, population.NUM_DRAWS)))
    person = Person(**{name: float(column[0]) for name, column in people.items()})
    disease_rng = generator(seed, index, Part.DISEASE)
    diseases = {name: bool(ill[0]) for name, ill in draw_diseases(people, disease_rng.random((1, len(PREVALENCE)))).items()}
    in_af = bool(diseases["af"] and disease_rng.random() < config.af_recorded_share)
    hearts = anatomy.build_hearts(
        people, np.array([float(in_af)]), generator(seed, index, Part.HEART).standard_normal((1, anatomy.NUM_DRAWS))
    )
    return _Drawn(people, person, diseases, in_af, hearts, contract(people, hearts), f"synthetic seed {seed} subject {index}")


def _record(seed: int, index: int, config: SyntheticConfig, drawn: _Drawn, visit: int) -> Recording:
    person = drawn.person
    beats = simulate_beats(
        person, drawn.hearts, electrode_shift_mm=config.electrode_shift_mm, rng=generator(seed, index, Part.CONDUCTION)
    )
    rng = generator(seed, index, Part.RHYTHM, visit=visit)
    times = draw_rhythm(
        heart_rate_bpm=float(drawn.hearts.heart_rate_bpm[0]), age_score=person.age_score, pr_ms=beats.pr_ms,
        in_af=drawn.in_af, irritable=person.age_score, rng=rng,
    )  # fmt: skip
    strip = clean_strip(beats, times, rng)
    return Recording(
        signal_mv=record(strip, times, noise=config.ecg_noise, rng=generator(seed, index, Part.RECORDING, visit=visit)),
        leads=LEADS,
        rate_hz=RATE_HZ,
        source=drawn.source,
        age_years=person.age_years,
        sex=_sex(person),
        device="synthetic",
    )


def _sex(person: Person) -> str:
    return "M" if person.male else "F"
