"""How long training waits for one checkpoint of the paper's contrastive model, with and without the thread that writes it.

Run: `python benchmarks/checkpoint.py`. The state is what the loop keeps: weights, both moments of AdamW, and the best weights
so far. `seconds_in_the_loop` is what a checkpoint costs if the loop writes it itself; `seconds_beside_the_loop` is what the
loop waits for the copy, where checkpoints lie apart; `seconds_when_it_is_busy` for one that is due before the one before it is
written. `other_work_slower_by` is how much longer matrix products on one thread take meanwhile: 1 is twice as long. Prints
everything and writes it to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from machine import load, write_result

from cardiolens.methods.contrastive import ContrastiveConfig
from cardiolens.training.checkpoint import Checkpoints
from cardiolens.training.checkpoint_writer import CheckpointWriter
from cardiolens.training.config import TrainingConfig
from cardiolens.training.state import TrainingState

MATRIX = 1024


def trained_state() -> TrainingState:
    """The state after one step of the paper's model, with best weights."""
    method = ContrastiveConfig().build(seed=0)
    state = TrainingState(method, TrainingConfig(epochs=1, batch_size=1, base_lr=1e-4))
    for parameter in method.parameters():
        parameter.grad = torch.full_like(parameter, 1e-3)
    state.optimiser.step()
    state.optimiser.zero_grad()
    state.remember_best(epoch=1, value=0.0)
    return state


def measure(rounds: int, folder: Path) -> dict[str, object]:
    """Seconds per checkpoint, medians over rounds."""
    state = trained_state()
    in_loop, beside, busy, slowed, undisturbed = [], [], [], [], []
    writer = CheckpointWriter(Checkpoints(folder))
    with writer:
        for step in range(rounds):
            began = time.monotonic()
            size = writer.checkpoints.save(state.to_checkpoint(), step=10 * step).stat().st_size
            in_loop.append(time.monotonic() - began)
            undisturbed.append(_products())
            writer.write(state.to_checkpoint(), step=10 * step + 1)
            beside.append(writer.seconds_waited)
            slowed.append(_products())
            writer.wait()
            writer.write(state.to_checkpoint(), step=10 * step + 2)
            writer.write(state.to_checkpoint(), step=10 * step + 3)
            busy.append(writer.seconds_waited)
            writer.wait()
    return {
        "megabytes": round(size / 1e6),
        "seconds_in_the_loop": round(statistics.median(in_loop), 3),
        "seconds_beside_the_loop": round(statistics.median(beside), 3),
        "seconds_when_it_is_busy": round(statistics.median(busy), 3),
        "other_work_slower_by": round(statistics.median(slowed) / statistics.median(undisturbed) - 1, 2),
    }


def _products() -> float:
    """Seconds that ten matrix products take."""
    matrix = torch.ones(MATRIX, MATRIX)
    began = time.monotonic()
    for _ in range(10):
        torch.mm(matrix, matrix)
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="on the disk to measure (default: the system's temporary folder)")
    chosen = parser.parse_args()
    load_before = load()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        result = {"torch": torch.__version__, "rounds": chosen.rounds, **measure(chosen.rounds, Path(folder))}
    write_result("checkpoint", f"python benchmarks/checkpoint.py --rounds {chosen.rounds}", result, load_before=load_before)


if __name__ == "__main__":
    main()
