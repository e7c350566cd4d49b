import numpy as np
import pytest

from cardiolens.errors import BadImage
from cardiolens.imaging.phases import FirstPhase, LargestCavity, choose_phases


def masks_of(*pixels):
    """One phase per number, with as many pixels of left cavity."""
    masks = np.zeros((len(pixels), 2, 4, 8), dtype=np.uint8)
    for phase, count in enumerate(pixels):
        masks[phase, 0].flat[:count] = 1
        masks[phase, 1, :2] = 2
    return masks


def choose(*pixels, **rule):
    return choose_phases(masks_of(*pixels), spacing_mm=(10.0, 2.0, 1.5), source="scan", **rule)


def test_the_largest_cavity_is_end_diastole_the_smallest_end_systole_and_half_the_way_between_them_mid():
    phases = choose(19, 20, 15, 9, 6, 5, 7, 12)
    assert (phases.ed, phases.mid, phases.es) == (1, 3, 5)
    assert phases.lv_ml[1] == pytest.approx(20 * 30 / 1000)
    assert phases.reasons == {}


def test_a_cine_that_begins_with_end_diastole_has_the_published_mid_phase():
    for es in range(2, 7):
        pixels = [20, *[10] * 7]
        pixels[es] = 5
        assert choose(*pixels).mid == es // 2


def test_half_the_way_goes_on_round_the_end_of_the_cycle():
    phases = choose(9, 7, 5, 12, 16, 19, 20, 14)
    assert (phases.ed, phases.mid, phases.es) == (6, 0, 2)


def test_the_reference_takes_the_first_phase_whatever_the_volumes_say():
    pixels = (19, 20, 15, 9, 6, 5, 7, 12)
    assert choose(*pixels, end_diastole=FirstPhase()).ed == 0
    assert choose(*pixels, end_diastole=LargestCavity()).ed == 1


def test_phases_without_masks_are_neither_but_may_lie_between():
    phases = choose(20, 0, 0, 0, 6, 0)
    assert (phases.ed, phases.mid, phases.es) == (0, 2, 4)
    np.testing.assert_array_equal(np.isnan(phases.lv_ml), [False, True, True, True, False, True])


def test_of_two_phases_end_diastole_stands_in_for_mid():
    phases = choose(6, 20)
    assert (phases.ed, phases.mid, phases.es) == (1, 1, 0)
    assert "stands in" in phases.reasons["mid"]


@pytest.mark.parametrize("pixels", [(8,), (0, 8, 0)])
def test_with_masks_of_one_phase_there_is_no_end_systole(pixels):
    phases = choose(*pixels)
    assert phases.ed == len(pixels) // 2
    assert phases.es is None
    assert phases.mid is None
    assert phases.reasons == dict.fromkeys(("es", "mid"), "one phase alone has masks")


def test_masks_without_a_left_cavity_are_refused():
    with pytest.raises(BadImage, match=r"scan: found no left cavity in the masks; expected .* labelled 1"):
        choose(0, 0)
    with pytest.raises(BadImage, match="no left cavity in the masks of phase 0"):
        choose(0, 8, end_diastole=FirstPhase())
