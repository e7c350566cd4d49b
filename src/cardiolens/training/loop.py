"""The one training loop: pre-training, fine-tuning and baselines go through `fit`.

A step never waits for the device: sums are kept there and fetched once per epoch. On a CPU a run that is stopped at any
step and resumed ends with the same bits as one that never stopped.
"""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass

import torch

from cardiolens.batch import Batch
from cardiolens.errors import BadRun
from cardiolens.methods.method import Method
from cardiolens.progress import Progress, ProgressTask
from cardiolens.training.config import KeptWeights, TrainingConfig
from cardiolens.training.generators import own_generators
from cardiolens.training.interruption import Interruption
from cardiolens.training.optimiser import ScheduleConfig, learning_rate, set_learning_rate
from cardiolens.training.run import Run
from cardiolens.training.state import TrainingState
from cardiolens.training.totals import Totals
from cardiolens.training.validation import BatchSource, autocast, validate

# An epoch's end is a good moment for a checkpoint, but never at more than a twentieth of the time.
_WRITING_TIMES = 20


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


def fit(
    method: Method,
    train_batches: BatchSource,
    validation_batches: BatchSource | None,
    config: TrainingConfig,
    run: Run,
    *,
    progress: Progress,
) -> FitResult:
    """Train `method`, from the run's newest checkpoint where there is one, and leave it holding the weights to keep.

    Ctrl-C and SIGTERM end it between two steps, with a checkpoint. Metrics go to the run, one line per epoch.

    Raises:
        KeyboardInterrupt: Ctrl-C, after the checkpoint.
        BadRun: the loss is no longer finite.
        NoSpace: the disk is full; the last checkpoint stands.
    """
    device = next(method.parameters()).device
    with own_generators(config.seed, device), Interruption() as interruption:
        fitting = _Fit(method, train_batches, validation_batches, config, run, interruption)
        total = config.epochs * len(train_batches)
        with progress.task(run.config.name, total=total, done=fitting.state.step) as task:
            while fitting.state.epoch < config.epochs and not fitting.state.stopped:
                fitting.train_epoch(task)
                fitting.end_epoch(task)
        return fitting.result()


class _Fit:
    """One call of `fit`."""

    def __init__(
        self,
        method: Method,
        train_batches: BatchSource,
        validation_batches: BatchSource | None,
        config: TrainingConfig,
        run: Run,
        interruption: Interruption,
    ) -> None:
        self.method, self.train_batches, self.validation_batches = method, train_batches, validation_batches
        self.config, self.run, self.interruption = config, run, interruption
        self.schedule = ScheduleConfig(config.base_lr, float(config.epochs), config.warmup_epochs, config.min_lr)
        self.checkpoints = run.checkpoints
        self.state = TrainingState(method, config)
        if (stored := self.checkpoints.newest()) is not None:
            self.state.load_checkpoint(stored)
        run.drop_metrics_after(self.state.epoch)
        self.parameters = [parameter for group in self.state.optimiser.param_groups for parameter in group["params"]]
        self.written = time.monotonic()

    def train_epoch(self, task: ProgressTask) -> None:
        """The steps of the epoch that are still to be made."""
        state, steps = self.state, len(self.train_batches)
        self.method.train()
        self.began, self.examples_before = time.monotonic(), state.totals.num_examples
        # Closed by us and not by the garbage collector, a loader's thread ends before an interrupt goes on.
        with closing(self.train_batches.epoch(state.epoch, shuffle=True, start_batch=state.step_in_epoch)) as batches:
            for batch in batches:
                now = state.epoch + state.step_in_epoch / steps
                set_learning_rate(state.optimiser, learning_rate(self.schedule, now))
                self.step(batch)
                self.method.after_step(now / self.config.epochs)
                state.step_in_epoch += 1
                state.step += 1
                task.advance()
                if self.interruption.requested():
                    self.stop_here()
                if state.step % self.config.checkpoint_every_steps == 0 or self.idle >= self.config.checkpoint_every_seconds:
                    self.checkpoint()

    def step(self, batch: Batch) -> None:
        """One step of the optimiser over the mean loss of a batch."""
        state, rows = self.state, len(batch)
        part = math.ceil(rows / self.config.accumulation)
        for start in range(0, rows, part):
            piece = batch if part == rows else batch.rows(slice(start, start + part))
            with autocast(state.device, self.config.precision):
                output = self.method(piece)
            (output.loss * (len(piece) / rows)).backward()
            state.totals.add(output, num_examples=len(piece))
        if self.config.clip_norm < math.inf:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.config.clip_norm)
        state.optimiser.step()
        state.optimiser.zero_grad()

    def end_epoch(self, task: ProgressTask) -> None:
        """Validate, choose, log; only then does the epoch count as complete."""
        state, epoch = self.state, self.state.epoch + 1
        means = state.totals.means()
        seconds = time.monotonic() - self.began
        if not math.isfinite(means["loss"]):
            raise BadRun(
                self.run.path,
                found=f"a loss of {means['loss']} in epoch {epoch}",
                expected="a finite one",
                remedy="train again in another folder with a lower training.base_lr or a training.clip_norm",
            )
        validated = self.validation(epoch)
        numbers = {f"train_{name}": value for name, value in means.items()}
        numbers |= {f"select_{name}": value for name, value in validated.items()}
        rate = (state.totals.num_examples - self.examples_before) / max(seconds, 1e-9)
        place = {"epoch": epoch, "step": state.step, "lr": learning_rate(self.schedule, float(epoch))}
        self.run.append_metrics(place | numbers | {"seconds": seconds, "examples_per_second": rate})
        if validated:
            verdict = state.early_stopping.update(validated[self.method.selects_by.metric])
            state.stopped = verdict.stop
            if verdict.improved and self.config.keep is KeptWeights.BEST:
                state.remember_best(epoch=epoch, value=state.early_stopping.best)
        state.epoch, state.step_in_epoch = epoch, 0
        state.totals = Totals()
        task.note(f"epoch {epoch} of {self.config.epochs}: {_in_line(numbers)}, {rate:,.0f} examples/s")
        if self.interruption.requested():
            self.stop_here()
        if self.idle >= min(self.config.checkpoint_every_seconds, _WRITING_TIMES * self.checkpoints.seconds_to_write):
            self.checkpoint()

    def validation(self, epoch: int) -> dict[str, float]:
        """The numbers of this epoch's validation; empty where it has none."""
        due = epoch % self.config.validate_every == 0 or epoch == self.config.epochs
        if self.validation_batches is None or not due:
            return {}
        numbers = validate(
            self.method, self.validation_batches, precision=self.config.precision, stop=self.interruption.requested
        )
        if numbers is None:
            self.stop_here()
        return numbers

    @property
    def idle(self) -> float:
        """Seconds since the last checkpoint."""
        return time.monotonic() - self.written

    def checkpoint(self) -> None:
        """Write down where the training is."""
        self.checkpoints.save(self.state.to_checkpoint(), step=self.state.step)
        self.written = time.monotonic()

    def stop_here(self) -> None:
        """Leave a checkpoint and let the signal through."""
        self.checkpoint()
        self.interruption.act()

    def result(self) -> FitResult:
        """Take up the weights to keep and say how it went."""
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
