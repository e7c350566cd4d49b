from dataclasses import replace

import numpy as np
import pytest

from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.cohorts.synthetic_masks import picture_masks, synthetic_masks
from cardiolens.errors import BadCohort
from cardiolens.imaging.mask_cleanup import LV_CAVITY, MYOCARDIUM, RV_CAVITY
from cardiolens.imaging.views import MaskBox, PublishedWindow, ViewConfig
from cardiolens.parallel import Workers
from cardiolens.types import CineStack

ROWS = np.array([7, 3, 20, 31])


@pytest.fixture(scope="module")
def masks(tiny_cohort):
    return synthetic_masks(tiny_cohort, ROWS)


def _mean(picture: np.ndarray, inside: np.ndarray) -> float:
    return float(picture[inside].mean())


def test_the_blood_in_the_masks_is_brighter_than_the_muscle_in_every_phase(tiny_cohort, masks):
    for pictures, labels in zip(tiny_cohort.cmr[ROWS], masks, strict=True):
        for picture, label in zip(pictures, labels, strict=True):
            muscle = _mean(picture, label == MYOCARDIUM)
            assert _mean(picture, label == LV_CAVITY) > 1.5 * muscle
            assert _mean(picture, label == RV_CAVITY) > 1.2 * muscle


def test_the_masks_fit_better_where_they_lie_than_eight_pixels_beside_it(tiny_cohort, masks):
    def contrast(moved: np.ndarray) -> float:
        pictures = tiny_cohort.cmr[ROWS]
        return _mean(pictures, moved == LV_CAVITY) - _mean(pictures, moved == MYOCARDIUM)

    beside = [contrast(np.roll(masks, by, axis)) for by in (-8, 8) for axis in (2, 3)]
    assert contrast(masks) > 1.1 * max(beside)


def test_the_cavity_is_smallest_in_the_channel_of_end_systole_and_largest_at_end_diastole(masks):
    es, mid, ed = np.moveaxis((masks == LV_CAVITY).sum(axis=(2, 3)), 1, 0)
    assert (es < mid).all()
    assert (mid < ed).all()


def test_processes_make_the_same_masks(tiny_cohort, masks):
    assert (synthetic_masks(tiny_cohort, ROWS, workers=Workers(2)) == masks).all()


def test_a_picture_of_another_crop_has_masks_of_that_crop(tmp_path):
    published = ViewConfig(size=64, crop=PublishedWindow())
    made = prepare_synthetic(tmp_path / "cohort", subjects=2, seed=0, views=published)
    masks = synthetic_masks(made, np.arange(2))
    assert masks.shape == made.cmr.shape
    for pictures, labels in zip(made.cmr, masks, strict=True):
        assert _mean(pictures, labels == LV_CAVITY) > 1.5 * _mean(pictures, labels == MYOCARDIUM)


def test_a_label_is_that_of_the_nearest_pixel_and_black_beyond_the_frame():
    labels = np.zeros((1, 1, 6, 6), np.uint8)
    labels[0, 0, 0:2, 0:2] = [[1, 2], [3, 1]]
    cine = CineStack(labels.astype(np.float32), (10.0, 1.0, 1.0), np.zeros(1), "a cine", masks=labels)
    shown = picture_masks(cine, ViewConfig(size=16, crop=MaskBox(margin=0.5)))[0]
    expected = np.zeros((4, 4), np.uint8)
    expected[1:3, 1:3] = [[1, 2], [3, 1]]
    np.testing.assert_array_equal(shown, np.kron(expected, np.ones((4, 4), np.uint8)))


def test_a_cohort_of_other_pictures_than_the_generator_draws_is_refused(tiny_cohort):
    other = replace(tiny_cohort, cmr=np.roll(tiny_cohort.cmr, 1, axis=0))
    with pytest.raises(BadCohort, match="prepare the cohort again"):
        synthetic_masks(other, ROWS)


def test_people_and_subjects_without_mri_have_no_masks(tiny_cohort):
    def with_source(**changes):
        settings = replace(tiny_cohort.settings, source=tiny_cohort.settings.source | changes)
        return replace(tiny_cohort, manifest=replace(tiny_cohort.manifest, settings=settings))

    with pytest.raises(BadCohort, match="people"):
        synthetic_masks(with_source(kind="ukb"), ROWS)
    with pytest.raises(BadCohort, match="without MRI"):
        synthetic_masks(with_source(with_mri=False), ROWS)
