import pytest

from cardiolens.signals.windows import window_starts


@pytest.mark.parametrize(
    ("num_samples", "starts"),
    [(2500, (0,)), (5000, (0, 2500)), (6000, (0, 2500, 3500)), (2501, (0, 1)), (7500, (0, 2500, 5000))],
)
def test_windows_cover_the_recording_and_end_with_it(num_samples, starts):
    assert window_starts(num_samples) == starts


@pytest.mark.parametrize("num_samples", range(7, 40))
def test_no_sample_is_left_out_and_no_window_is_spare(num_samples):
    starts = window_starts(num_samples, window=7)
    assert {s + k for s in starts for k in range(7)} == set(range(num_samples))
    assert len(starts) == -(-num_samples // 7)


def test_a_recording_shorter_than_a_window_has_none():
    with pytest.raises(ValueError, match="2499 samples"):
        window_starts(2499)
