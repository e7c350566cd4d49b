"""The heart behind the picture is the heart behind the signal; and the signal does not say everything.

Bands are those of large cohorts: Sokolow-Lyon voltage with mass .20-.45, QRS duration with end-diastolic volume .10-.35,
body mass index with voltage below zero. 600 beats leave a standard error of .04.
"""

import numpy as np
import pytest
from scipy.signal import find_peaks

from cardiolens.synthetic import anatomy, population
from cardiolens.synthetic.draws import Part, generator
from cardiolens.synthetic.electrophysiology import ONSET_MS, simulate_beats
from cardiolens.synthetic.generator import SyntheticConfig, make_subject
from cardiolens.synthetic.risk import PREVALENCE, draw_diseases
from cardiolens.synthetic.torso import twelve_leads

NUM_SUBJECTS = 600
STANDARD_ERROR = 0.04


@pytest.fixture(scope="module")
def measured():
    """Columns: Sokolow-Lyon voltage, QRS duration, mass, end-diastolic volume, body mass index."""
    rows = []
    for index in range(NUM_SUBJECTS):
        people = population.draw_people(generator(31, index, Part.PERSON).standard_normal((1, population.NUM_DRAWS)))
        normals = generator(31, index, Part.HEART).standard_normal((1, anatomy.NUM_DRAWS))
        hearts = anatomy.build_hearts(people, np.zeros(1), normals)
        person = population.Person(**{name: float(column[0]) for name, column in people.items()})
        beats = simulate_beats(person, hearts, electrode_shift_mm=7.0, rng=generator(31, index, Part.CONDUCTION))
        qrs = twelve_leads(beats.sinus)[:, : int(beats.qrs_end_ms)]
        sokolow = -qrs[6].min() + max(qrs[10].max(), qrs[11].max())
        rows.append((sokolow, beats.qrs_end_ms - ONSET_MS, hearts.lv_mass_g[0], hearts.lv_edv_ml[0], person.bmi))
    return np.array(rows).T


def test_voltage_follows_mass_loosely(measured):
    sokolow, _, mass, _, _ = measured
    assert 0.20 - 2 * STANDARD_ERROR < np.corrcoef(sokolow, mass)[0, 1] < 0.45 + 2 * STANDARD_ERROR


def test_qrs_duration_follows_volume_loosely(measured):
    _, duration, _, volume, _ = measured
    assert 0.10 - 2 * STANDARD_ERROR < np.corrcoef(duration, volume)[0, 1] < 0.35 + 2 * STANDARD_ERROR


def test_body_mass_attenuates_voltage(measured):
    sokolow, _, _, _, bmi = measured
    assert np.corrcoef(sokolow, bmi)[0, 1] < -0.02


def test_normal_voltage_and_duration_have_the_right_size(measured):
    sokolow, duration, *_ = measured
    assert np.median(sokolow) == pytest.approx(2.1, abs=0.35)
    assert np.median(duration) == pytest.approx(90, abs=8)


@pytest.fixture(scope="module")
def ill():
    """(index, recorded in fibrillation) of everyone with the disease among 3,000 subjects."""
    found = []
    for index in range(3000):
        people = population.draw_people(generator(31, index, Part.PERSON).standard_normal((1, population.NUM_DRAWS)))
        rng = generator(31, index, Part.DISEASE)
        if draw_diseases(people, rng.random((1, len(PREVALENCE))))["af"][0]:
            found.append((index, rng.random() < SyntheticConfig().af_recorded_share))
    return found


def test_about_one_in_five_with_fibrillation_is_recorded_in_it(ill):
    assert np.mean([recorded for _, recorded in ill]) == pytest.approx(0.2, abs=0.13)
    for index, recorded in ill[:8]:
        subject = make_subject(seed=31, index=index, with_mri=False)
        assert subject.diseases["af"]
        assert subject.latents["in_af_while_recorded"] == recorded


def test_beats_come_irregularly_in_fibrillation_only(ill):
    within, outside = ([rr_spread(index) for index, recorded in ill if recorded is in_it][:12] for in_it in (True, False))
    # One in five is flutter, which may be regular; a few of the others have an early beat.
    assert np.quantile(within, 0.35) > 0.10
    assert np.quantile(outside, 0.75) < 0.06


def rr_spread(index):
    """Standard deviation over mean of the intervals between R waves of lead II, V5 and V6 together."""
    clean = SyntheticConfig(ecg_noise=0.0)
    signal = make_subject(seed=31, index=index, config=clean, with_mri=False).recording.signal_mv[[1, 10, 11]]
    steepness = np.abs(np.diff(signal, axis=1)).sum(axis=0)
    peaks, _ = find_peaks(steepness, height=0.4 * np.quantile(steepness, 0.995), distance=125)
    rr = np.diff(peaks)
    return rr.std() / rr.mean()
