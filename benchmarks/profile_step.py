"""Where the time of one training step goes, operation by operation.

Run: `python benchmarks/profile_step.py --stage mmcl --precision bf16`. The step is that of a training on a CPU at the paper's
sizes, augmentation and optimiser included, on made-up tensors. Shares are PyTorch's profiler's; milliseconds per sample are
those shares of the processor time of steps that were not profiled. Prints a table for docs/profiles.md.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from statistics import median

import torch
from machine import describe_machine, load
from torch.profiler import ProfilerActivity, profile

from cardiolens.account.stages import STAGES, make_stage
from cardiolens.account.step import make_step
from cardiolens.training.config import Precision
from cardiolens.training.kept_memory import freed_memory_kept

CPU = torch.device("cpu")
OPERATIONS = {
    "convolutions, backward": ("convolution_backward", "_slow_conv2d_backward"),
    "convolutions, forward": ("mkldnn_convolution", "_slow_conv2d_forward"),
    "matrix products": ("mm", "addmm", "_addmm_activation"),
    "attention": ("bmm", "_softmax", "_softmax_backward_data", "_scaled_dot_product_flash_attention_for_cpu"),
    "batch norm": ("native_batch_norm", "native_batch_norm_backward"),
    "layer norm": ("native_layer_norm", "native_layer_norm_backward"),
    "ReLU and GELU": ("clamp_min_", "clamp_min", "threshold_backward", "gelu", "gelu_backward"),
    "copies and casts": ("copy_", "_to_copy", "cat"),
    "additions": ("add_", "add"),
    "optimiser": ("_fused_adamw_",),
}
"""What the profiler calls them, but for `aten::`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", choices=STAGES, default="mmcl")
    parser.add_argument("--precision", choices=[precision.value for precision in Precision], default="bf16")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    load_before = load()
    with freed_memory_kept(CPU):
        step = warm_step(chosen.stage, Precision(chosen.precision), chosen.batch_size)
        milliseconds = median(_processor_times(step, chosen.steps)) * 1e3 / chosen.batch_size
        shares = profiled(step, chosen.steps)
    print(f"{describe_machine()}, load {load_before}, {vars(chosen)}, {milliseconds:.1f} ms of processor time per sample\n")
    print("| operation | share | ms per sample |\n|---|---|---|")
    for name, share in sorted(shares.items(), key=lambda item: -item[1]):
        print(f"| {name} | {100 * share:.1f} % | {share * milliseconds:.2f} |")


def warm_step(stage: str, precision: Precision, batch_size: int) -> Callable[[], None]:
    """A whole step; it has been done twice."""
    made = make_stage(stage, CPU, batch_size=batch_size)
    training = made.config.training
    step = make_step(made.method, made.batch, precision, weight_decay=training.weight_decay, betas=training.betas)
    step()
    step()
    return step


def profiled(step: Callable[[], None], steps: int) -> dict[str, float]:
    """The share of each kind of operation; what is none of `OPERATIONS` is `all else`."""
    kinds = {f"aten::{operation}": kind for kind, operations in OPERATIONS.items() for operation in operations}
    kinds["aten::_scaled_dot_product_flash_attention_for_cpu_backward"] = "attention"
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(steps):
            step()
    taken: dict[str, float] = defaultdict(float)
    for event in profiler.key_averages():
        taken[kinds.get(event.key, "all else")] += event.self_cpu_time_total
    return {kind: one / sum(taken.values()) for kind, one in taken.items()}


def _processor_times(step: Callable[[], None], steps: int) -> list[float]:
    times = []
    for _ in range(steps):
        started = time.process_time()
        step()
        times.append(time.process_time() - started)
    return times


if __name__ == "__main__":
    main()
