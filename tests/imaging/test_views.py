"""A picture is three phases of the middle slice, cut to the heart, at one size and in full contrast."""

import numpy as np
import pytest

from cardiolens.configs import from_json, to_json
from cardiolens.errors import BadImage, BadOption
from cardiolens.imaging.views import MaskBox, PublishedWindow, ViewConfig, cut, picture, resize_bilinear
from cardiolens.types import CineStack


def cine(*, frames=None, masks=True, slices=3):
    """Five phases whose brightness grows from phase to phase, a labelled disc off the centre."""
    if frames is None:
        ramp = np.linspace(0, 1, 40, dtype=np.float32)[None, :] + np.zeros((40, 1), dtype=np.float32)
        frames = np.stack([np.stack([ramp + 10 * phase + 100 * s for s in range(slices)]) for phase in range(5)])
    labels = np.zeros(frames.shape, dtype=np.uint8)
    labels[:, :, 10:20, 22:32] = 1
    return CineStack(
        frames=frames.astype(np.float32),
        spacing_mm=(10.0, 1.8, 1.8),
        trigger_ms=np.arange(len(frames), dtype=float),
        source="a cine",
        masks=labels if masks else None,
    )


def test_channels_are_end_systole_mid_end_diastole():
    shown = picture(cine(), ed=0, mid=1, es=4, config=ViewConfig(size=16))
    assert shown.shape == (3, 16, 16)
    assert shown.dtype == np.uint8
    es, mid, ed = shown.astype(float).mean(axis=(1, 2))
    assert es > mid > ed


def test_only_the_middle_slice_is_shown():
    stack = cine(slices=3)
    stack.frames[:, [0, 2]] = np.random.default_rng(0).standard_normal((5, 2, 40, 40))
    other = cine(slices=3)
    np.testing.assert_array_equal(picture(stack, ed=0, mid=1, es=2), picture(other, ed=0, mid=1, es=2))


def test_the_picture_fills_the_range_of_a_byte():
    shown = picture(cine(), ed=0, mid=1, es=2)
    assert shown.min() == 0
    assert shown.max() == 255


def test_the_mask_box_is_a_square_around_the_heart_with_its_margin():
    assert MaskBox(margin=0.0).box(cine(), 1) == (10, 20, 22, 32)
    assert MaskBox(margin=0.2).box(cine(), 1) == (8, 22, 20, 34)


def test_the_mask_box_holds_the_heart_of_every_phase():
    stack = cine()
    stack.masks[3, 1, 30, 5] = 3
    top, bottom, left, right = MaskBox(margin=0.0).box(stack, 1)
    assert top <= 10
    assert bottom >= 31
    assert left <= 5
    assert right >= 32


def test_the_published_window_is_rows_44_to_122_and_columns_68_to_146_of_the_padded_frame():
    frame = np.arange(210 * 210, dtype=np.float32).reshape(1, 1, 210, 210)
    box = PublishedWindow().box(cine(frames=frame), 0)
    np.testing.assert_array_equal(cut(frame[:, 0], box)[0], frame[0, 0, 44:122, 68:146])
    padded = np.zeros((210, 210), dtype=np.float32)
    small = np.random.default_rng(1).random((1, 1, 100, 96), dtype=np.float32)
    padded[55:155, 57:153] = small[0, 0]
    shown = cut(small[:, 0], PublishedWindow().box(cine(frames=small), 0))
    np.testing.assert_array_equal(shown[0], padded[44:122, 68:146])


def test_what_lies_outside_the_frame_is_black():
    shown = cut(np.ones((1, 4, 4)), (-1, 3, 2, 6))
    np.testing.assert_array_equal(shown[0], [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]])


def test_resizing_keeps_a_linear_ramp_linear_and_the_same_size_the_same():
    ramp = np.linspace(0, 1, 12)[None, None, :] + np.zeros((1, 9, 1))
    np.testing.assert_allclose(resize_bilinear(ramp[:, :, :9], 9), ramp[:, :, :9])
    large = resize_bilinear(ramp, 24)[0, 0]
    np.testing.assert_allclose(np.diff(large[2:-2]), 0.5 / 11)


def test_a_box_without_masks_is_refused():
    with pytest.raises(BadImage, match="no masks"):
        picture(cine(masks=False), ed=0, mid=1, es=2)


def test_a_picture_without_contrast_is_refused():
    with pytest.raises(BadImage, match="no contrast"):
        picture(cine(frames=np.ones((3, 1, 40, 40))), ed=0, mid=1, es=2)


def test_a_phase_that_is_not_there_is_refused():
    with pytest.raises(BadImage, match="phase 5 asked of 5"):
        picture(cine(), ed=0, mid=1, es=5)


@pytest.mark.parametrize("make", [lambda: MaskBox(margin=-0.1), lambda: ViewConfig(size=2)])
def test_settings_outside_their_range_are_refused(make):
    with pytest.raises(BadOption):
        make()


def test_a_view_configuration_survives_its_file():
    config = ViewConfig(size=96, crop=PublishedWindow())
    assert from_json(ViewConfig, to_json(config), source="a test") == config
