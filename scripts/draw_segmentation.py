"""Draw `docs/pictures/segmentation.png`: what the shipped segmenter makes of procedural stacks, best, median and worst.

    python scripts/draw_segmentation.py

Lines are found, dots are true: LV cavity red, myocardium yellow, RV cavity blue. Forty stacks that no training saw, ranked by
the mean Dice overlap of the three structures.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

from cardiolens.bundles.segmenter import Segmenter
from cardiolens.bundles.segmenter_files import read_segmenter, shipped_segmenter_path
from cardiolens.synthetic.scans.scan import Scan, ScanConfig, draw_scan
from cardiolens.types import CineStack

TARGET = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "segmentation.png"
SEED = 77_002
NUM_STACKS, NUM_SLICES = 40, 8
COLOURS = {1: "tab:red", 2: "gold", 3: "deepskyblue"}


def main() -> None:
    """Segment, rank and draw."""
    segmenter = read_segmenter(shipped_segmenter_path())
    config = ScanConfig(num_slices=NUM_SLICES)
    scans = [draw_scan(seed=SEED, index=index, config=config) for index in range(NUM_STACKS)]
    found = [labels(segmenter, scan, config) for scan in scans]
    overlaps = np.array([mean_dice(mask, scan.masks) for mask, scan in zip(found, scans, strict=True)])
    ranked = np.argsort(-overlaps)
    shown = {"best": ranked[0], "good": ranked[NUM_STACKS // 4], "median": ranked[NUM_STACKS // 2], "worst": ranked[-1]}
    draw([(f"{name}: {overlaps[k]:.2f}", scans[k], found[k]) for name, k in shown.items()])


def labels(segmenter: Segmenter, scan: Scan, config: ScanConfig) -> np.ndarray:
    """The segmenter's answer for one stack."""
    spacing = (scan.spacing_mm, config.pixel_mm, config.pixel_mm)
    return segmenter.segment(CineStack(scan.frames[None], spacing, np.array([0.0]), "procedural"))[0]


def mean_dice(found: np.ndarray, wanted: np.ndarray) -> float:
    """Over the structures that the stack shows."""
    shown = [label for label in COLOURS if (wanted == label).any()]
    return float(
        np.mean([2 * ((found == k) & (wanted == k)).sum() / ((found == k).sum() + (wanted == k).sum()) for k in shown])
    )


def draw(rows: list[tuple[str, Scan, np.ndarray]]) -> None:
    """One row per stack, from base to apex."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(rows), NUM_SLICES, figsize=(2 * NUM_SLICES, 2.25 * len(rows)))
    for (title, scan, found), line in zip(rows, axes, strict=True):
        for axis, picture, mask, answer in zip(line, scan.frames, scan.masks, found, strict=True):
            axis.imshow(picture[16:112, 16:112], cmap="gray", vmin=0, vmax=1)
            for label, colour in COLOURS.items():
                for which, style in ((mask, "dotted"), (answer, "solid")):
                    if (which == label)[16:112, 16:112].any():
                        axis.contour((which == label)[16:112, 16:112], [0.5], colors=colour, linestyles=style, linewidths=1.0)
            axis.axis("off")
        line[0].set_title(f"{title} ({scan.family.name.lower().replace('_', ' ')})", fontsize=9, loc="left")
    figure.tight_layout(pad=0.6)
    figure.savefig(TARGET, dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    main()
