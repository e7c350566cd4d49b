from dataclasses import replace

import numpy as np
import pytest
from decoded import pixels

from cardiolens.evaluation.study_picture import StudyPicture, study_picture


@pytest.fixture
def study() -> StudyPicture:
    rows, columns = np.mgrid[:60, :64]
    radius = np.hypot(rows - 30, columns - 30)
    mask = np.where(radius < 9, 1, np.where(radius < 14, 2, 0)).astype(np.uint8)
    frames = np.where(mask == 1, 1.0, 0.3)[None].repeat(8, axis=0)
    segments = np.linspace(5, 10, 17)
    segments[3] = np.nan
    return StudyPicture(
        title="study <1>",
        lines=("LVEDV 100 mL", "Research use only"),
        frames={"end-diastole": frames, "end-systole": frames},
        masks={"end-diastole": mask[None].repeat(8, axis=0), "end-systole": mask[None].repeat(8, axis=0)},
        lv_ml=np.array([100.0, 70.0, np.nan, 90.0]),
        trigger_ms=np.array([0.0, 100.0, 200.0, 300.0]),
        ed=0,
        es=1,
        segments={"WT": segments, "Ecc": np.full(17, np.nan)},
    )


def test_contours_of_both_phases_are_drawn_in_their_colours(study):
    picture = pixels(study_picture(study)).astype(int)
    red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]
    assert ((red > 180) & (green < 120) & (blue < 60)).sum() > 500
    assert ((red > 200) & (green > 190) & (blue < 110)).sum() > 500


@pytest.mark.parametrize(
    "change",
    [
        {"es": None},
        {"trigger_ms": np.full(4, np.nan)},
        {"segments": {}},
        {"lv_ml": np.array([100.0, np.nan, np.nan, np.nan])},
        {"masks": {"end-diastole": np.zeros((8, 60, 64), np.uint8), "end-systole": np.zeros((8, 60, 64), np.uint8)}},
    ],
    ids=["no end-systole", "times lost", "no segments", "one phase", "no masks"],
)
def test_what_is_missing_leaves_a_gap_and_no_failure(study, change):
    assert pixels(study_picture(replace(study, **change))).size > 0


def test_the_same_study_gives_the_same_bytes(study):
    assert study_picture(study) == study_picture(study)
