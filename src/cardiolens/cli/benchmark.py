"""`benchmark`: what the paper's stages cost, and how near this machine comes to its own limits."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cardiolens.cli.verbs import add_verb, fail, refuse_output
from cardiolens.notice import NOTICE

_STAGES, _PRECISIONS = ("mdm", "mmcl", "finetune"), ("fp32", "bf16")


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`benchmark`."""
    benchmark = add_verb(
        verbs,
        "benchmark",
        _benchmark,
        "operations, bytes and samples per second of each training stage, beside the machine's limits",
        "cardiolens benchmark\n  cardiolens benchmark --stage mdm --precision bf16 --threads 1 --out mdm.json",
    )
    benchmark.add_argument("--stage", nargs="+", choices=_STAGES, default=list(_STAGES), help="default: all")
    benchmark.add_argument("--precision", nargs="+", choices=_PRECISIONS, default=list(_PRECISIONS), help="default: both")
    benchmark.add_argument("--compiled", action="store_true", help="measure the step as one compiled graph, too")
    benchmark.add_argument("--batch-size", type=int, metavar="N", help="default: the paper's on a GPU, smaller on a CPU")
    benchmark.add_argument("--threads", type=int, metavar="N", help="of a CPU (default: PyTorch's choice)")
    benchmark.add_argument("--seconds", type=float, default=10.0, help="for each measurement (default 10)")
    benchmark.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 ... (default: the GPU where there is one)")
    benchmark.add_argument("--out", type=Path, metavar="FILE.json", help="write the numbers here too")


def _benchmark(arguments: argparse.Namespace) -> int:
    refuse_output("benchmark", "--out", arguments.out, suffixes=(".json",))
    threads, batch_size = arguments.threads, arguments.batch_size
    too_few = (threads is not None and threads < 1) or (batch_size is not None and batch_size < 2)
    if too_few or not 0 < arguments.seconds < float("inf"):
        fail("benchmark", "--seconds takes more than 0, --threads 1 or more, --batch-size 2 or more")
    import json
    from dataclasses import asdict

    import torch

    from cardiolens.account.ceilings import measure_ceilings
    from cardiolens.account.stages import make_stage
    from cardiolens.account.step import count_step, measure_step
    from cardiolens.atomic import write_atomically
    from cardiolens.progress import terminal_progress
    from cardiolens.training.compiled_step import why_no_compiler
    from cardiolens.training.config import Precision
    from cardiolens.training.device import choose_device
    from cardiolens.training.environment import describe_environment

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = choose_device(arguments.device)
    wanted = {"fp32": Precision.FP32, "bf16": Precision.BF16}
    if arguments.compiled and (missing := why_no_compiler(device.type)):
        fail("benchmark", f"--compiled: nothing can be compiled here, {missing}")
    # As a training would take the step: on a GPU it is replayed, compiled or not.
    ways = {"replayed": {"replayed": True}} if device.type == "cuda" else {}
    if arguments.compiled:
        ways["compiled"] = {"compiled": True, "replayed": device.type == "cuda"}
    rows = []
    total = len(arguments.precision) * (1 + len(arguments.stage) * (1 + len(ways)))
    with terminal_progress().task("measuring", total=total, unit="measurements") as task:
        for name in arguments.precision:
            ceilings = measure_ceilings(device, wanted[name])
            task.advance()
            for stage_name in arguments.stage:
                stage = make_stage(stage_name, device, batch_size=arguments.batch_size)
                cost = count_step(stage.method, stage.batch, wanted[name])
                rate = measure_step(stage.method, stage.batch, wanted[name], seconds=arguments.seconds)
                rows.append({
                    "stage": stage_name, "precision": name, "batch_size": len(stage.batch),
                    "share_of_ceiling": cost.flop_per_sample * rate.samples_per_second / ceilings.flop_per_second,
                    **asdict(cost), **asdict(rate), "ceilings": asdict(ceilings),
                })  # fmt: skip
                task.advance()
                for way, how in ways.items():
                    rows[-1][way] = asdict(
                        measure_step(stage.method, stage.batch, wanted[name], seconds=arguments.seconds, **how)
                    )
                    task.advance()
    found = {"device": str(device), "threads": torch.get_num_threads(), "environment": describe_environment(device)}
    _print(rows)
    print(f"{found['device']}, {found['threads']} threads. {NOTICE}")
    if arguments.out:
        content = json.dumps(found | {"stages": rows}, indent=1, default=str) + "\n"
        write_atomically(arguments.out, content.encode())
        print(f"numbers in {arguments.out}", file=sys.stderr)
    return 0


def _print(rows: list[dict]) -> None:
    from rich.console import Console
    from rich.table import Table

    columns = ("stage", "", "batch", "GFLOP/sample", "kept, MB/sample", "samples/s", "GFLOP/s", "ceiling, GFLOP/s", "share")
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        speed = row["flop_per_sample"] * row["samples_per_second"]
        table.add_row(
            row["stage"], row["precision"], str(row["batch_size"]), f"{row['flop_per_sample'] / 1e9:.2f}",
            f"{row['saved_bytes_per_sample'] / 1e6:.1f}", f"{row['samples_per_second']:,.1f}", f"{speed / 1e9:,.0f}",
            f"{row['ceilings']['flop_per_second'] / 1e9:,.0f}", f"{row['share_of_ceiling']:.0%}",
        )  # fmt: skip
    Console().print(table)
    for row in rows:
        for way, began in (("replayed", "recording"), ("compiled", "compiling")):
            if rate := row.get(way):
                gain = rate["samples_per_second"] / row["samples_per_second"]
                print(
                    f"{row['stage']} {row['precision']} {way}: {rate['samples_per_second']:,.1f} samples/s, "
                    f"{gain:.2f} times that; the first step, with {began}, {rate['first_seconds']:.0f} s"
                )
