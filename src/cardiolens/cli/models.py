"""`train` and `evaluate`: runs and bundles on a cohort."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cardiolens.atomic import write_atomically
from cardiolens.cli.verbs import add_verb, fail
from cardiolens.notice import NOTICE


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`train` and `evaluate`."""
    train = add_verb(
        verbs,
        "train",
        _train,
        "run a recipe on a cohort: pre-training or fine-tuning",
        "cardiolens train demo.mdm --cohort cohorts/mine --out runs/mdm --training.epochs 40\n"
        "  cardiolens train demo.finetune --target my_column --start-from runs/mdm --cohort cohorts/mine --out runs/mine",
    )
    train.add_argument("recipe", nargs="?", help="a name from --list")
    train.add_argument("--list", action="store_true", help="show the recipes and their settings")
    train.add_argument("--cohort", type=Path, help="a cohort made by `prepare`")
    train.add_argument("--out", type=Path, help="the run's folder; an interrupted run goes on from its last checkpoint")
    train.add_argument("--start-from", type=Path, help="a run or a bundle whose encoders to start from")
    train.add_argument("--target", nargs="+", metavar="COLUMN", help="fine-tune on these label columns of the cohort")
    train.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 ... (default: the GPU where there is one)")

    evaluate = add_verb(
        verbs,
        "evaluate",
        _evaluate,
        "a bundle's metrics on a cohort",
        "cardiolens evaluate --model runs/mine/bundle --cohort cohorts/mine",
    )
    evaluate.add_argument("--model", type=Path, help="a bundle (default: the one that ships)")
    evaluate.add_argument("--cohort", type=Path, required=True, help="a cohort made by `prepare`")
    evaluate.add_argument("--split", default="test", help="train, select, calibrate, validation, test or all (default test)")
    evaluate.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 ... (default: the GPU where there is one)")
    evaluate.add_argument("--csv", type=Path, metavar="OUT", help="write the table here too")


def _train(arguments: argparse.Namespace) -> int:
    from cardiolens.recipes.selection import aimed_at, describe_recipes, select

    if arguments.list:
        print(describe_recipes())
        return 0
    from cardiolens.cohorts.store import Cohort
    from cardiolens.progress import terminal_progress
    from cardiolens.training.device import choose_device
    from cardiolens.training.train import train

    missing = [flag for flag, value in (("--cohort", arguments.cohort), ("--out", arguments.out)) if value is None]
    if arguments.recipe is None or missing:
        fail("train", f"needs {' and '.join((['RECIPE'] if arguments.recipe is None else []) + missing)}")
    cohort = Cohort.open(arguments.cohort)
    config = select(arguments.recipe, arguments.settings)
    if arguments.target:
        config = aimed_at(config, cohort, arguments.target)
    from cardiolens.methods.supervised import SupervisedConfig
    from cardiolens.serving.bundling import bundle_run, cohort_in_words

    device = choose_device(arguments.device)
    run = train(config, cohort, arguments.out, start_from=arguments.start_from, device=device, progress=terminal_progress())
    print(f"done: {run.path}")
    if isinstance(config.method, SupervisedConfig):
        bundle = bundle_run(run, cohort, run.path / "bundle", name=config.name, training_data=cohort_in_words(cohort))
        print(f"bundle: {bundle.path}; try: cardiolens predict YOUR_ECG.xml --model {bundle.path}")
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from cardiolens.cohorts.store import Cohort
    from cardiolens.evaluation.rendering import as_text
    from cardiolens.evaluation.tables import evaluation_table
    from cardiolens.progress import terminal_progress
    from cardiolens.serving.evaluate import evaluate_bundle
    from cardiolens.training.device import choose_device

    cohort = Cohort.open(arguments.cohort)
    metrics = evaluate_bundle(
        arguments.model,
        cohort,
        split=arguments.split,
        device=choose_device(arguments.device),
        progress=terminal_progress(),
    )
    if arguments.csv:
        write_atomically(arguments.csv, metrics.to_csv(index=False).encode())
        print(f"{len(metrics)} rows in {arguments.csv}", file=sys.stderr)
    print(as_text(evaluation_table(metrics, split=arguments.split)))
    print(NOTICE)
    return 0
