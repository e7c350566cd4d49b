"""From a labelled study to what models see of it: the picture of three phases, both volumes, the moving middle slice.

The stack is first cut to the slices that show left ventricle at end-diastole, so that "the middle slice" is the middle of the
heart and not of what somebody planned.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import UInt8

from cardiolens.errors import BadImage
from cardiolens.imaging.mask_cleanup import LV_CAVITY, MYOCARDIUM
from cardiolens.imaging.phases import Phases
from cardiolens.imaging.views import ViewConfig, picture
from cardiolens.imaging.volumes import VolumeConfig, slice_cine, volumes
from cardiolens.types import CineStack


@dataclass(frozen=True)
class StudyViews:
    """Arrays of one size for all studies, and what was shown of this one."""

    picture: UInt8[np.ndarray, "3 height width"]
    """End-systole, mid and end-diastole of the middle slice."""
    volumes: UInt8[np.ndarray, "2 slice rows columns"]
    """End-diastole and end-systole."""
    cine: UInt8[np.ndarray, "phase rows columns"]
    """The middle slice over the beat."""
    middle_slice: int
    """Counted in the stack as it was read."""
    picture_pixel_mm: tuple[float, float]
    """Height and width of the picture's pixels, which follow the heart's size."""
    volume_pixel_mm: float
    """Of volumes and cine, the same for every study."""


@dataclass(frozen=True)
class StudyViewConfig:
    """How the arrays are cut."""

    picture: ViewConfig = field(default_factory=ViewConfig)
    volumes: VolumeConfig = field(default_factory=VolumeConfig)


_DEFAULT = StudyViewConfig()


def study_views(cine: CineStack, phases: Phases, config: StudyViewConfig = _DEFAULT) -> StudyViews:
    """The views of a stack with masks, at the phases that were chosen.

    Raises:
        BadImage: no masks, no left ventricle at end-diastole, no end-systole, or no contrast around the heart.
    """
    if cine.masks is None or phases.es is None or phases.mid is None:
        found = "no masks" if cine.masks is None else "no end-systole"
        raise BadImage(cine.source, found=found, expected="masks of a whole beat", remedy="segment the whole cine")
    shown = np.flatnonzero(np.isin(cine.masks[phases.ed], (LV_CAVITY, MYOCARDIUM)).any(axis=(1, 2)))
    if not len(shown):
        raise BadImage(
            cine.source, found="no left ventricle at end-diastole", expected="a labelled heart", remedy="check the segmentation"
        )
    kept = slice(int(shown[0]), int(shown[-1]) + 1)
    heart = replace(cine, frames=cine.frames[:, kept], masks=cine.masks[:, kept])
    middle = heart.frames.shape[1] // 2
    top, bottom, left, right = config.picture.crop.box(heart, middle)
    _, row_mm, column_mm = cine.spacing_mm
    return StudyViews(
        picture=picture(heart, ed=phases.ed, mid=phases.mid, es=phases.es, config=config.picture),
        volumes=volumes(heart, ed=phases.ed, es=phases.es, config=config.volumes),
        cine=slice_cine(heart, config.volumes),
        middle_slice=kept.start + middle,
        picture_pixel_mm=((bottom - top) * row_mm / config.picture.size, (right - left) * column_mm / config.picture.size),
        volume_pixel_mm=config.volumes.side_mm / config.volumes.size,
    )
