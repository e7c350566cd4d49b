"""Leads are differences of electrodes, as Einthoven, Goldberger and Wilson defined them."""

import numpy as np
import pytest

from cardiolens.synthetic.torso import ELECTRODES, independent_leads, twelve_leads
from cardiolens.types import LEADS


def test_einthoven_and_goldberger_hold_exactly():
    electrodes = np.random.default_rng(0).standard_normal((9, 50))
    leads = dict(zip(LEADS, twelve_leads(independent_leads(electrodes)), strict=True))
    np.testing.assert_allclose(leads["II"], leads["I"] + leads["III"], atol=1e-12)
    np.testing.assert_allclose(leads["aVR"] + leads["aVL"] + leads["aVF"], 0, atol=1e-12)
    left, leg = ELECTRODES.index("LA"), ELECTRODES.index("LL")
    np.testing.assert_allclose(leads["III"], electrodes[leg] - electrodes[left], atol=1e-12)
    terminal = electrodes[:3].mean(axis=0)
    np.testing.assert_allclose(leads["aVL"], 1.5 * (electrodes[left] - terminal), atol=1e-12)
    np.testing.assert_allclose(leads["V4"], electrodes[ELECTRODES.index("V4")] - terminal, atol=1e-12)


def test_a_potential_common_to_all_electrodes_is_not_seen():
    assert independent_leads(np.full((9, 3), 7.0)) == pytest.approx(0)
