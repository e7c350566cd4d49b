"""Draws docs/pictures/phenotypes.png: a synthetic study as `cardiolens phenotypes --html` shows it, by the shipped segmenter.

Run: `python scripts/draw_phenotypes.py`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cardiolens.bundles.segmenter_files import read_segmenter, shipped_segmenter_path
from cardiolens.formats.cmr.heart_rate import CmrStudy
from cardiolens.imaging.stack_geometry import PlacedCine, centred_geometry
from cardiolens.serving.phenotype_output import picture_of
from cardiolens.serving.phenotyping import label_by_segmenter, measure_study
from cardiolens.synthetic.generator import make_cine

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "phenotypes.png"
SEED, SUBJECT, PHASES = 5, 3, 25


def main() -> None:
    """Make, label, measure, draw."""
    cine = replace(make_cine(seed=SEED, index=SUBJECT, num_phases=PHASES), masks=None, source="synthetic study")
    towards = {"along_row": (1.0, 0.0, 0.0), "along_column": (0.0, 1.0, 0.0), "along_slices": (0.0, 0.0, -1.0)}
    placed = PlacedCine(cine, centred_geometry(cine, centre_mm=(0.0, 0.0, 0.0), **towards))
    study = CmrStudy(placed, float(cine.trigger_ms[1] * PHASES), "phases times the time between them")
    labelled = label_by_segmenter(study, read_segmenter(shipped_segmenter_path()))
    PICTURE.write_bytes(picture_of(measure_study(study, *labelled)))


if __name__ == "__main__":
    main()
