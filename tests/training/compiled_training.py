"""A program, not a test: compiled trainings, which the types that tests check would break. Prints what it found as JSON.

python compiled_training.py graphs FOLDER NAME ...     each method through the loop, traced but not turned into kernels
python compiled_training.py train NAME FOLDER [compiled] [die] [cuda]   its run; `die` leaves without a word in the second epoch
python compiled_training.py draws [cuda]               whether compiled draws are those of the library, by name
"""

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "methods"))
from every_method import METHODS, ROWS, six_subjects

from cardiolens.batch import Batch, StepOutput
from cardiolens.errors import BadOption
from cardiolens.keyed_random import name_number, normal, sample_keys, uniform
from cardiolens.methods.method import Method, MethodConfig, ParameterGroup, Selection
from cardiolens.nn.masking import random_visible
from cardiolens.nn.pooling import MeanPoolConfig
from cardiolens.progress import PlainProgress
from cardiolens.signals.augmentation import EcgAugmentationConfig
from cardiolens.training.config import RunConfig, TrainingConfig
from cardiolens.training.loop import fit
from cardiolens.training.run import Run
from cardiolens.training.step_forward import kind_of_step

BATCH, EPOCHS = 4, 3


@dataclass(frozen=True)
class HesitantConfig(MethodConfig):
    """One that looks at a number in order to go on."""

    def _build(self) -> Method:
        return Hesitant()


class Hesitant(Method):
    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.zeros(()))

    @property
    def selects_by(self) -> Selection:
        return Selection("loss", higher_is_better=False)

    def forward(self, batch: Batch) -> StepOutput:
        return StepOutput(self.level.square() if batch.ecg.sum() > 0 else self.level.exp())

    def parameter_groups(self, weight_decay: float) -> list[ParameterGroup]:
        return [ParameterGroup((self.level,), 1.0, weight_decay, "all")]


ALL = METHODS | {
    "hesitant": HesitantConfig(),
    "in parts": METHODS["masked"],
    # Draws and layers are what takes a compiler long: one of each.
    "plain": replace(
        METHODS["supervised"],
        augmentation=EcgAugmentationConfig(crop=40, surrogate=0.0, jitter=0.0, rescale=0.0),
        encoder=replace(METHODS["supervised"].encoder, depth=1, drop_path=0.0),
        pooling=MeanPoolConfig(),
    ),
}


class Six:
    """Six subjects in batches of four and of two; `die` ends the process before the last batch of the second epoch."""

    def __init__(self, device: str, *, die: bool = False) -> None:
        self._die, self._device = die, torch.device(device)

    def __len__(self) -> int:
        return 2

    def epoch(self, epoch: int, *, shuffle: bool, start_batch: int = 0) -> Generator[Batch, None, None]:
        keys = torch.from_numpy(sample_keys(seed=1, epoch=epoch, rows=np.arange(ROWS)))
        batch = replace(six_subjects(), keys=keys).to(self._device)
        for rows in (slice(0, BATCH), slice(BATCH, ROWS))[start_batch:]:
            if self._die and epoch == 1 and rows.start:
                os._exit(9)
            yield batch.rows(rows)


def train(name: str, folder: Path, *, compiled: bool, die: bool = False, device: str = "cpu") -> dict[str, object]:
    """Train a method from where its folder is; what was written while it did."""
    parts = 2 if name == "in parts" else 1
    training = TrainingConfig(EPOCHS, BATCH, 1e-3, accumulation=parts, compiled=compiled, checkpoint_every_steps=1)
    run = Run.start_or_resume(folder, RunConfig(name, ALL[name], training), cohort="six")
    method = run.config.method.build(seed=0).to(device)
    written = StringIO()
    result = fit(method, Six(device, die=die), Six(device), training, run, progress=PlainProgress(written))
    run.finish(method.state_dict(), asdict(result))
    return {"step": kind_of_step(training, torch.device(device)), "log": written.getvalue()}


def graphs(names: list[str], folder: Path) -> dict[str, object]:
    """How often each method was traced, and what broke its graph; of one that is refused, how."""
    from torch._dynamo import config
    from torch._dynamo.utils import counters

    config.error_on_recompile = True
    kind_of_step(TrainingConfig(1, 1, 1e-3, compiled=True), torch.device("cpu"))
    found = {}
    for name in names:
        counters.clear()
        try:
            train(name, folder / name, compiled=True)
        except BadOption as error:
            found[name] = str(error)
            continue
        found[name] = {"graphs": counters["stats"]["unique_graphs"], "breaks": dict(counters["graph_break"])}
    return found


def draws(device: str = "cpu") -> dict[str, object]:
    """The largest difference of every kind of draw on a device."""

    def drawn(keys):
        masking = random_visible(uniform(keys, "mask", 60), 0.8)
        return {
            "visible": masking.visible, "hidden": masking.hidden, "one": uniform(keys, "crop"),
            "normal": normal(keys, "jitter", 40),
        }  # fmt: skip

    torch.compiler.assume_constant_result(name_number)
    keys = torch.from_numpy(sample_keys(seed=7, epoch=2, rows=np.arange(5))).to(device)
    ours, theirs = drawn(keys), torch.compile(drawn, fullgraph=True, dynamic=False)(keys)
    return {name: float((ours[name].double() - theirs[name].double()).abs().max()) for name in ours}


@contextmanager
def traced_only():
    """Inside, nothing is turned into kernels."""
    compile_ = torch.compile
    torch.compile = partial(compile_, backend="eager")
    try:
        yield
    finally:
        torch.compile = compile_


def main(what: str, *given: str) -> dict[str, object]:
    torch.set_num_threads(1)
    if what == "draws":
        return draws(*given)
    if what == "train":
        name, folder, *how = given
        return train(
            name, Path(folder), compiled="compiled" in how, die="die" in how, device="cuda" if "cuda" in how else "cpu"
        )
    with traced_only():
        return graphs(list(given[1:]), Path(given[0]))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
