"""Train the segmenter that ships: three seeds, half an hour each on one core; goes on where it was stopped.

    python scripts/train_segmenter.py [WORK_FOLDER] [--seeds 0 1 2]

The seed that validates best on synthetic scans replaces `src/cardiolens/bundles/shipped_segmenter`. No real picture takes
part, neither in training nor in the choice of the seed. `benchmarks/sim_to_real_mri.py` scores the runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cardiolens.bundles.segmenter_files import write_segmenter
from cardiolens.progress import terminal_progress
from cardiolens.recipes.segmenter import segmenter, segmenter_card, segmenter_of, train_segmenter

TARGET = Path(__file__).resolve().parent.parent / "src" / "cardiolens" / "bundles" / "shipped_segmenter"


def main(work: Path, seeds: list[int]) -> None:
    """Train one seed after the other, then write the best."""
    progress = terminal_progress()
    runs = [train_segmenter(segmenter(seed=seed), work / f"seed_{seed}", progress=progress) for seed in seeds]
    best = max(runs, key=lambda run: run.metrics()[-1]["select_dice"])
    shipped = write_segmenter(TARGET, segmenter_of(best), card=segmenter_card(best))
    print(f"{TARGET.name}: {shipped.config.training}, {sum(file.stat().st_size for file in TARGET.iterdir()) / 1e6:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", nargs="?", type=Path, default=Path("out/segmenter"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args()
    main(chosen.work, chosen.seeds)
