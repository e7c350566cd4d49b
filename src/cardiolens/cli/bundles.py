"""`bundle`, `push` and `import`: a finished run as a bundle, a bundle on the hub, published weights to start from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cardiolens.cli.verbs import add_verb, fail
from cardiolens.notice import NOTICE

if TYPE_CHECKING:
    from cardiolens.bundles.config import BundleConfig

_MOST_IGNORED = 6
"""So many keys of a file are named; of more, how many there are."""


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`bundle`, `push` and `import`."""
    bundle = add_verb(
        verbs,
        "bundle",
        _bundle,
        "write a finished fine-tuning as a bundle: calibrated, measured, with a model card",
        "cardiolens bundle runs/mass --cohort cohorts/mine --out bundles/mass\n"
        "  cardiolens bundle runs/mass --contrastive runs/mmcl --bank 200 --cohort cohorts/mine --out bundles/mass\n"
        "  cardiolens bundle runs/af_0 --siblings runs/af_1 runs/af_2 --cohort cohorts/mine --out bundles/af",
    )
    bundle.add_argument("finished", type=Path, metavar="RUN", help="a finished fine-tuning run")
    bundle.add_argument("--cohort", type=Path, required=True, help="the cohort it was trained on")
    bundle.add_argument("--out", type=Path, required=True, metavar="DIR", help="the bundle's folder, a new one")
    bundle.add_argument("--name", help="the model's name, shown with every answer (default: the recipe's)")
    bundle.add_argument(
        "--siblings",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="the same fine-tuning with other seeds; how far they lie apart widens the intervals of risks",
    )
    bundle.add_argument(
        "--contrastive",
        type=Path,
        metavar="RUN",
        help="the contrastive run it started from; then ECGs are compared with MRIs",
    )
    bundle.add_argument(
        "--bank", type=int, default=0, metavar="N",
        help="take along so many hearts of the training split to compare with: MRI pictures, ages, sexes, phenotypes. "
        "Of people, only where you may pass these on (default 0)",
    )  # fmt: skip

    push = add_verb(
        verbs,
        "push",
        _push,
        "put a bundle on the Hugging Face hub, private unless told otherwise",
        "cardiolens push bundles/mass me/ecg-mass              # then: cardiolens predict ecg.xml --model me/ecg-mass\n"
        "  cardiolens push bundles/mass me/ecg-mass --public",
    )
    push.add_argument("bundle", type=Path, metavar="BUNDLE", help="the bundle's folder")
    push.add_argument(
        "name", metavar="OWNER/NAME", help="what it is called on the hub; HF_TOKEN or `hf auth login` says who you are"
    )
    push.add_argument("--public", action="store_true", help="for everyone to see")

    published = add_verb(
        verbs,
        "import",
        _import,
        "bring published weights into a folder that training starts from",
        "cardiolens import signal_encoder_mmcl.pth --out encoders/mmcl\n"
        "  cardiolens import signal_encoder_mmcl.pth image_encoder_mmcl.pth --out encoders/mmcl",
    )
    published.add_argument("files", type=Path, nargs="+", metavar="FILE.pth", help="checkpoints of MMCL-ECG-CMR or mae")
    published.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")


def _bundle(arguments: argparse.Namespace) -> int:
    if arguments.out.exists():
        fail("bundle", f"--out {arguments.out.name} is there already; name a new folder")
    if arguments.bank < 0 or (arguments.bank and arguments.contrastive is None):
        fail("bundle", "--bank takes 0 or more hearts, and needs --contrastive, the run that can place them")
    from cardiolens.cohorts.store import Cohort
    from cardiolens.progress import terminal_progress
    from cardiolens.serving.bundling import bundle_run
    from cardiolens.serving.cohort_words import cohort_in_words
    from cardiolens.training.run import Run

    run, *siblings = (Run.open(path) for path in (arguments.finished, *arguments.siblings))
    cohort = Cohort.open(arguments.cohort)
    seeds = " ".join(str(one.config.training.seed) for one in (run, *siblings))
    bundle = bundle_run(
        run,
        cohort,
        arguments.out,
        name=arguments.name or run.config.name,
        training_data=cohort_in_words(cohort),
        siblings=siblings,
        contrastive=arguments.contrastive and Run.open(arguments.contrastive),
        bank_hearts=arguments.bank,
        progress=terminal_progress(),
        provenance={"recipe": run.config.name, "seeds": seeds},
    )
    _describe(bundle.config, bundle.path)
    print(f"try: cardiolens predict YOUR_ECG.xml --model {arguments.out}")
    print(f"share: cardiolens push {arguments.out} OWNER/NAME")
    print(NOTICE)
    return 0


def _describe(config: BundleConfig, path: Path) -> None:
    print(f"{config.name}: {config.training_data}")
    for card in config.heads:
        measured = [one for one in config.measurements if one.head == card.name]
        columns = card.columns[0] if len(card.columns) == 1 else f"{len(card.columns)} columns"
        found = "not measured"
        if len(measured) == 1:
            (one,) = measured
            found = f"{one.metric} {one.value:.3f} ({one.low:.3f} to {one.high:.3f}) on {one.subjects:,} test subjects"
        elif measured:
            low, high = (limit(one.value for one in measured) for limit in (min, max))
            found = f"{measured[0].metric} {low:.3f} to {high:.3f} on {measured[0].subjects:,} test subjects"
        print(f"  {card.name:<12} {columns:<14} {found}")
    between = any(one.seed_sd is not None for card in config.heads for one in card.calibration)
    print(f"  intervals of risks {'with' if between else 'without'} the spread between seeds")
    if config.applicability is not None:
        print(f"  marks ECGs unlike the training subjects', by {config.applicability.subjects:,} validation subjects")
    for file in sorted(path.iterdir()):
        print(f"  {file.name:<26} {file.stat().st_size / 1e6:8.2f} MB")


def _push(arguments: argparse.Namespace) -> int:
    from cardiolens.bundles.bundle import read_config
    from cardiolens.bundles.hub import push_bundle

    config = read_config(arguments.bundle)
    # What has been public once stays so: say what it is before and not after.
    print(f"{config.name}: {config.training_data}. Licence: {config.license}", file=sys.stderr)
    print(push_bundle(arguments.bundle, arguments.name, private=not arguments.public))
    print(f"{'public' if arguments.public else 'private'}; try: cardiolens predict YOUR_ECG.xml --model {arguments.name}")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from cardiolens.bundles.published_import import import_published

    imported = import_published(arguments.files, arguments.out)
    _list("in the folder:", imported.kept)
    _list("in the files, not in the folder, since training starts from encoders alone:", imported.left_out)
    print(f"in no file, from scratch: {', '.join(imported.absent) or 'nothing'}")
    keys = list(imported.ignored)
    named = ", ".join(keys[:_MOST_IGNORED]) + (f" and {len(keys) - _MOST_IGNORED} more" if len(keys) > _MOST_IGNORED else "")
    print(f"ignored, unknown here: {f'{named} ({sum(imported.ignored.values()):,} numbers)' if keys else 'no key'}")
    recipe = "paper.finetune" if "the ECG encoder" in imported.kept else "cmr.finetune"
    print(f"next: cardiolens train {recipe} --start-from {arguments.out} --cohort COHORT --out RUN")
    return 0


def _list(heading: str, sizes: Mapping[str, int]) -> None:
    if sizes:
        print(heading)
    for part, size in sizes.items():
        print(f"  {part:<40} {size:>12,} parameters")
