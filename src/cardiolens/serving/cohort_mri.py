"""An MRI examination on its way into a cohort: read, label, measure, cut.

Travels to worker processes by pickle as settings and paths; each process loads its segmenter once.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cardiolens.cohorts.file_rows import MriParts
from cardiolens.cohorts.phenotype_sources import OWN_WITH_STRAIN, OWN_WITHOUT_STRAIN
from cardiolens.configs import to_json
from cardiolens.errors import BadImage
from cardiolens.formats.cmr.label_map import LabelMap
from cardiolens.formats.cmr.study import CmrInput, CmrStudy, list_studies, read_study
from cardiolens.imaging.segmented import Segmented
from cardiolens.imaging.strain import StrainConfig
from cardiolens.imaging.study_views import StudyViewConfig, study_views
from cardiolens.serving.phenotyping import PhenotypeRules, label_by_masks, label_by_segmenter, measure_study


@dataclass(frozen=True)
class CohortMri:
    """Reads examinations; calling it gives what a cohort keeps of one."""

    segmenter: Path
    """Folder of the segmenter for examinations without masks."""
    label_map: LabelMap | None = None
    """What the numbers in given masks mean."""
    strain: bool = False
    """Also measure strain, which takes most of the time."""
    volumes: bool = False
    """Also keep both volumes."""
    cine: bool = False
    """Also keep the middle slice in motion."""
    views: StudyViewConfig = field(default_factory=StudyViewConfig)

    def __call__(self, path: Path, masks: Path | None) -> MriParts:
        """What is kept of the examination at `path`.

        Raises:
            BadImage: it cannot be read, labelled with confidence or shown.
        """
        study = read_study(_examination(path))
        segmented, named = self._labelled(study, masks)
        if segmented.left_refused:
            raise BadImage(
                study.placed.cine.source, found=segmented.left_refused, expected="a left ventricle to cut the pictures around",
                remedy="give masks, or leave the MRI out",
            )  # fmt: skip
        rules = PhenotypeRules(strain=StrainConfig() if self.strain else None)
        measured = measure_study(study, segmented, named, rules=rules)
        cut = study_views(replace(measured.cine, masks=segmented.masks), measured.measured.phases, self.views)
        return MriParts(
            cut.picture,
            measured.phenotypes.values,
            cut.volumes if self.volumes else None,
            cut.cine if self.cine else None,
            study.taken_on,
        )

    @property
    def measures(self) -> tuple[str, ...]:
        """The phenotype columns that it measures."""
        return OWN_WITH_STRAIN if self.strain else OWN_WITHOUT_STRAIN

    def describe(self) -> dict[str, Any]:
        """How examinations are labelled, measured and cut, for a cohort's record."""
        config = _segmenter(self.segmenter).config
        return {
            "segmenter": config.name,
            "segmenter_sha256": config.weights_sha256,
            "masks": None if self.label_map is None else self.label_map.name,
            "strain": self.strain,
            "volumes": self.volumes,
            "cine": self.cine,
            "grid": to_json(self.views.volumes),
        }

    def _labelled(self, study: CmrStudy, masks: Path | None) -> tuple[Segmented, str]:
        if masks is None:
            return label_by_segmenter(study, _segmenter(self.segmenter))
        if self.label_map is None:
            raise BadImage(
                masks, found="masks without a label map", expected="which number is the left cavity, which is never guessed",
                remedy="name the map, or leave the masks out",
            )  # fmt: skip
        return label_by_masks(study, masks, self.label_map)


def _examination(path: Path) -> CmrInput:
    """The one examination at a path, which may be a folder with a folder for each series."""
    found = list(itertools.islice(list_studies([path]), 2))
    if len(found) > 1:
        raise BadImage(
            path, found="several examinations", expected="one per visit", remedy="name the folder or file of the visit's own"
        )
    return CmrInput(found[0].paths, path.name)


@functools.lru_cache(maxsize=1)
def _segmenter(path: Path) -> Any:
    import torch

    from cardiolens.bundles.segmenter_files import read_segmenter

    # How sums are split among threads decides their last bits: a cohort is the same whoever makes it.
    torch.set_num_threads(1)
    return read_segmenter(path)
