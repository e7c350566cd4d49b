"""One training that is under way: where it stands, and what surrounds each of its steps and epochs.

It computes no gradient and decides no order: `loop` steps one of these, or several side by side.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass
from types import TracebackType

import torch

from cardiolens.batch import Batch, StepOutput
from cardiolens.errors import BadRun
from cardiolens.methods.method import Method
from cardiolens.training.checkpoint_writer import CheckpointWriter
from cardiolens.training.config import KeptWeights, TrainingConfig
from cardiolens.training.distributed import average, averaged, from_first, own_share, running_statistics, take_over
from cardiolens.training.optimiser import ScheduleConfig, learning_rate, set_learning_rate
from cardiolens.training.run import Run
from cardiolens.training.state import TrainingState
from cardiolens.training.step_forward import StepForward
from cardiolens.training.totals import Totals
from cardiolens.training.validation import BatchSource

# An epoch's end is a good moment for a checkpoint, but never at more than a hundredth of the time.
_WRITING_TIMES = 100


@dataclass(frozen=True)
class Member:
    """What is to be trained: one run with its method and its batches."""

    method: Method
    train_batches: BatchSource
    validation_batches: BatchSource | None
    config: TrainingConfig
    run: Run


@dataclass(frozen=True)
class FitResult:
    """How a training ended."""

    epochs: int
    """Epochs trained."""
    steps: int
    """Optimiser steps taken."""
    stopped_early: bool
    """Patience ran out before the last epoch."""
    best_epoch: int | None
    """The epoch that validation liked best; None where nothing was validated or its number was never defined."""
    best_value: float | None
    """The number that selected it."""
    selected_by: str
    """The name of that number."""


class Fitting:
    """A training from the run's newest checkpoint on, where there is one; leaving its context ends what runs beside it.

    Of several processes that train together, the first alone writes.
    """

    def __init__(self, member: Member) -> None:
        self.method, self.config, self.run = member.method, member.config, member.run
        self.train_batches, self.validation_batches = member.train_batches, member.validation_batches
        self.schedule = ScheduleConfig(
            self.config.base_lr, float(self.config.epochs), self.config.warmup_epochs, self.config.min_lr
        )
        self.writer, self.share = CheckpointWriter(self.run.checkpoints), own_share()
        self.state = TrainingState(self.method, self.config)
        take_over(self.method)
        if (stored := from_first(self.writer.checkpoints.newest)) is not None:
            self.state.load_checkpoint(stored)
        if self.writes:
            self.run.drop_metrics_after(self.state.epoch)
        self.statistics = running_statistics(self.method)
        self.parameters = [parameter for group in self.state.optimiser.param_groups for parameter in group["params"]]
        # An epoch of one batch has batches of one size, whatever it is; otherwise the first part of all but the last is full.
        full_rows = None if len(self.train_batches) == 1 else math.ceil(self.config.batch_size / self.config.accumulation)
        self.forward = StepForward(self.config, self.state.device, full_rows=full_rows)
        """What gives the loss of a batch in training, of this one and of those that go with it."""
        self.written = time.monotonic()
        self._batches: Generator[Batch, None, None] | None = None

    def __enter__(self) -> Fitting:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end_batches()
        self.writer.__exit__(kind, error, trace)

    @property
    def writes(self) -> bool:
        """Whether this process writes for all that train together."""
        return self.share.rank == 0

    @property
    def is_over(self) -> bool:
        """Nothing is left to be trained."""
        return self.state.epoch >= self.config.epochs or self.state.stopped

    @property
    def place(self) -> tuple[int, int]:
        """Epochs complete, and steps of the next one."""
        return self.state.epoch, self.state.step_in_epoch

    @property
    def is_epoch_over(self) -> bool:
        """All steps of this epoch are made; it is complete once it was validated."""
        return self.state.step_in_epoch >= len(self.train_batches)

    @property
    def progress(self) -> float:
        """Where the training is, in epochs and fractions of one."""
        return self.state.epoch + self.state.step_in_epoch / len(self.train_batches)

    def next_batch(self) -> Batch:
        """What the next step learns from; the learning rate is set for it."""
        state = self.state
        if self._batches is None:
            self.method.train()
            self.began, self.examples_before = time.monotonic(), state.totals.num_examples
            self._batches = self.train_batches.epoch(state.epoch, shuffle=True, start_batch=state.step_in_epoch)
        batch = next(self._batches)
        set_learning_rate(state.optimiser, learning_rate(self.schedule, self.progress))
        return batch

    def take_in(self, output: StepOutput, part: Batch) -> None:
        """Note the numbers of a batch or of a part of one."""
        self.state.totals.add(averaged(output), num_examples=part.num_together)

    def take_step(self) -> None:
        """Change the weights by the gradients that lie in them."""
        state = self.state
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        average([*gradients, *self.statistics])
        if self.config.clip_norm < math.inf:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
        state.optimiser.step()
        state.optimiser.zero_grad()
        self.method.after_step(self.progress / self.config.epochs)
        state.step_in_epoch += 1
        state.step += 1

    def checkpoint_when_due(self) -> None:
        """Write down where the training is, if enough steps or time have passed.

        Raises:
            NoSpace: the disk was full for the one before.
        """
        self.writer.check()
        due = self.state.step % self.config.checkpoint_every_steps == 0
        if due or self.idle >= self.config.checkpoint_every_seconds:
            self.checkpoint()

    def end_of_steps(self) -> dict[str, float]:
        """The epoch's means over its training examples.

        Raises:
            BadRun: the loss is no longer finite.
        """
        if self._batches is None:
            # The checkpoint that it went on from had all the steps of the epoch.
            self.began, self.examples_before = time.monotonic(), self.state.totals.num_examples
        self.end_batches()
        means = self.state.totals.means()
        self.seconds = time.monotonic() - self.began
        if not math.isfinite(means["loss"]):
            raise BadRun(
                self.run.path,
                found=f"a loss of {means['loss']} in epoch {self.state.epoch + 1}",
                expected="a finite one",
                remedy="train again in another folder with a lower training.base_lr or a training.clip_norm",
            )
        return means

    @property
    def is_validation_due(self) -> bool:
        """Whether the epoch whose steps are made is to be validated."""
        epoch = self.state.epoch + 1
        due = epoch % self.config.validate_every == 0 or epoch == self.config.epochs
        return self.validation_batches is not None and due

    def end_epoch(self, means: dict[str, float], validated: dict[str, float]) -> str:
        """Choose and log; only then does the epoch count as complete. In one line, what became of it.

        `means` are those of `end_of_steps`, `validated` the numbers of its validation, none where it has none.
        """
        state, epoch = self.state, self.state.epoch + 1
        numbers = {f"train_{name}": value for name, value in means.items()}
        numbers |= {f"select_{name}": value for name, value in validated.items()}
        rate = (state.totals.num_examples - self.examples_before) / max(self.seconds, 1e-9)
        place = {"epoch": epoch, "step": state.step, "lr": learning_rate(self.schedule, float(epoch))}
        if self.writes:
            self.run.append_metrics(place | numbers | {"seconds": self.seconds, "examples_per_second": rate})
        if validated:
            verdict = state.early_stopping.update(validated[self.method.selects_by.metric])
            state.stopped = verdict.stop
            if verdict.improved and self.config.keep is KeptWeights.BEST:
                state.remember_best(epoch=epoch, value=state.early_stopping.best)
        state.epoch, state.step_in_epoch = epoch, 0
        state.totals = Totals()
        return f"epoch {epoch} of {self.config.epochs}: {_in_line(numbers)}, {rate:,.0f} examples/s"

    def checkpoint_after_epoch(self) -> None:
        """Write down where the training is, if that is cheap or long ago."""
        written = self.writer.checkpoints.seconds_to_write
        # After the last epoch the weights themselves come next.
        if not self.is_over and self.idle >= min(self.config.checkpoint_every_seconds, _WRITING_TIMES * written):
            self.checkpoint()

    @property
    def idle(self) -> float:
        """Seconds since the last checkpoint."""
        return time.monotonic() - self.written

    def checkpoint(self) -> None:
        """Begin to write down where the training is.

        Raises:
            NoSpace: the disk was full for the one before.
        """
        if self.writes:
            self.writer.write(self.state.to_checkpoint(), step=self.state.step)
        self.written = time.monotonic()

    def wait(self) -> None:
        """Return when the checkpoint under way is on the disk, in all processes: the end of one is the end of all.

        Raises:
            NoSpace: the disk is full; the checkpoints before this one stand.
        """
        from_first(self.writer.wait)

    def end_batches(self) -> None:
        """End the epoch's batches. By us and not by the garbage collector, so a loader's thread ends before an interrupt."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    def result(self) -> FitResult:
        """Take up the weights to keep and say how it went.

        Raises:
            NoSpace: the disk was full for the last checkpoint.
        """
        self.wait()
        state, best = self.state, self.state.best
        if best is not None:
            self.method.load_state_dict(best.weights)
        return FitResult(
            epochs=state.epoch,
            steps=state.step,
            stopped_early=state.stopped,
            best_epoch=None if best is None else best.epoch,
            best_value=None if best is None else best.value,
            selected_by=self.method.selects_by.metric,
        )


def _in_line(numbers: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
