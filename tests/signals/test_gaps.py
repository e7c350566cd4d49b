import numpy as np

from cardiolens.signals.gaps import bridged


def test_gaps_are_bridged_by_straight_lines_and_ends_are_held():
    signal = np.array([[np.nan, 1.0, np.nan, np.inf, 4.0, np.nan], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]])
    np.testing.assert_array_equal(bridged(signal), [[1, 1, 2, 3, 4, 4], [0, 1, 2, 3, 4, 5]])


def test_a_whole_signal_is_itself_and_an_empty_lead_stays_empty():
    whole = np.ones((2, 3))
    assert bridged(whole) is whole
    assert np.isnan(bridged(np.full((1, 3), np.nan))).all()
