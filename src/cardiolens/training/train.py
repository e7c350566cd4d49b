"""From settings and a cohort to a finished run: the one entry for pre-training, fine-tuning and baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import compress
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int

from cardiolens.atomic import sha256
from cardiolens.cohorts.loader import Loader, device_budget
from cardiolens.cohorts.store import Cohort
from cardiolens.methods.fine_tuning import FineTuning
from cardiolens.methods.method import Method
from cardiolens.progress import QUIET, Progress
from cardiolens.training.config import RunConfig
from cardiolens.training.distributed import from_first, own_share, sync_batch_norm
from cardiolens.training.ensemble import can_step_together
from cardiolens.training.environment import describe_environment
from cardiolens.training.examples import target_scale, training_rows, usable_rows
from cardiolens.training.fitting import FitResult, Member
from cardiolens.training.loop import fit_together
from cardiolens.training.run import Run
from cardiolens.training.start_weights import load_encoders, weight_files
from cardiolens.training.step_forward import kind_of_step

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Wanted:
    """One run that is asked for."""

    config: RunConfig
    out: Path


def train(
    config: RunConfig,
    cohort: Cohort,
    out: Path,
    *,
    start_from: Path | Sequence[Path] | None = None,
    device: torch.device = CPU,
    progress: Progress = QUIET,
) -> Run:
    """The finished run of `config` on `cohort` at `out`: begun, resumed, or returned at once where it is done.

    It trains on the split `train` and selects on `select`. `start_from` is a finished run, a bundle or a published weight
    file whose encoders it starts from, or several of them, where the last one's encoders stand; without it all weights are
    fresh. In processes that joined (`training.distributed`) each calls this alike, and every batch is shared among them.

    Raises:
        BadRun: `out` holds a run of other settings, of another cohort or from other weights; or the loss diverged.
        BadWeights: `start_from` does not fit the method.
        BadOption: the cohort lacks the labels or MRIs that the method needs, or a setting does not fit method or device.
        NoSpace: the disk is full; free some and call again.
        KeyboardInterrupt: Ctrl-C; call again to go on.
    """
    wanted = [Wanted(config, out)]
    return train_as_one(wanted, cohort, start_from=start_from, device=device, progress=progress)[0]


def train_as_one(
    wanted: Sequence[Wanted],
    cohort: Cohort,
    *,
    start_from: Path | Sequence[Path] | None = None,
    device: torch.device = CPU,
    progress: Progress = QUIET,
) -> list[Run]:
    """The same for several that are computed as one; `ensemble.can_step_together` must hold of all.

    A run that stops early is written at once and leaves. Each keeps the ordinary checkpoints of its own folder.
    """
    sources = sources_of(start_from)
    runs = [_begun(one.out, one.config, cohort, sources) for one in wanted]
    left = from_first(lambda: [not run.is_done for run in runs])
    unfinished = list(compress(runs, left))
    if unfinished:
        assert all(can_step_together(unfinished[0].config, run.config) for run in unfinished[1:])
        members = _members(unfinished, cohort, sources, device)
        environment = describe_environment(device) | {"step": kind_of_step(unfinished[0].config.training, device)}
        for run in unfinished:
            from_first(partial(run.record_environment, environment))
        fit_together(members, progress=progress, when_over=_finish)
    return runs


def _finish(member: Member, result: FitResult) -> None:
    """Write the weights that a training left."""
    from_first(lambda: member.run.finish(member.method.state_dict(), asdict(result)))


def sources_of(start_from: Path | Sequence[Path] | None) -> list[Path]:
    """What a training starts from, as a list."""
    return [] if start_from is None else [start_from] if isinstance(start_from, Path) else list(start_from)


def _begun(out: Path, config: RunConfig, cohort: Cohort, sources: Sequence[Path]) -> Run:
    """The run at `out`, new, half-done or done.

    Raises:
        BadRun: `out` holds a run of other settings, of another cohort or from other weights.
        BadWeights: there are no weights at a source.
        NoSpace: the disk is full.
    """
    start = " ".join(sha256(file) for source in sources for file in weight_files(source))
    run = from_first(lambda: Run.start_or_resume(out, config, cohort=cohort.fingerprint, start=start))
    if from_first(lambda: run.is_done):
        # A process that was killed in its last moment leaves them.
        from_first(run.checkpoints.clear)
    return run


def _members(runs: Sequence[Run], cohort: Cohort, sources: Sequence[Path], device: torch.device) -> list[Member]:
    """What is to be trained of each run; all share the data of the first.

    Raises:
        BadWeights: a source does not fit the method.
        BadOption: the cohort lacks the labels or MRIs that the method needs.
    """
    rows = training_rows(cohort, runs[0].config.method, runs[0].config.data)
    train_batches, validation_batches = _batches(runs[0].config, cohort, rows, device)
    members = []
    for run in runs:
        training = run.config.training
        method = _started(run.config, cohort, sources, rows)
        if training.sync_batch_norm:
            sync_batch_norm(method, device)
        shown = [batches.with_seed(training.seed) for batches in (train_batches, validation_batches)]
        members.append(Member(method.to(device), *shown, training, run))
    return members


def _batches(config: RunConfig, cohort: Cohort, rows: Int[np.ndarray, " row"], device: torch.device) -> tuple[Loader, Loader]:
    """Those to train on, which are of `rows`, and those to select on."""
    method, training = config.method, config.training

    def loader(rows: Int[np.ndarray, " row"], *, drop_last: bool, parts: int) -> Loader:
        return Loader(
            cohort,
            rows,
            batch_size=training.batch_size,
            seed=training.seed,
            columns=method.columns,
            images=method.needs_images,
            volumes=method.needs_volumes,
            cine=method.needs_cine,
            device=device,
            drop_last=drop_last,
            resident_bytes=device_budget(device),
            share=own_share(),
            parts=parts,
        )

    return (
        loader(rows, drop_last=training.drop_last, parts=training.accumulation),
        loader(usable_rows(cohort, method, "select"), drop_last=False, parts=1),
    )


def _started(config: RunConfig, cohort: Cohort, sources: Sequence[Path], rows: Int[np.ndarray, " row"]) -> Method:
    """The method on the CPU, with fresh weights of its seed and the encoders of its sources; `rows` are those it trains on."""
    method = config.method.build(seed=config.training.seed)
    for source in sources:
        load_encoders(method, source)
    if isinstance(method, FineTuning):
        method.set_target_scale(*target_scale(cohort, config.method, rows))
    return method
