"""`train` and `evaluate`: runs and bundles on a cohort."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cardiolens.atomic import write_atomically
from cardiolens.cli.verbs import add_model, add_verb, fail, refuse_output
from cardiolens.notice import NOTICE

if TYPE_CHECKING:
    import torch

    from cardiolens.cohorts.store import Cohort
    from cardiolens.training.config import RunConfig
    from cardiolens.training.run import Run


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`train` and `evaluate`."""
    train = add_verb(
        verbs,
        "train",
        _train,
        "run a recipe on a cohort: pre-training or fine-tuning",
        "cardiolens train demo.mdm --cohort cohorts/mine --out runs/mdm --training.epochs 40\n"
        "  cardiolens train demo.finetune --target my_column --start-from runs/mdm --cohort cohorts/mine --out runs/mine\n"
        "  cardiolens train demo.finetune --seeds 0 1 2 --start-from runs/mdm --cohort cohorts/mine --out runs/mine\n"
        "  torchrun --nproc-per-node 4 -m cardiolens train paper.mmcl --cohort cohorts/mine --out runs/mmcl    # four GPUs",
    )
    train.add_argument("recipe", nargs="?", help="a name from --list")
    train.add_argument("--list", action="store_true", help="show the recipes and their settings")
    train.add_argument("--cohort", type=Path, help="a cohort made by `prepare`")
    train.add_argument("--out", type=Path, help="the run's folder; an interrupted run goes on from its last checkpoint")
    train.add_argument(
        "--start-from",
        type=Path,
        help="a run, a bundle (its name on the hub, too) or a published .pth whose encoders to start from",
    )
    train.add_argument("--target", nargs="+", metavar="COLUMN", help="fine-tune on these label columns of the cohort")
    train.add_argument("--seeds", nargs="+", type=int, metavar="SEED", help="one run per seed, in OUT_SEED, several at once")
    train.add_argument("--jobs", type=int, metavar="N", help="of --seeds on a CPU: runs side by side (default: one per core)")
    train.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 ... (default: the GPU where there is one)")

    evaluate = add_verb(
        verbs,
        "evaluate",
        _evaluate,
        "a bundle's metrics on a cohort",
        "cardiolens evaluate --model runs/mine/bundle --cohort cohorts/mine",
    )
    add_model(evaluate)
    evaluate.add_argument("--cohort", type=Path, required=True, help="a cohort made by `prepare`")
    evaluate.add_argument("--split", default="test", help="train, select, calibrate, validation, test or all (default test)")
    evaluate.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 ... (default: the GPU where there is one)")
    evaluate.add_argument(
        "--csv",
        type=Path,
        metavar="OUT",
        help="write the metrics here, and beside them OUT_calibration.csv and OUT_subgroups.csv",
    )


def _train(arguments: argparse.Namespace) -> int:
    from cardiolens.recipes.selection import aimed_at, describe_recipes, select

    if arguments.list:
        print(describe_recipes())
        return 0
    missing = [flag for flag, value in (("--cohort", arguments.cohort), ("--out", arguments.out)) if value is None]
    if arguments.recipe is None or missing:
        fail("train", f"needs {' and '.join((['RECIPE'] if arguments.recipe is None else []) + missing)}")
    _refuse_seeds(arguments)
    from cardiolens.bundles.hub import fetch_bundle
    from cardiolens.cohorts.store import Cohort
    from cardiolens.methods.supervised import SupervisedConfig
    from cardiolens.progress import QUIET, terminal_progress
    from cardiolens.serving.bundling import bundle_run
    from cardiolens.serving.cohort_words import cohort_in_words
    from cardiolens.training.distributed import is_first, joined
    from cardiolens.training.train import train

    with joined(arguments.device) as device:
        cohort = Cohort.open(arguments.cohort)
        config = select(arguments.recipe, arguments.settings)
        if arguments.target:
            config = aimed_at(config, cohort, arguments.target)
        start = fetch_bundle(arguments.start_from) if arguments.start_from else None
        if arguments.seeds:
            runs = _train_seeds(arguments, config, cohort, start, device)
        else:
            progress = terminal_progress() if is_first() else QUIET
            runs = [train(config, cohort, arguments.out, start_from=start, device=device, progress=progress)]
        for run in runs if is_first() else ():
            print(f"done: {run.path}")
            if isinstance(config.method, SupervisedConfig):
                bundle = bundle_run(run, cohort, run.path / "bundle", name=config.name, training_data=cohort_in_words(cohort))
                print(f"bundle: {bundle.path}; try: cardiolens predict YOUR_ECG.xml --model {bundle.path}")
    return 0


def _refuse_seeds(arguments: argparse.Namespace) -> None:
    seeds, jobs = arguments.seeds, arguments.jobs
    if jobs is not None and (not seeds or jobs < 1):
        fail("train", f"--jobs takes 1 or more and goes with --seeds, found {jobs} {'with' if seeds else 'without'} them")
    if seeds and (len(set(seeds)) < len(seeds) or min(seeds) < 0):
        fail("train", f"--seeds takes whole numbers from 0 on, each once, found {' '.join(map(str, seeds))}")
    if seeds and any(setting.split("=")[0] == "--training.seed" for setting in arguments.settings):
        fail("train", "--seeds and --training.seed exclude one another")


def _train_seeds(
    arguments: argparse.Namespace, config: RunConfig, cohort: Cohort, start: Path | None, device: torch.device
) -> list[Run]:
    import torch

    from cardiolens.errors import BadOption
    from cardiolens.methods.global_batch import num_processes
    from cardiolens.progress import terminal_progress
    from cardiolens.training.together import train_all
    from cardiolens.training.train import Wanted

    if num_processes() > 1:
        raise BadOption(
            "--seeds",
            found=f"{len(arguments.seeds)} of them in {num_processes()} processes",
            expected="one process, which trains them at once",
            remedy="start it without torchrun, or train one seed at a time",
        )

    out = arguments.out
    wanted = [
        Wanted(replace(config, training=replace(config.training, seed=seed)), out.with_name(f"{out.name}_{seed}"))
        for seed in arguments.seeds
    ]
    processes = torch.get_num_threads() if arguments.jobs is None else arguments.jobs
    return train_all(wanted, cohort, start_from=start, device=device, processes=processes, progress=terminal_progress())


def _evaluate(arguments: argparse.Namespace) -> int:
    from cardiolens.cohorts.store import Cohort
    from cardiolens.evaluation.disclosure import publishable
    from cardiolens.evaluation.rendering import as_text
    from cardiolens.evaluation.sections.calibration import calibration_table
    from cardiolens.evaluation.sections.subgroups import cells_table
    from cardiolens.evaluation.tables import evaluation_table
    from cardiolens.progress import terminal_progress
    from cardiolens.serving.evaluate import evaluated_bundle
    from cardiolens.training.device import choose_device

    refuse_output("evaluate", "--csv", arguments.csv, suffixes=(".csv",))
    cohort = Cohort.open(arguments.cohort)
    found = evaluated_bundle(
        arguments.model,
        cohort,
        split=arguments.split,
        device=choose_device(arguments.device),
        progress=terminal_progress(),
    )
    if arguments.csv:
        for kind, numbers in (("", found.metrics), ("_calibration", found.calibration), ("_subgroups", found.subgroups)):
            out = arguments.csv.with_name(f"{arguments.csv.stem}{kind}.csv")
            write_atomically(out, publishable(numbers).to_csv(index=False).encode())
            print(f"{len(numbers)} rows in {out}", file=sys.stderr)
    print(as_text(evaluation_table(found.metrics, split=arguments.split)))
    if len(found.calibration):
        shown = found.subgroups[found.subgroups["metric"].isin(("auroc", "observed_to_expected"))]
        print(as_text(calibration_table(found.calibration)))
        print(as_text(cells_table("subgroups_diseases", shown)))
    print(NOTICE)
    return 0
