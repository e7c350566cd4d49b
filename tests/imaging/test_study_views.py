from dataclasses import replace

import numpy as np
import pytest

from cardiolens.errors import BadImage
from cardiolens.imaging.phases import choose_phases
from cardiolens.imaging.study_views import StudyViewConfig, study_views
from cardiolens.imaging.views import PublishedWindow, ViewConfig
from cardiolens.synthetic.generator import make_cine
from cardiolens.types import CineStack


@pytest.fixture(scope="module")
def cine() -> CineStack:
    return make_cine(seed=5, index=0, num_phases=8)


def _phases(cine):
    return choose_phases(cine.masks, spacing_mm=cine.spacing_mm, source=cine.source)


def test_views_have_their_sizes_and_say_their_millimetres(cine):
    views = study_views(cine, _phases(cine))
    assert views.picture.shape == (3, 210, 210)
    assert views.volumes.shape == (2, 12, 96, 96)
    assert views.cine.shape == (25, 96, 96)
    assert views.volume_pixel_mm == pytest.approx(168 / 96)
    assert 0.2 < views.picture_pixel_mm[0] == views.picture_pixel_mm[1] < 1.5


def test_slices_without_heart_do_not_move_the_middle(cine):
    beyond = [(0, 0), (0, 4), (0, 0), (0, 0)]
    padded = replace(cine, frames=np.pad(cine.frames, beyond), masks=np.pad(cine.masks, beyond))
    plain, wide = (study_views(one, _phases(one)) for one in (cine, padded))
    assert wide.middle_slice == plain.middle_slice
    np.testing.assert_array_equal(wide.picture, plain.picture)


def test_the_published_window_is_a_variant(cine):
    config = StudyViewConfig(picture=ViewConfig(size=78, crop=PublishedWindow()))
    views = study_views(cine, _phases(cine), config)
    assert views.picture.shape == (3, 78, 78)
    assert views.picture_pixel_mm == pytest.approx(cine.spacing_mm[1:])


@pytest.mark.parametrize("lack", ["masks", "end-systole", "left ventricle"])
def test_what_cannot_be_shown_is_refused(cine, lack):
    phases = _phases(cine)
    if lack == "masks":
        cine = replace(cine, masks=None)
    elif lack == "end-systole":
        phases = replace(phases, es=None, mid=None)
    else:
        cine = replace(cine, masks=np.where(cine.masks == 3, 3, 0).astype(np.uint8))
    with pytest.raises(BadImage, match=f"found no {lack}"):
        study_views(cine, phases)
