from dataclasses import replace

import pytest
from ecg_references import references

from cardiolens.synthetic.generator import make_subject


@pytest.fixture(scope="module")
def recording():
    return make_subject(seed=5, index=1, with_mri=False).recording


def test_voltages_follow_the_signal_and_ratios_do_not(recording):
    table = references([recording, replace(recording, signal_mv=2 * recording.signal_mv)])
    for name in ("sokolow_lyon", "cornell", "low_t"):
        assert table[name][1] == pytest.approx(2 * table[name][0], rel=1e-3)
    for name in ("low_t_over_qrs", "rr_irregularity"):
        assert table[name][1] == pytest.approx(table[name][0], rel=1e-3)


def test_an_inverted_t_wave_counts_as_low(recording):
    upright, inverted = references([recording, replace(recording, signal_mv=-recording.signal_mv)])["low_t"]
    assert upright < inverted
