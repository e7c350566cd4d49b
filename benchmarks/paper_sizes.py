"""The paper's models at their full sizes on synthetic hearts: does what an MRI teaches arrive, and how fast is it learned?

Run: `python benchmarks/paper_sizes.py WORK` on a GPU; ten minutes of one. The hearts are those of `benchmarks/study.py`:
6,000 pairs (seed 7), of which 70 % train, and 10,000 others (seed 7000) that are asked about. Models, masks, augmentation,
batches and learning rates of pre-training are the paper's; epochs are as many as there is time for, and the picture's network
starts fresh instead of from SimCLR. Fine-tuning takes batches of 64 at the paper's rate per example; of three of the paper's
rates validation chooses one, by two seeds. Work that is done is never repeated: the same command goes on. `--small` tries the
script on a CPU.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from machine import RESULTS, processor, result_path

from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.cohorts.store import Cohort
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.predictions import concat_predictions
from cardiolens.progress import PlainProgress
from cardiolens.recipes import demo, demo_study, paper
from cardiolens.tasks import TASKS
from cardiolens.training.config import Precision, RunConfig
from cardiolens.training.device import choose_device
from cardiolens.training.predict import predict_run
from cardiolens.training.run import Run
from cardiolens.training.together import train_all
from cardiolens.training.train import Wanted, train

PROGRESS = PlainProgress()
SEEDS, RATES, BATCH = (0, 101), (3e-6, 1e-5, 3e-5), 64
TARGETS = ("phenotypes", "cad", "af", "dm")
Found = dict[str, Any]


def pretraining(chosen: argparse.Namespace) -> dict[str, tuple[RunConfig, tuple[str, ...]]]:
    """Each pre-training by name, with those it starts from."""
    recipes = demo_study if chosen.small else paper
    found = {
        "MDM": (recipes.mdm(), chosen.mdm_epochs, ()),
        "MMCL": (recipes.mmcl(), chosen.mmcl_epochs, ("MDM",)),
        "MMCL w/o MDM": (recipes.mmcl_without_mdm(), chosen.mmcl_epochs, ()),
    }
    return {name: (of_epochs(config, epochs, chosen), start) for name, (config, epochs, start) in found.items()}


def of_epochs(config: RunConfig, epochs: int, chosen: argparse.Namespace) -> RunConfig:
    """The same training in fewer epochs, a tenth of which warms up."""
    training = replace(
        config.training, epochs=epochs, warmup_epochs=epochs / 10, compiled=chosen.compiled, drop_last=True,
        precision=Precision.FP32 if chosen.small else Precision.BF16,
    )  # fmt: skip
    return replace(config, training=training)


def fine_tunings(target: str, chosen: argparse.Namespace) -> Iterator[RunConfig]:
    """Those of one method and target: every rate by every seed."""
    sizes = demo if chosen.small else paper
    config = sizes.finetune_phenotypes() if target == "phenotypes" else sizes.finetune()
    data = replace(config.data, share=0.5) if target == "phenotypes" else config.data
    for rate in RATES:
        for seed in SEEDS:
            training = replace(
                config.training, seed=seed, epochs=chosen.epochs, batch_size=BATCH, warmup_epochs=chosen.epochs / 20,
                base_lr=paper.scaled_lr(rate, batch_size=BATCH), precision=Precision.FP32 if chosen.small else Precision.BF16,
            )  # fmt: skip
            yield replace(config, method=replace(config.method, tasks=(TASKS[target],)), training=training, data=data)


def tuned(
    method: str, target: str, start: Path | None, cohort: Cohort, test: Cohort, chosen: argparse.Namespace
) -> tuple[pd.DataFrame, Found]:
    """What the runs of the chosen rate say about the other hearts, and which rate that was."""
    configs = [replace(config, name=method) for config in fine_tunings(target, chosen)]
    wanted = [Wanted(config, chosen.work / "tuned" / f"{method}-{target}-{i}") for i, config in enumerate(configs)]
    device = choose_device(chosen.device)
    began = time.perf_counter()
    runs = train_all(wanted, cohort, start_from=start, device=device, progress=PROGRESS)
    seconds = time.perf_counter() - began
    values = np.array([run.result["best_value"] for run in runs], dtype=float).reshape(len(RATES), len(SEEDS)).mean(axis=1)
    best = int(np.nanargmax(values))
    asked = runs[best * len(SEEDS) : (best + 1) * len(SEEDS)]
    predictions = concat_predictions([predict_run(run, test, "all", device=device) for run in asked])
    return predictions, {"rate": RATES[best], "validation": values.round(4).tolist(), "seconds": round(seconds, 1)}


def speed(run: Run) -> Found:
    """How fast a pre-training was, by the median of its epochs but the first, validation left out."""
    epochs = pd.DataFrame(run.metrics())
    return {
        "epochs": len(epochs), "samples_per_second": float(epochs["examples_per_second"].iloc[1:].median()),
        "last": {name: float(epochs[name].iloc[-1]) for name in epochs if name.startswith(("train_", "select_"))},
    }  # fmt: skip


def summary(predictions: pd.DataFrame) -> Found:
    """AUC of each disease, mean r of each group of phenotypes: mean and standard deviation over seeds."""
    rows = evaluate(predictions)
    kept = rows[rows["metric"].isin(["auroc", "r"])]
    groups = {column: name for name in ("lv", "rv", "wall_thickness", "circumferential_strain", "radial_strain")
              for column in TASKS[name].columns}  # fmt: skip
    named = kept.assign(target=kept["column"].map(groups).fillna(kept["task"]))
    by_seed = named[named["target"] != "phenotypes"].groupby(["target", "seed"], observed=True)["value"].mean()
    return {
        target: {"mean": round(float(of.mean()), 4), "sd": round(float(of.std()), 4)}
        for target, of in by_seed.groupby("target", observed=True)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--subjects", type=int, default=6000)
    parser.add_argument("--others", type=int, default=10_000)
    parser.add_argument("--mdm-epochs", type=int, default=300)
    parser.add_argument("--mmcl-epochs", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=30, help="of fine-tuning")
    parser.add_argument("--compiled", action="store_true", help="compile pre-training first: a minute or two for each")
    parser.add_argument("--prepare", action="store_true", help="make the hearts and stop")
    parser.add_argument("--small", action="store_true", help="the demo's models, to try the script itself")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    processes = os.cpu_count() or 1
    cohort = prepare_synthetic(chosen.work / "cohort", subjects=chosen.subjects, seed=7, processes=processes, progress=PROGRESS)
    test = prepare_synthetic(
        chosen.work / "others", subjects=chosen.others, seed=7000, with_mri=False, processes=processes, progress=PROGRESS
    )
    if chosen.prepare:
        return
    device = choose_device(chosen.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"cpu {processor()}"
    path = result_path("paper_sizes_small" if chosen.small else "paper_sizes", ".json", hardware=name, folder=chosen.out)
    found: Found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "device": name, "processor": processor(), "cores": os.cpu_count(),
        "torch": torch.__version__, "pairs_that_train": len(cohort.rows("train")), "hearts_asked": chosen.others,
        "pretraining": {}, "fine_tuning": {}, "results": {},
    }  # fmt: skip

    def store() -> None:
        path.write_text(json.dumps(found, indent=1) + "\n")

    for key, (config, start) in pretraining(chosen).items():
        run = train(
            config, cohort, chosen.work / key, start_from=[chosen.work / one for one in start], device=device, progress=PROGRESS
        )
        found["pretraining"][key] = speed(run)
        store()
    for target in TARGETS:
        for method in ("Supervised", "MDM", "MMCL", "MMCL w/o MDM"):
            start = None if method == "Supervised" else chosen.work / method
            predictions, how = tuned(method, target, start, cohort, test, chosen)
            found["fine_tuning"].setdefault(method, {})[target] = how
            found["results"].setdefault(method, {}).update(summary(predictions))
            store()
            print(method, target, how, found["results"][method], flush=True)
    print(f"numbers in {path.name}")


if __name__ == "__main__":
    main()
