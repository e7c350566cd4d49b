from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.dicom_headers import FrameHeader, PixelFormat
from cardiolens.formats.cmr.short_axis import Plane
from cardiolens.formats.cmr.slice_runs import Run
from cardiolens.formats.cmr.slice_stack import build_stack

PIXELS = PixelFormat("1.2.840.10008.1.2.1", 4, 4, 16, 12, 11, False, False, 1.0, 0.0)


def _run(along, *, phases=10, kept=None, number=1, rr_ms=1000.0):
    """Phases `kept` of so many, at `along` mm."""
    kept = range(phases) if kept is None else kept
    frames = tuple(
        FrameHeader(
            Path(f"{along}-{phase}-{number}"), PIXELS, (0.0, 0.0, float(along)), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.5, 1.5),
            8.0, None, "study", str(number), number, 1, phase, (1.0, 1.0), phase * rr_ms / phases, rr_ms, phases, (), "",
        )
        for phase in kept
    )  # fmt: skip
    return Run(frames, tuple(phase * rr_ms / phases for phase in kept), float(along), by_trigger=True)


def _stack(*slices):
    return build_stack(Plane((0.0, 0.0, 1.0), tuple(one if isinstance(one, tuple) else (one,) for one in slices)), "study")


def test_even_slices_are_kept_as_they_are():
    stack = _stack(*(_run(10.2 * k) for k in range(6)))
    assert [run.along_mm for run in stack.runs] == [10.2 * k for k in range(6)]
    assert stack.spacing_mm == pytest.approx(10.2)
    assert stack.notes == ()


def test_the_times_of_the_stack_are_the_median_of_its_slices():
    stack = _stack(_run(0, rr_ms=900.0), _run(10, rr_ms=1000.0), _run(20, rr_ms=1500.0))
    assert_allclose(stack.trigger_ms, np.arange(10) * 100.0)


def test_of_a_slice_taken_twice_the_later_whole_one_is_used():
    stack = _stack((_run(0, number=1), _run(0, number=2)), (_run(10, number=4, kept=range(4)), _run(10, number=3)), _run(20))
    assert [run.frames[0].series_number for run in stack.runs] == [2, 3, 1]
    assert stack.notes == ("taken more than once: slice 1, 2 of 3 from the base; the latest complete ones are used",)


def test_a_slice_with_most_phases_is_filled_up_by_the_nearest_in_time():
    stack = _stack(_run(0), _run(10, kept=[0, 1, 2, 3, 5, 6, 7, 8], rr_ms=1200.0), _run(20))
    # Phase 9 is as near to phase 8 as to the first of the next beat, phase 4 to both neighbours.
    taken = [frame.instance for frame in stack.runs[1].frames]
    assert taken[:4] == [0, 1, 2, 3]
    assert taken[4] in {3, 5}
    assert taken[5:9] == [5, 6, 7, 8]
    assert taken[9] in {0, 8}
    assert "slice 2 of 3 from the base has 8 of 10 phases" in stack.notes[0]


def test_a_slice_with_more_phases_is_thinned_out():
    stack = _stack(_run(0), _run(10, phases=20), _run(20))
    assert [frame.instance for frame in stack.runs[1].frames] == list(range(0, 20, 2))


def test_a_slice_with_few_phases_is_dropped_at_an_end_and_refused_inside():
    few = range(7)
    stack = _stack(_run(0, kept=few), _run(10), _run(20), _run(30), _run(40, kept=few))
    assert [run.along_mm for run in stack.runs] == [10, 20, 30]
    assert stack.notes == ("2 slices at the ends left out: 7, 7 of 10 phases",)
    with pytest.raises(BadImage, match=r"7 of 10 phases in slice 2 of 4 from the base"):
        _stack(_run(0), _run(10, kept=few), _run(20), _run(30))


def test_uneven_slices_are_refused_with_the_numbers():
    with pytest.raises(BadImage, match=r"slices 10\.0, 20\.0, 10\.0, 10\.0 mm apart"):
        _stack(*(_run(place) for place in (0, 10, 30, 40, 50)))
    with pytest.raises(BadImage, match=r"10\.0, 10\.0, 10\.6 mm"):
        _stack(*(_run(place) for place in (0, 10, 20, 30.6)))
    with pytest.raises(BadImage, match=r"slices 60\.0 mm apart"):
        _stack(_run(0), _run(60))


def test_a_stray_slice_between_those_of_the_stack_is_left_out():
    stack = _stack(*(_run(place) for place in (0, 10, 20, 24, 30, 40, 50)))
    assert [run.along_mm for run in stack.runs] == [0, 10, 20, 30, 40, 50]
    assert stack.notes == ("1 slices between those of the stack left out",)


def test_spacing_within_five_per_cent_is_even():
    assert _stack(*(_run(place) for place in (0, 10.2, 20, 29.9))).spacing_mm == pytest.approx(29.9 / 3)


def test_a_single_slice_has_no_spacing():
    stack = _stack(_run(5))
    assert (len(stack.runs), stack.spacing_mm, stack.notes) == (1, None, ())


def test_spread_times_are_said():
    stack = _stack(*(replace(_run(10 * k), by_trigger=False) for k in range(3)))
    assert stack.notes == ("no trigger times: phases by instance number, spread evenly over the stated beat",)


def test_too_much_is_refused():
    with pytest.raises(BadImage, match="101 slices"):
        _stack(*(_run(10 * k, phases=2) for k in range(101)))
