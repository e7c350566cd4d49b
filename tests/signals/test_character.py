from dataclasses import fields

import numpy as np
import pytest

from cardiolens.signals.character import Character, character
from cardiolens.signals.cleaning import clean
from cardiolens.synthetic.generator import make_subject


@pytest.fixture(scope="module")
def ecg():
    return clean(make_subject(seed=5, index=1, with_mri=False).recording.signal_mv).signal


def whole(found: Character) -> np.ndarray:
    return np.concatenate([getattr(found, part.name) for part in fields(found)])


def _faster(ecg: np.ndarray, times: float) -> np.ndarray:
    length = int(ecg.shape[1] / times)
    once = np.stack([np.interp(np.arange(length) * times, np.arange(ecg.shape[1]), lead) for lead in ecg])
    return np.tile(once, int(np.ceil(times)))[:, : ecg.shape[1]]


def test_it_does_not_depend_on_the_voltage(ecg):
    np.testing.assert_allclose(whole(character(7.5 * ecg)), whole(character(ecg)), rtol=1e-4, atol=1e-4)


def test_the_rounding_of_a_stored_cohort_is_nothing_to_it(ecg):
    np.testing.assert_allclose(whole(character(ecg.astype(np.float16))), whole(character(ecg)), atol=0.02)


def test_a_heart_twice_as_fast_has_twice_the_rate(ecg):
    found = character(_faster(ecg, 2)).rhythm[0] - character(ecg).rhythm[0]
    assert found == pytest.approx(np.log(2), abs=0.08)


def test_a_faster_heart_has_its_power_higher_up(ecg):
    slow, fast = character(ecg).frequencies, character(_faster(ecg, 2)).frequencies
    assert fast[0] < slow[0]
    assert fast[4:7].mean() > slow[4:7].mean()


def test_beats_that_are_not_alike_are_told(ecg):
    noise = np.random.default_rng(0).normal(size=ecg.shape)
    assert character(noise).rhythm[2] < character(ecg).rhythm[2] - 0.5


def test_leads_in_another_order_are_told_and_nothing_else_changes_much(ecg):
    turned = character(ecg[[0, 1, 2, 3, 4, 5, 11, 10, 9, 8, 7, 6]])
    assert np.abs(turned.leads - character(ecg).leads).max() > 0.5
    np.testing.assert_allclose(turned.frequencies, character(ecg).frequencies, atol=1e-6)


def test_an_ecg_upside_down_points_the_other_way(ecg):
    np.testing.assert_allclose(character(-ecg).leads[:12], -character(ecg).leads[:12], atol=1e-9)


@pytest.mark.parametrize("signal", [np.zeros((12, 2500)), np.tile(np.eye(1, 2500, 1200), (12, 1))])
def test_hardly_any_signal_still_has_numbers(signal):
    assert np.isfinite(whole(character(signal))).all()
