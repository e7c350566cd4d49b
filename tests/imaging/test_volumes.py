import dataclasses

import numpy as np
import pytest

from cardiolens.errors import BadImage, BadOption
from cardiolens.imaging.volumes import VolumeConfig, slice_cine, volumes
from cardiolens.types import CineStack

CONFIG = VolumeConfig(slices=6, phases=4, size=16, side_mm=64.0)


def stack(num_slices=5, pixel_mm=2.0):
    """Every frame has its own brightness, phase by phase and slice by slice; the heart is a square left of the middle."""
    brightness = 1 + 10.0 * np.arange(8)[:, None] + np.arange(num_slices)
    frames = np.ones((8, num_slices, 48, 48), np.float32) * brightness[:, :, None, None].astype(np.float32)
    frames[..., 20:28, 16:24] += 200
    masks = np.zeros(frames.shape, np.uint8)
    masks[..., 20:28, 16:24] = 1
    return CineStack(frames, (10.0, pixel_mm, pixel_mm), np.arange(8) * 100.0, "a stack", masks)


def test_the_middle_slice_lies_in_the_middle_and_places_beyond_the_stack_are_black():
    shown = volumes(stack(5), ed=0, es=4, config=CONFIG)
    assert shown.shape == (2, 6, 16, 16)
    assert shown.dtype == np.uint8
    brightness = shown[0, :, 0, 0]
    assert (brightness[[1, 2, 3, 4, 5]] > 0).all()
    assert brightness[0] == 0
    assert volumes(stack(9), ed=0, es=4, config=CONFIG)[0, 1:].all()
    assert (shown[1] >= shown[0]).all()


def test_the_heart_is_in_the_middle_at_its_true_size():
    for pixel_mm, pixels in ((2.0, 4), (4.0, 8)):
        bright = volumes(stack(pixel_mm=pixel_mm), ed=0, es=0, config=CONFIG)[0, 3] > 150
        rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
        assert len(rows) == len(columns) == pixels
        assert rows.mean() == columns.mean() == 7.5


def test_a_cine_is_spread_evenly_over_the_beat():
    shown = slice_cine(stack(), CONFIG)
    assert shown.shape == (4, 16, 16)
    assert (np.diff(shown[:, 0, 0].astype(int)) > 0).all()
    corner = stack().frames[[0, 2, 4, 6], 2, 0, 0]
    np.testing.assert_allclose(
        np.diff(shown[:, 0, 0].astype(float)), np.diff(corner) * 255 / (corner[-1] + 200 - corner[0]), atol=1
    )


def test_a_missing_phase_missing_masks_and_a_picture_without_contrast_are_refused():
    with pytest.raises(BadImage, match="phase 8 asked of 8"):
        volumes(stack(), ed=8, es=0, config=CONFIG)
    with pytest.raises(BadImage, match="no masks"):
        slice_cine(dataclasses.replace(stack(), masks=None), CONFIG)
    flat = stack()
    flat.frames[:] = 3
    with pytest.raises(BadImage, match="no contrast"):
        slice_cine(flat, dataclasses.replace(CONFIG, side_mm=50.0))


@pytest.mark.parametrize("option", [{"slices": 0}, {"phases": 0}, {"size": 4}, {"side_mm": float("nan")}])
def test_a_grid_out_of_range_is_refused(option):
    with pytest.raises(BadOption, match=next(iter(option))):
        VolumeConfig(**option)
