from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cardiolens.formats.cmr.dicom_headers import FrameHeader, PixelFormat
from cardiolens.formats.cmr.slice_runs import runs_of

PIXELS = PixelFormat("1.2.840.10008.1.2.1", 4, 4, 16, 12, 11, False, False, 1.0, 0.0)
NORMAL = (0.0, 0.0, 1.0)


def _frame(phase, *, num=4, **changes):
    frame = FrameHeader(
        Path(str(phase)), PIXELS, (0.0, 0.0, 7.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.5, 1.5), 8.0, 10.0, "study", "series",
        1, 1, phase + 1, (93000.0, 93000.0 + phase), 200.0 * phase, 800.0, num, ("ORIGINAL", "PRIMARY", "M"), "cine",
    )  # fmt: skip
    return replace(frame, **changes)


def _shuffled(frames):
    return [frames[i] for i in np.random.default_rng(0).permutation(len(frames))]


def test_pictures_of_a_place_are_put_in_order_of_their_trigger_times():
    (run,), unused = runs_of(_shuffled([_frame(k) for k in range(4)]), NORMAL)
    assert run.times_ms == (0.0, 200.0, 400.0, 600.0)
    assert [frame.file.name for frame in run.frames] == ["0", "1", "2", "3"]
    assert (run.along_mm, run.rr_ms, run.by_trigger) == (7.0, 800.0, True)
    assert not unused


def test_series_and_places_are_runs_of_their_own():
    frames = [_frame(k) for k in range(4)] + [_frame(k, series="other") for k in range(4)]
    frames += [_frame(k, position_mm=(0.0, 0.0, 17.0)) for k in range(4)]
    runs, _ = runs_of(_shuffled(frames), NORMAL)
    assert sorted(run.along_mm for run in runs) == [7.0, 7.0, 17.0]


@pytest.mark.parametrize("longer", [1.0, 1.02])
def test_a_slice_taken_twice_in_one_series_is_two_runs(longer):
    again = [_frame(k, acquisition=2, trigger_ms=200.0 * k * longer + (longer > 1), instance=10 + k) for k in range(4)]
    runs, _ = runs_of(_shuffled([_frame(k) for k in range(4)] + again), NORMAL)
    assert [len(run.frames) for run in runs] == [4, 4]
    assert max(runs, key=lambda run: run.taken).frames[0].acquisition == 2


def test_a_moment_taken_twice_counts_as_it_was_taken_last():
    again = _frame(2, instance=9, file=Path("later"), acquired=(94000.0, 94000.0))
    (run,), _ = runs_of(_shuffled([*(_frame(k) for k in range(4)), again]), NORMAL)
    assert [frame.file.name for frame in run.frames] == ["0", "1", "later", "3"]


def test_an_acquisition_number_per_phase_is_no_repetition():
    (run,), _ = runs_of([_frame(k, acquisition=k) for k in range(4)], NORMAL)
    assert len(run.frames) == 4


@pytest.mark.parametrize("trigger_ms", [None, 0.0])
def test_without_trigger_times_instance_numbers_give_the_order_and_the_beat_the_times(trigger_ms):
    (run,), _ = runs_of(_shuffled([_frame(k, trigger_ms=trigger_ms) for k in range(4)]), NORMAL)
    assert run.times_ms == (0.0, 200.0, 400.0, 600.0)
    assert [frame.file.name for frame in run.frames] == ["0", "1", "2", "3"]
    assert not run.by_trigger


def test_content_times_stand_in_for_instance_numbers():
    (run,), _ = runs_of(_shuffled([_frame(k, trigger_ms=None, instance=1) for k in range(4)]), NORMAL)
    assert [frame.file.name for frame in run.frames] == ["0", "1", "2", "3"]


def test_what_cannot_be_put_in_time_is_counted():
    no_beat, unused = runs_of([_frame(k, trigger_ms=None, rr_ms=None) for k in range(4)], NORMAL)
    assert not no_beat
    assert unused == {"pictures without trigger time or heart beat": 4}
    unordered = [_frame(k, trigger_ms=None, instance=1, acquired=(1.0, 1.0)) for k in range(4)]
    assert runs_of(unordered, NORMAL)[1] == {"pictures without trigger time or order": 4}
    assert runs_of([_frame(k, trigger_ms=900.0 * k) for k in range(9)], NORMAL)[1] == {"pictures over more than one beat": 9}
    assert runs_of([_frame(0)], NORMAL)[1] == {"single pictures": 1}


def test_the_cycle_is_the_stated_beat_or_as_long_as_the_planned_phases():
    (stated,), _ = runs_of([_frame(k) for k in range(3)], NORMAL)
    (planned,), _ = runs_of([_frame(k, rr_ms=None, num=5) for k in range(3)], NORMAL)
    assert_allclose([stated.cycle_ms, planned.cycle_ms], [800.0, 1000.0])
