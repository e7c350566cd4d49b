"""What a cardiologist expects of a beat: blocks widen it, scars silence it, mass and load leave their mark."""

import functools

import numpy as np
import pytest

from cardiolens.synthetic import anatomy, population
from cardiolens.synthetic.draws import Part, generator
from cardiolens.synthetic.electrophysiology import ONSET_MS, simulate_beats
from cardiolens.synthetic.torso import twelve_leads
from cardiolens.types import LEADS

HEALTHY = dict.fromkeys(
    [
        *("ischaemia_lad", "ischaemia_lcx", "ischaemia_rca", "scar_lad", "scar_lcx", "scar_rca", "dilated", "hypertrophic"),
        *("lbbb", "rbbb", "lafb", "pressure_load", "metabolic_load", "repolarisation", "conduction_slowness"),
    ],
    0.0,
)


@functools.cache
def beats(number=12, **changes):
    """(subject, lead, ms) and the QRS duration of each, of otherwise healthy people."""
    signals, durations = [], []
    for index in range(number):
        people = population.draw_people(generator(21, index, Part.PERSON).standard_normal((1, population.NUM_DRAWS)))
        people = people | {name: np.array([float(value)]) for name, value in (HEALTHY | changes).items()}
        normals = generator(21, index, Part.HEART).standard_normal((1, anatomy.NUM_DRAWS))
        hearts = anatomy.build_hearts(people, np.zeros(1), normals)
        person = population.Person(**{name: float(column[0]) for name, column in people.items()})
        made = simulate_beats(person, hearts, electrode_shift_mm=3.0, rng=generator(21, index, Part.CONDUCTION))
        signals.append(twelve_leads(made.sinus))
        durations.append(made.qrs_end_ms - ONSET_MS)
    return np.array(signals), np.array(durations)


def qrs(signals, lead):
    return signals[:, LEADS.index(lead), :160]


def t_wave(signals, lead):
    """The larger deflection of either sign, median over subjects."""
    late = signals[:, LEADS.index(lead), 200:420]
    return np.median(np.where(late.max(axis=1) > -late.min(axis=1), late.max(axis=1), late.min(axis=1)))


def test_r_waves_grow_across_the_chest_and_s_waves_shrink():
    signals, _ = beats()
    r = [np.median(qrs(signals, lead).max(axis=1)) for lead in ("V1", "V2", "V3", "V4")]
    assert (np.diff(r) > 0).all()
    assert np.median(qrs(signals, "V2").min(axis=1)) < np.median(qrs(signals, "V5").min(axis=1)) - 0.2


def test_normal_complexes_are_narrow_and_blocked_ones_wide():
    normal = beats()[1].mean()
    assert normal == pytest.approx(92, abs=12)
    assert beats(lbbb=1)[1].mean() > normal + 25
    assert beats(rbbb=1)[1].mean() > normal + 20


def test_left_bundle_branch_block_turns_the_right_chest_negative_and_the_left_positive():
    signals, _ = beats(lbbb=1)
    assert np.median(qrs(signals, "V1").min(axis=1)) < -2.5 * np.median(qrs(signals, "V1").max(axis=1))
    assert np.median(qrs(signals, "V6").max(axis=1)) > -2 * np.median(qrs(signals, "V6").min(axis=1))


def test_left_anterior_block_turns_the_frontal_axis_to_the_left():
    signals, _ = beats(lafb=1)
    assert np.median(qrs(signals, "aVL").max(axis=1)) > 2 * -np.median(qrs(signals, "aVL").min(axis=1))
    assert -np.median(qrs(signals, "III").min(axis=1)) > 1.3 * np.median(qrs(signals, "III").max(axis=1))


def test_t_waves_are_upright_where_they_belong():
    signals, _ = beats()
    assert all(t_wave(signals, lead) > 0.1 for lead in ("I", "II", "V3", "V4", "V5", "V6"))
    assert t_wave(signals, "aVR") < -0.1


def test_an_anterior_scar_takes_the_r_waves_and_inverts_t():
    healthy, scarred = beats()[0], beats(scar_lad=0.9, ischaemia_lad=1.0)[0]
    assert np.median(qrs(scarred, "V3").max(axis=1)) < 0.5 * np.median(qrs(healthy, "V3").max(axis=1))
    assert t_wave(scarred, "V3") < t_wave(healthy, "V3") - 0.3


def test_an_inferior_scar_leaves_q_waves_below():
    healthy, scarred = beats()[0], beats(scar_rca=0.9, ischaemia_rca=1.0)[0]
    for lead in ("III", "aVF"):
        assert np.median(qrs(scarred, lead).sum(axis=1)) < np.median(qrs(healthy, lead).sum(axis=1)) - 3


def test_metabolic_load_flattens_t_waves():
    assert t_wave(beats(metabolic_load=2.5)[0], "V5") < 0.92 * t_wave(beats()[0], "V5")


def test_high_pressure_load_raises_voltage_and_strains_the_lateral_t_wave():
    healthy, loaded = beats()[0], beats(pressure_load=3.0)[0]
    assert qrs(loaded, "V5").max(axis=1).mean() > qrs(healthy, "V5").max(axis=1).mean()
    assert t_wave(loaded, "V6") < 0.5 * t_wave(healthy, "V6")


def test_slow_conduction_widens_the_complex():
    assert beats(conduction_slowness=2.0)[1].mean() > beats()[1].mean() + 6
