"""The picture shows the heart of the phenotypes: thicker walls, smaller cavities at end-systole, the right places."""

import numpy as np
import pytest

from cardiolens.imaging.views import PublishedWindow, ViewConfig, picture
from cardiolens.synthetic.generator import SyntheticConfig, make_subject


@pytest.fixture(scope="module")
def subjects():
    return [make_subject(seed=8, index=k) for k in range(24)]


def pixels(subject, phase, label):
    return int((subject.cine.masks[phase, 0] == label).sum())


def test_the_cavity_shrinks_and_the_wall_thickens_towards_end_systole(subjects):
    for s in subjects:
        assert pixels(s, 0, 1) > pixels(s, 1, 1) > pixels(s, 2, 1) > 0
    assert np.mean([pixels(s, 2, 2) for s in subjects]) > np.mean([pixels(s, 0, 2) for s in subjects])


def test_masks_agree_with_the_phenotypes(subjects):
    for label, column in ((1, "lvedv_ml"), (2, "lvm_g"), (3, "rvedv_ml")):
        area = [pixels(s, 0, label) for s in subjects]
        assert np.corrcoef(area, [s.phenotypes[column] for s in subjects])[0, 1] > 0.75, column
    fraction = [1 - pixels(s, 2, 1) / pixels(s, 0, 1) for s in subjects]
    assert np.corrcoef(fraction, [s.phenotypes["lvef_percent"] for s in subjects])[0, 1] > 0.75


def test_wall_thickness_in_the_mask_is_that_of_the_mid_segments(subjects):
    for s in subjects:
        area = np.array([pixels(s, 0, 1), pixels(s, 0, 1) + pixels(s, 0, 2)]) * 1.8**2
        inner, outer = np.sqrt(area / np.pi)
        mean_mid = np.mean([s.phenotypes[f"wt_aha_{k}_mm"] for k in range(7, 13)])
        assert outer - inner == pytest.approx(mean_mid, rel=0.12)


def test_blood_is_brighter_than_muscle_and_muscle_brighter_than_lung(subjects):
    for s in subjects:
        frame, mask = s.cine.frames[0, 0], s.cine.masks[0, 0]
        blood, muscle = np.median(frame[mask == 1]), np.quantile(frame[mask == 2], 0.25)
        assert muscle < 0.65 * blood
        assert np.quantile(frame, 0.05) < 0.5 * muscle
        assert 0.6 < np.median(frame[mask == 3]) / blood < 1.3


def test_the_published_window_holds_the_heart(subjects):
    for s in subjects:
        top, bottom, left, right = PublishedWindow().box(s.cine, 0)
        inside = s.cine.masks[:, 0, max(top, 0) : bottom, max(left, 0) : right]
        assert (inside > 0).sum() > 0.97 * (s.cine.masks > 0).sum()
        assert picture(s.cine, ed=0, mid=1, es=2, config=ViewConfig(size=64, crop=PublishedWindow())).max() == 255


def test_frames_come_in_order_of_time(subjects):
    for s in subjects:
        assert (np.diff(s.cine.trigger_ms) > 0).all()


def test_pixel_size_and_frame_follow_the_settings():
    s = make_subject(seed=8, index=0, config=SyntheticConfig(frame_pixels=96, pixel_mm=2.2))
    assert s.cine.frames.shape == (3, 1, 96, 96)
    assert s.cine.spacing_mm == (10.0, 2.2, 2.2)
    assert set(np.unique(s.cine.masks[0])) == {0, 1, 2, 3}


def test_without_noise_a_frame_is_smoother():
    noisy, clean = (
        make_subject(seed=8, index=1, config=SyntheticConfig(mri_noise=noise)).cine.frames[0, 0] for noise in (2.0, 0.0)
    )
    assert np.abs(np.diff(noisy, axis=1)).mean() > 1.3 * np.abs(np.diff(clean, axis=1)).mean()
