"""The one training loop: pre-training, fine-tuning and baselines go through `fit`, several at once through `fit_together`.

A step never waits for the device: sums are kept there and fetched once per epoch. On a CPU a run that is stopped at any
step and resumed ends with the same bits as one that never stopped. Several processes that joined (`training.distributed`) train
one model here, each on its share of every batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

from cardiolens.batch import Batch, StepOutput
from cardiolens.errors import BadRun
from cardiolens.methods.global_batch import num_processes, shared
from cardiolens.methods.method import Method
from cardiolens.progress import Progress, ProgressTask
from cardiolens.training import gradient_cache
from cardiolens.training.config import TrainingConfig
from cardiolens.training.distributed import from_first, largest
from cardiolens.training.fitting import FitResult, Fitting, Member
from cardiolens.training.generators import own_generators
from cardiolens.training.interruption import Interruption
from cardiolens.training.kept_memory import freed_memory_kept
from cardiolens.training.run import Run
from cardiolens.training.step_forward import kind_of_step, require_one_model
from cardiolens.training.validation import BatchSource, autocast, validate_all


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
        BadOption: `cached_parts` for a method that does not compare embeddings; `compiled` for one that does not compile, or in
            several processes.
        NoSpace: the disk is full; the last checkpoint stands.
        LostProcess: another process of the training ended; the last checkpoint stands.
    """
    return fit_together([Member(method, train_batches, validation_batches, config, run)], progress=progress)[0]


def fit_together(
    members: Sequence[Member], *, progress: Progress, when_over: Callable[[Member, FitResult], None] = lambda *_: None
) -> list[FitResult]:
    """Train several runs of one method side by side, each as `fit` would alone but for the last digits; results in order.

    They must agree in what `ensemble.can_step_together` says, and their validation batches hold the same subjects. Each
    writes the ordinary checkpoints and metrics of its own run, so any of them can go on alone or in other company; those
    whose checkpoints lie behind the others' catch up first. `when_over` is called as soon as one has nothing left to train.

    Raises:
        KeyboardInterrupt: Ctrl-C, after the checkpoints.
        BadRun: the loss of one is no longer finite; the others leave checkpoints.
        BadOption: they are to be compiled and are several.
        NoSpace: the disk is full; the last checkpoints stand.
    """
    for member in members:
        gradient_cache.require_comparing(member.method, parts=member.config.cached_parts)
    seed, device = members[0].config.seed, next(members[0].method.parameters()).device
    require_one_model(members[0].config, trainings=len(members), processes=num_processes())
    results: dict[int, FitResult] = {}
    with own_generators(seed, device), freed_memory_kept(device), Interruption() as interruption, ExitStack() as until_closed:
        waiting = {index: Fitting(member) for index, member in enumerate(members)}
        for index in waiting:
            until_closed.push(partial(_leave, waiting, index))
        total = sum(one.config.epochs * len(one.train_batches) for one in waiting.values())
        done = sum(one.state.step for one in waiting.values())
        title = members[0].run.config.name + (f" x {len(members)}" if len(members) > 1 else "")
        with progress.task(title, total=total, done=done) as task:
            if members[0].config.compiled:
                task.note(f"step: {kind_of_step(members[0].config, device)}")
            loop = _Loop(interruption, task)
            while True:
                for index in [index for index, one in waiting.items() if one.is_over]:
                    with waiting.pop(index) as over:
                        results[index] = over.result()
                        when_over(members[index], results[index])
                if not waiting:
                    return [results[index] for index in range(len(members))]
                loop.advance(list(waiting.values()))


def _leave(waiting: Mapping[int, Fitting], index: int, *error: Any) -> None:
    """End what runs beside a training, unless it is over and was left before."""
    if index in waiting:
        waiting[index].__exit__(*error)


class _Loop:
    """Steps and epochs of trainings that are not over."""

    def __init__(self, interruption: Interruption, task: ProgressTask) -> None:
        self.interruption, self.task = interruption, task

    def advance(self, fittings: list[Fitting]) -> None:
        """A step, or the end of an epoch, of those that are furthest behind."""
        behind = min(one.place for one in fittings)
        level = [one for one in fittings if one.place == behind]
        if level[0].is_epoch_over:
            self.end_epoch(level, fittings)
            return
        step(level)
        self.task.advance(len(level))
        self.stop_if_asked(fittings)
        for one in level:
            one.checkpoint_when_due()

    def end_epoch(self, level: list[Fitting], fittings: list[Fitting]) -> None:
        """Validate those that have made all steps of an epoch."""
        try:
            means = [one.end_of_steps() for one in level]
        except BadRun:
            for one in fittings:
                if math.isfinite(one.state.totals.means().get("loss", 0.0)):
                    one.checkpoint()
            raise
        validated = self.validations(level, fittings)
        for one, its_means, its_numbers in zip(level, means, validated, strict=True):
            line = one.end_epoch(its_means, its_numbers)
            self.task.note(line if len(fittings) == 1 else f"seed {one.config.seed}: {line}")
        self.stop_if_asked(fittings)
        for one in level:
            one.checkpoint_after_epoch()

    def validations(self, level: list[Fitting], fittings: list[Fitting]) -> list[dict[str, float]]:
        """The numbers of this epoch's validations; empty where one has none."""
        due = [index for index, one in enumerate(level) if one.is_validation_due]
        if not due:
            return [{} for _ in level]
        first = level[due[0]]
        numbers = validate_all(
            [level[index].method for index in due],
            first.validation_batches,
            precision=first.config.precision,
            stop=self.stopping,
        )
        if numbers is None:
            self.stop_if_asked(fittings)
        # Early stopping must not hang on the last digit of another processor.
        by_index = dict(zip(due, from_first(lambda: numbers), strict=True))
        return [by_index.get(index, {}) for index in range(len(level))]

    def stop_if_asked(self, fittings: list[Fitting]) -> None:
        """Where a signal has come, leave checkpoints and let it through."""
        if self.stopping():
            for one in fittings:
                one.checkpoint()
            for one in fittings:
                one.wait()
            self.interruption.act()

    def stopping(self) -> bool:
        """A signal has come, to this process or to another."""
        self.interruption.hear(largest(self.interruption.received))
        return self.interruption.requested()


def step(fittings: Sequence[Fitting]) -> None:
    """One step of each one's optimiser over the mean loss of a batch of its own."""
    batches = [one.next_batch() for one in fittings]
    pieces = [one.share.pieces(batch, parts=one.config.accumulation) for one, batch in zip(fittings, batches, strict=True)]
    for parts in zip(*pieces, strict=True):
        weight = parts[0].num_together / batches[0].num_together
        with shared(parts[0]):
            outputs = _backward(fittings, parts, weight=weight)
        for one, output, part in zip(fittings, outputs, parts, strict=True):
            one.take_in(output, part)
    for one in fittings:
        one.take_step()


def _backward(fittings: Sequence[Fitting], batches: Sequence[Batch], *, weight: float) -> list[StepOutput]:
    """Add to each one's gradients those of `weight` times the loss of its batch."""
    config, methods = fittings[0].config, [one.method for one in fittings]
    if config.cached_parts > 1:
        (method,), (batch,) = methods, batches
        cached = {"parts": config.cached_parts, "weight": weight, "precision": config.precision}
        return [gradient_cache.backward(method, batch, **cached)]
    with autocast(fittings[0].state.device, config.precision):
        outputs = fittings[0].forward(methods, batches)
    # They share no weight, so the gradient of the sum is to each the gradient of its own loss.
    sum(output.loss * weight for output in outputs).backward()
    return outputs
