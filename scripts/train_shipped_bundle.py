"""Train the bundle that ships in the package: `make bundle`. About an hour on two cores; goes on where it was stopped.

    python scripts/train_shipped_bundle.py [WORK_FOLDER]
    python scripts/train_shipped_bundle.py [WORK_FOLDER] --refit        # the same weights, calibrated again: minutes
    python scripts/train_shipped_bundle.py [WORK_FOLDER] --same-data    # after other code that draws the same hearts: minutes

It replaces `src/cardiolens/bundles/shipped`. The cohort and the runs stay in the work folder.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from cardiolens.bundles.bundle import Bundle, read_bundle, write_bundle
from cardiolens.bundles.provenance import outdated, provenance
from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.cohorts.store import Cohort
from cardiolens.progress import terminal_progress
from cardiolens.recipes import shipped
from cardiolens.serving.bundling import bundle_run
from cardiolens.serving.cohort_words import bank_in_words, cohort_in_words, measured_on
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
        joint,
        cohort,
        fresh,
        name="cardiolens synthetic",
        training_data=cohort_in_words(cohort),
        contrastive=mmcl,
        bank_hearts=shipped.BANK_HEARTS,
        provenance=origin,
        progress=progress,
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
    _ship(refit_bundle(_described(bundle, cohort), cohort, fresh, progress=progress))


def same_data(work: Path) -> None:
    """Keep all but the digests, if today's code draws the hearts that the bundle was trained on, to the bit."""
    bundle, sources, again = read_bundle(TARGET), shipped.sources(), work / "cohort_again"
    shutil.rmtree(again, ignore_errors=True)
    before = Cohort.open(work / "cohort")
    now = prepare_synthetic(again, subjects=shipped.SUBJECTS, seed=shipped.SEED, processes=2, progress=terminal_progress())
    if before.fingerprint != bundle.config.provenance["cohort"]:
        raise SystemExit(f"{work.name} holds another cohort than the bundle was trained on")
    alike = all(np.array_equal(getattr(before, name), getattr(now, name)) for name in ("ecg", "ecg_scale", "cmr"))
    if not (alike and before.subjects.equals(now.subjects)):
        raise SystemExit("today's code draws other hearts: train the bundle again by `make bundle`")
    recorded = bundle.config.provenance | {name: value for name, value in provenance(**sources).items() if "sha256" in name}
    recorded |= {"same_data": f"{shipped.SUBJECTS} hearts drawn again by the code of generator_sha256, equal to the bit"}
    config = replace(bundle.config, provenance=recorded, files={})
    fresh = work / "relabelled"
    shutil.rmtree(fresh, ignore_errors=True)
    _ship(write_bundle(fresh, config, bundle.state, shared_space=bundle.shared_space(), bank=bundle.bank()))


def _described(bundle: Bundle, cohort: Cohort) -> Bundle:
    """With today's words for what it was trained and measured on."""
    measurements = tuple(replace(one, cohort=measured_on(cohort)) for one in bundle.config.measurements)
    bank = replace(bundle.config.bank, origin=bank_in_words(cohort))
    described = {"training_data": cohort_in_words(cohort), "measurements": measurements, "bank": bank}
    return replace(bundle, config=replace(bundle.config, **described))


def _ship(bundle: Bundle) -> None:
    shutil.rmtree(TARGET, ignore_errors=True)
    shutil.copytree(bundle.path, TARGET)
    print(f"{TARGET.name}: {sum(file.stat().st_size for file in TARGET.iterdir()) / 1e6:.1f} MB")


if __name__ == "__main__":
    ways = {"--refit": refit, "--same-data": same_data}
    folders = [argument for argument in sys.argv[1:] if argument not in ways]
    way = next((ways[argument] for argument in sys.argv[1:] if argument in ways), main)
    way(Path(folders[0] if folders else "out/shipped"))
