"""Train the bundle that ships in the package: `make bundle`. About an hour on two cores; goes on where it was stopped.

    python scripts/train_shipped_bundle.py [WORK_FOLDER]
    python scripts/train_shipped_bundle.py [WORK_FOLDER] --refit    # the same weights, calibrated again: minutes

It replaces `src/cardiolens/bundles/shipped`. The cohort and the runs stay in the work folder.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from cardiolens.bundles.bundle import Bundle, read_bundle
from cardiolens.bundles.provenance import outdated, provenance
from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.progress import terminal_progress
from cardiolens.recipes import shipped
from cardiolens.serving.bundling import bundle_run, cohort_in_words
from cardiolens.serving.refit import refit_bundle
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
    _ship(bundle)


def refit(work: Path) -> None:
    """Keep the shipped weights; fit risks, intervals and applicability on the subjects they were not trained on."""
    bundle, progress = read_bundle(TARGET), terminal_progress()
    sources = shipped.sources()
    if stale := outdated(bundle.config.provenance, **sources):
        raise SystemExit(f"the shipped bundle was made by other code ({', '.join(stale)}): train it again by `make bundle`")
    # Nobody looks at pictures here; the hearts, their ECGs and their splits are the same without.
    cohort = prepare_synthetic(
        work / "cohort_ecg", subjects=shipped.SUBJECTS, seed=shipped.SEED, with_mri=False, processes=2, progress=progress
    )
    fresh = work / "refitted"
    shutil.rmtree(fresh, ignore_errors=True)
    _ship(refit_bundle(bundle, cohort, fresh, progress=progress))


def _ship(bundle: Bundle) -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(bundle.path, TARGET)
    print(f"{TARGET.name}: {sum(file.stat().st_size for file in TARGET.iterdir()) / 1e6:.1f} MB")


if __name__ == "__main__":
    folders = [argument for argument in sys.argv[1:] if argument != "--refit"]
    (refit if "--refit" in sys.argv else main)(Path(folders[0] if folders else "out/shipped"))
