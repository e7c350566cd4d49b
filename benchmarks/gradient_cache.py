"""What gradient caching saves and costs: memory and seconds of one step of the paper's contrastive model by number of parts.

Run: `python benchmarks/gradient_cache.py`. Each number of parts is measured in a process of its own, whose peak memory above
what it holds before the step is what the step takes. Views are random numbers of the paper's sizes; the step is forward and
backward pass without the optimiser. Prints everything and writes it to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import torch
from machine import load, write_result

from cardiolens.batch import Batch
from cardiolens.methods.contrastive import ContrastiveConfig
from cardiolens.training import gradient_cache
from cardiolens.training.config import Precision

PARTS = (1, 2, 4, 8)
IMAGE = 210


def measure(batch_size: int, parts: int) -> dict[str, float]:
    """Megabytes and seconds of one step in this process."""
    torch.set_num_threads(1)
    method = ContrastiveConfig().build(seed=0).train()
    for parameter in method.parameters():
        parameter.grad = torch.zeros_like(parameter)
    batch = Batch(
        ecg=torch.randn(batch_size, 12, 5000),
        ecg_scale=torch.ones(batch_size, 3),
        keys=torch.arange(batch_size),
        cmr=torch.rand(batch_size, 3, IMAGE, IMAGE),
    )
    before, began = _peak_mb(), time.monotonic()
    if parts == 1:
        method(batch).loss.backward()
    else:
        gradient_cache.backward(method, batch, parts=parts, weight=1.0, precision=Precision.FP32)
    return {"megabytes": round(_peak_mb() - before), "seconds": round(time.monotonic() - began, 1)}


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--parts", type=int, help="measure this number alone, in this process")
    chosen = parser.parse_args()
    if chosen.parts is not None:
        print(json.dumps(measure(chosen.batch_size, chosen.parts)))
        return
    load_before, found = load(), {}
    for parts in PARTS:
        command = [sys.executable, __file__, "--batch-size", str(chosen.batch_size), "--parts", str(parts)]
        found[f"parts_{parts}"] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    result = {"torch": torch.__version__, "batch_size": chosen.batch_size, "threads": 1, **found}
    command = f"python benchmarks/gradient_cache.py --batch-size {chosen.batch_size}"
    write_result("gradient_cache", command, result, load_before=load_before)


if __name__ == "__main__":
    main()
