"""Scans differ in contrast, sharpness and artefacts as widely as asked, and only in that."""

import dataclasses

import numpy as np
import pytest

from cardiolens.synthetic import population
from cardiolens.synthetic.mri_appearance import draw_look, finished, texture_pool
from cardiolens.synthetic.population import Person
from cardiolens.synthetic.settings import SyntheticConfig

PERSON = Person(
    **{name: float(column[0]) for name, column in population.draw_people(np.zeros((1, population.NUM_DRAWS))).items()}
)
SMALL = SyntheticConfig(frame_pixels=64)


def look(seed, **settings):
    config = dataclasses.replace(SMALL, **settings)
    return draw_look(PERSON, heart_radius_mm=32.0, right_width_mm=35.0, config=config, rng=np.random.default_rng(seed))


@pytest.fixture(scope="module")
def looks():
    return [look(seed) for seed in range(400)]


def test_contrasts_have_the_medians_and_spreads_of_real_scans(looks):
    tissue = np.array([one.tissue for one in looks])
    myocardium, right_blood = tissue[:, 1], tissue[:, 6]
    assert (tissue[:, 0] == 1).all()
    assert np.median(myocardium) == pytest.approx(0.33, abs=0.02)
    assert np.quantile(myocardium, [0.05, 0.95]) == pytest.approx([0.24, 0.46], abs=0.04)
    assert np.median(right_blood) == pytest.approx(0.84, abs=0.03)


def test_without_spread_every_scan_has_the_same_contrast_and_no_artefact():
    a, b = look(0, appearance_spread=0.0), look(1, appearance_spread=0.0)
    assert (a.tissue == b.tissue).all()
    assert a.blur_mm == b.blur_mm
    assert a.noise == b.noise
    assert a.ghost == a.smear_pixels == 0


def test_a_few_scans_have_an_artefact(looks):
    smooth = [np.abs(np.diff(np.log(np.maximum(one.gain, 1)), n=2, axis=axis)).max() for one in looks for axis in (0, 1)]
    darkened = (np.array(smooth).reshape(-1, 2).max(axis=1) > 0.02).mean()
    assert 0.03 < darkened < 0.13
    assert 0.005 < np.mean([one.ghost > 0 for one in looks]) < 0.07
    assert 0.005 < np.mean([one.smear_pixels > 0 for one in looks]) < 0.07


def test_settings_never_change_how_many_numbers_are_drawn():
    states = []
    for settings in ({}, {"appearance_spread": 2.0}, {"mri_noise": 0.0}):
        rng = np.random.default_rng(5)
        config = dataclasses.replace(SMALL, **settings)
        draw_look(PERSON, heart_radius_mm=32.0, right_width_mm=35.0, config=config, rng=rng)
        states.append(rng.random())
    assert len(set(states)) == 1


def test_a_ghost_repeats_the_picture_half_a_field_of_view_away_and_a_smear_softens_it():
    frame = np.zeros((1, 64, 64), np.float32)
    frame[0, 10, 10] = 1
    still = dataclasses.replace(look(0), noise=0.0, gain=np.ones((64, 64), np.float32), ghost=0.0, smear_pixels=0)
    assert (finished(frame, still, np.random.default_rng(0)) == frame).all()
    ghosted = finished(frame, dataclasses.replace(still, ghost=0.1), np.random.default_rng(0))
    assert ghosted[0, 42, 10] == pytest.approx(0.1)
    smeared = finished(frame, dataclasses.replace(still, smear_pixels=2), np.random.default_rng(0))
    assert smeared[0, [8, 10, 12], 10] == pytest.approx(1 / 3)


def test_noise_is_rician():
    dark = dataclasses.replace(look(0), noise=0.1, gain=np.ones((64, 64), np.float32), ghost=0.0, smear_pixels=0)
    frames = finished(np.zeros((4, 64, 64), np.float32), dark, np.random.default_rng(0))
    assert frames.mean() == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.02)


def test_the_texture_pool_has_unit_variance_and_is_made_once():
    assert texture_pool().std(axis=(1, 2)) == pytest.approx(1, abs=1e-3)
    assert texture_pool() is texture_pool()
