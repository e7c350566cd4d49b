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
def made_beats(number=12, **changes):
    """Beats of otherwise healthy people."""
    made = []
    for index in range(number):
        people = population.draw_people(generator(21, index, Part.PERSON).standard_normal((1, population.NUM_DRAWS)))
        people = people | {name: np.array([float(value)]) for name, value in (HEALTHY | changes).items()}
        normals = generator(21, index, Part.HEART).standard_normal((1, anatomy.NUM_DRAWS))
        hearts = anatomy.build_hearts(people, np.zeros(1), normals)
        person = population.Person(**{name: float(column[0]) for name, column in people.items()})
        made.append(simulate_beats(person, hearts, electrode_shift_mm=3.0, rng=generator(21, index, Part.CONDUCTION)))
    return made


def beats(**changes):
    """(subject, lead, ms) and the QRS duration of each."""
    made = made_beats(**changes)
    return np.array([twelve_leads(one.sinus) for one in made]), np.array([one.qrs_end_ms - ONSET_MS for one in made])


def qrs(signals, lead):
    return signals[:, LEADS.index(lead), :160]


def axis_degrees(signals):
    """Of the mean of the largest and the smallest QRS deflection in I and aVF."""
    one, foot = (qrs(signals, lead).max(axis=1) + qrs(signals, lead).min(axis=1) for lead in ("I", "aVF"))
    return np.degrees(np.arctan2(foot * 2 / np.sqrt(3), one))


def t_wave(signals, lead):
    """The larger deflection of either sign, median over subjects."""
    late = signals[:, LEADS.index(lead), 200:420]
    return np.median(np.where(late.max(axis=1) > -late.min(axis=1), late.max(axis=1), late.min(axis=1)))


def test_r_waves_grow_across_the_chest_and_s_waves_shrink():
    signals, _ = beats(number=40)
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
    for lead in ("V1", "V2"):
        assert np.median(qrs(signals, lead).min(axis=1)) < -2.5 * np.median(qrs(signals, lead).max(axis=1))
    for lead in ("I", "V6"):
        assert np.median(qrs(signals, lead).max(axis=1)) > -2 * np.median(qrs(signals, lead).min(axis=1))


def test_recovery_runs_against_a_left_bundle_branch_block():
    signals, _ = beats(lbbb=1)
    assert t_wave(signals, "V6") < 0 < t_wave(signals, "V2")


def test_right_bundle_branch_block_ends_to_the_right():
    signals, durations = beats(rbbb=1)
    ends = np.array(
        [s[:, ONSET_MS + int(d) - 45 : ONSET_MS + int(d) - 10].mean(axis=1) for s, d in zip(signals, durations, strict=True)]
    )
    v1, one, v6 = (np.median(ends[:, LEADS.index(lead)]) for lead in ("V1", "I", "V6"))
    assert v1 > 0.15
    assert one < -0.05
    assert v6 < -0.05
    assert t_wave(signals, "V1") < 0


def test_left_anterior_block_turns_the_frontal_axis_to_the_left():
    normal, blocked = beats()[0], beats(lafb=1)[0]
    assert np.median(axis_degrees(blocked)) < np.median(axis_degrees(normal)) - 30
    assert np.median(axis_degrees(blocked)) < 0
    assert -np.median(qrs(blocked, "III").min(axis=1)) > np.median(qrs(blocked, "III").max(axis=1))


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
        assert np.median(qrs(scarred, lead)[:, ONSET_MS : ONSET_MS + 40].sum(axis=1)) < -2


def test_the_p_wave_has_the_size_of_a_p_wave():
    foot = np.array([made.p_wave[1].max() for made in made_beats()])
    assert 0.05 < np.median(foot) < 0.16
    assert all(np.isfinite(made.f_wave).all() and np.abs(made.f_wave).max() < 3 for made in made_beats())


def test_an_ectopic_beat_is_wide_and_about_as_tall():
    tall = [np.ptp(made.ectopic, axis=1).max() / np.ptp(made.sinus, axis=1).max() for made in made_beats()]
    assert 0.6 < np.median(tall) < 2.5


def test_st_rises_gently_into_the_t_wave():
    signals, _ = beats()
    early, later = (np.median(signals[:, LEADS.index("V3"), at]) for at in (140, 220))
    assert 0.02 < early < later < t_wave(signals, "V3")


def test_metabolic_load_flattens_t_waves():
    assert t_wave(beats(metabolic_load=2.5)[0], "V5") < 0.92 * t_wave(beats()[0], "V5")


def test_high_pressure_load_raises_voltage_and_strains_the_lateral_t_wave():
    healthy, loaded = beats()[0], beats(pressure_load=3.0)[0]
    assert qrs(loaded, "V5").max(axis=1).mean() > qrs(healthy, "V5").max(axis=1).mean()
    assert t_wave(loaded, "V6") < 0.5 * t_wave(healthy, "V6")


def test_slow_conduction_widens_the_complex():
    assert beats(conduction_slowness=2.0)[1].mean() > beats()[1].mean() + 6
