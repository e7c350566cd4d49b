"""Train the bundle that ships in the package: `make bundle`. About an hour on two cores; goes on where it was stopped.

    python scripts/train_shipped_bundle.py [WORK_FOLDER]

It replaces `src/cardiolens/bundles/shipped`. The cohort and the runs stay in the work folder.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from cardiolens.bundles.provenance import provenance
from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.progress import terminal_progress
from cardiolens.recipes import shipped
from cardiolens.serving.bundling import bundle_run, cohort_in_words
from cardiolens.training.train import train

TARGET = Path(__file__).resolve().parent.parent / "src" / "cardiolens" / "bundles" / "shipped"


def main(work: Path) -> None:
    """Prepare, train and write."""
    progress = terminal_progress()
    cohort = prepare_synthetic(work / "cohort", subjects=shipped.SUBJECTS, seed=shipped.SEED, processes=2, progress=progress)
    mdm = train(shipped.mdm(), cohort, work / "mdm", progress=progress)
    mmcl = train(shipped.mmcl(), cohort, work / "mmcl", start_from=mdm.path, progress=progress)
    joint = train(shipped.joint(), cohort, work / "joint", start_from=mmcl.path, progress=progress)
    fresh = work / "bundle"
    shutil.rmtree(fresh, ignore_errors=True)
    origin = provenance(**shipped.sources()) | {"command": "make bundle"}
    bundle = bundle_run(
        joint, cohort, fresh, name="cardiolens synthetic", training_data=cohort_in_words(cohort), provenance=origin
    )
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(bundle.path, TARGET)
    print(f"{TARGET.name}: {sum(file.stat().st_size for file in TARGET.iterdir()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/shipped"))
