import numpy as np
import pytest
from moving_rings import ENDO_MM, EPI_MM, MIDDLE_MM, PIXEL_MM, cine, circle_mm, radii

from cardiolens.errors import BadOption
from cardiolens.imaging.tracking import TrackingConfig, follow, register_cycle

PHASES = 10
CONFIG = TrackingConfig(steps=100)


def _followed(frames: np.ndarray, start_mm: np.ndarray) -> tuple[np.ndarray, float]:
    fields = register_cycle(frames[None], pixel_mm=(PIXEL_MM, PIXEL_MM), config=CONFIG)
    paths, miss = follow(fields, start_mm[None] / PIXEL_MM)
    return paths[0] * PIXEL_MM, float(miss[0]) * PIXEL_MM


def _radius(paths: np.ndarray) -> np.ndarray:
    return np.linalg.norm(paths - MIDDLE_MM, axis=-1).mean(axis=1)


def test_both_borders_of_a_contracting_ring_are_followed_and_come_home():
    endo, epi = radii(PHASES)
    paths, miss = _followed(cine(PHASES), np.concatenate([circle_mm(ENDO_MM), circle_mm(EPI_MM)]))
    np.testing.assert_allclose(_radius(paths[:, :96]), endo, atol=0.9)
    np.testing.assert_allclose(_radius(paths[:, 96:]), epi, atol=0.9)
    assert miss < 1.5


def test_noise_of_a_twentieth_of_the_brightness_moves_borders_by_less_than_a_pixel():
    paths, _ = _followed(cine(PHASES, noise=0.05), circle_mm(ENDO_MM))
    np.testing.assert_allclose(_radius(paths), radii(PHASES)[0], atol=PIXEL_MM)


def test_a_ring_that_moves_as_a_whole_keeps_its_shape():
    paths, _ = _followed(cine(PHASES, depth=0.0, shift_mm=5.0), circle_mm(ENDO_MM))
    lengths = np.linalg.norm(np.roll(paths, -1, axis=1) - paths, axis=-1).sum(axis=1)
    assert np.abs(lengths / lengths[0] - 1).max() < 0.03
    assert paths[PHASES // 2, :, 1].mean() - paths[0, :, 1].mean() == pytest.approx(5.0, abs=0.8)


def test_a_heart_that_stands_still_is_followed_nowhere():
    start = circle_mm(ENDO_MM)
    paths, miss = _followed(np.repeat(cine(1, depth=0.0), PHASES, axis=0), start)
    np.testing.assert_allclose(paths, np.broadcast_to(start, paths.shape), atol=0.02)
    assert miss < 0.02


@pytest.mark.parametrize("wrong", [{"grid_mm": 1.0}, {"bending": -1.0}, {"steps": 0}, {"step_pixels": 0.0}])
def test_a_setting_out_of_range_is_refused(wrong):
    with pytest.raises(BadOption):
        TrackingConfig(**wrong)
