"""Where the heart is in the pictures of a synthetic cohort: its masks, made again and cut as the pictures were.

Cohorts store no masks. Those of synthetic hearts follow from the settings that the cohort keeps; what is made again is held
against the stored pictures, so that no mask lies on another heart than it came from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.synthetic_scans import generator_indices
from cardiolens.configs import from_json
from cardiolens.errors import BadCohort
from cardiolens.imaging.views import ViewConfig, cut, picture
from cardiolens.parallel import HERE, Workers
from cardiolens.progress import QUIET, Progress
from cardiolens.synthetic.generator import make_subject
from cardiolens.synthetic.settings import SyntheticConfig
from cardiolens.types import CineStack

_END_DIASTOLE, _MID, _END_SYSTOLE = 0, 1, 2
"""The generator gives three phases in the order of time."""
_MOST_GREY_LEVELS = 2
"""By which a picture made on another machine may differ from the stored one."""


def synthetic_masks(
    cohort: Cohort, rows: Int[np.ndarray, " row"], *, workers: Workers = HERE, progress: Progress = QUIET
) -> UInt8[np.ndarray, "row channel height width"]:
    """Labels of every pixel of the pictures of some rows: 0 background, 1 LV cavity, 2 myocardium, 3 RV cavity.

    Channels are those of the picture: end-systole, mid, end-diastole. A pixel has the label of the nearest one of the scan.

    Raises:
        BadCohort: it is not synthetic, has no MRI, or this version of the generator draws other hearts than are stored.
    """
    source = cohort.settings.source
    if source.get("kind") != "synthetic" or not source.get("with_mri") or cohort.cmr is None:
        raise BadCohort(
            cohort.path,
            found="people without masks" if source.get("kind") != "synthetic" else "synthetic subjects without MRI",
            expected="synthetic hearts with MRI, whose masks can be made again",
            remedy="prepare one by `cardiolens prepare`, or give masks of your own",
        )
    seed = source["seed"]
    indices = generator_indices(cohort, rows)
    again = _MadeAgain(seed, from_json(SyntheticConfig, source["generator"], source=cohort.path), cohort.settings.views)
    masks = np.empty((len(rows), *cohort.cmr.shape[1:]), np.uint8)
    with progress.task("masks", total=len(rows), unit="subjects") as task:
        for place, (shown, labels) in enumerate(workers.map(again, indices, count=len(indices))):
            apart = np.abs(shown.astype(np.int16) - cohort.cmr[rows[place]].astype(np.int16)).max()
            if apart > _MOST_GREY_LEVELS:
                raise BadCohort(
                    cohort.path,
                    found=f"a picture that differs by {apart} grey levels from the one that is made again",
                    expected="pictures of this version's generator",
                    remedy="prepare the cohort again",
                )
            masks[place] = labels
            task.advance()
    return masks


def picture_masks(cine: CineStack, config: ViewConfig) -> UInt8[np.ndarray, "phase height width"]:
    """The masks of every phase of a stack's middle slice in the frame of its picture, by nearest pixel."""
    assert cine.masks is not None, "the stack came without masks"
    middle = cine.masks.shape[1] // 2
    top, bottom, left, right = config.crop.box(cine, middle)
    shown = cut(cine.masks[:, middle].astype(np.float32), (top, bottom, left, right)).astype(np.uint8)
    rows, columns = (_nearest(length, config.size) for length in (bottom - top, right - left))
    return shown[:, rows[:, None], columns]


def _nearest(length: int, size: int) -> Int[np.ndarray, " size"]:
    return ((np.arange(size) + 0.5) * length / size).astype(np.int64)


@dataclass(frozen=True)
class _MadeAgain:
    """The picture and the masks of a subject; it travels to worker processes."""

    seed: int
    generator: SyntheticConfig
    views: ViewConfig

    def __call__(
        self, index: int
    ) -> tuple[UInt8[np.ndarray, "channel height width"], UInt8[np.ndarray, "channel height width"]]:
        cine = make_subject(seed=self.seed, index=index, config=self.generator).cine
        shown = picture(cine, ed=_END_DIASTOLE, mid=_MID, es=_END_SYSTOLE, config=self.views)
        return shown, picture_masks(cine, self.views)[[_END_SYSTOLE, _MID, _END_DIASTOLE]]
