import numpy as np
import pytest

from cardiolens.formats.cmr.heart_rate import beat_of, covered_ms

TIMES = np.arange(25) * 34.4


def test_the_stated_beat_comes_first_by_its_median():
    beat = beat_of(TIMES, [850.0, 870.0, 862.0])
    assert (beat.rr_ms, beat.notes) == (862.0, ())
    assert beat.source == "nominal interval in the headers of 3 slices"


def test_a_stated_number_that_is_no_beat_is_not_believed():
    beat = beat_of(TIMES, [0.0, 60_000.0])
    assert beat.rr_ms == pytest.approx(860)
    assert beat.source == "25 phases times the time between them"


def test_phases_that_cover_part_of_the_stated_beat_are_said():
    beat = beat_of(TIMES, [1200.0])
    assert beat.rr_ms == 1200
    assert beat.notes == ("trigger times cover 860 ms of a beat of 1200 ms",)


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (np.array([0.0, 300.0]), "2 phases do not show it"),
        (np.full(25, np.nan), "25 phases do not show it"),
        (np.arange(28.0), "cover 28 ms, which is no heart beat"),
    ],
)
def test_without_either_there_is_no_beat_and_a_reason(times, why):
    beat = beat_of(times)
    assert beat.rr_ms is None
    assert why in beat.source


def test_one_late_phase_does_not_stretch_the_beat():
    late = TIMES.copy()
    late[-1] += 300
    assert covered_ms(late) == pytest.approx(860)
