"""From settings and a cohort to a finished run: the one entry for pre-training, fine-tuning and baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from cardiolens.atomic import sha256
from cardiolens.cohorts.loader import Loader, device_budget
from cardiolens.cohorts.store import Cohort
from cardiolens.methods.fine_tuning import FineTuning
from cardiolens.progress import QUIET, Progress
from cardiolens.training.config import RunConfig
from cardiolens.training.environment import describe_environment
from cardiolens.training.examples import target_scale, training_rows, usable_rows
from cardiolens.training.loop import fit
from cardiolens.training.run import Run
from cardiolens.training.start_weights import load_encoders, weight_file

CPU = torch.device("cpu")


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
    fresh.

    Raises:
        BadRun: `out` holds a run of other settings, of another cohort or from other weights; or the loss diverged.
        BadWeights: `start_from` does not fit the method.
        BadOption: the cohort lacks the labels or MRIs that the method needs.
        NoSpace: the disk is full; free some and call again.
        KeyboardInterrupt: Ctrl-C; call again to go on.
    """
    sources = [] if start_from is None else [start_from] if isinstance(start_from, Path) else list(start_from)
    start = " ".join(sha256(weight_file(source)) for source in sources)
    run = Run.start_or_resume(out, config, cohort=cohort.fingerprint, start=start)
    if run.is_done:
        # A process that was killed in its last moment leaves them.
        run.checkpoints.clear()
        return run
    method_config, training = config.method, config.training
    rows = training_rows(cohort, method_config, config.data)
    method = method_config.build(seed=training.seed)
    for source in sources:
        load_encoders(method, source)
    if isinstance(method, FineTuning):
        method.set_target_scale(*target_scale(cohort, method_config, rows))
    method.to(device)

    def loader(rows, *, drop_last: bool) -> Loader:
        return Loader(
            cohort,
            rows,
            batch_size=training.batch_size,
            seed=training.seed,
            columns=method_config.columns,
            images=method_config.needs_images,
            volumes=method_config.needs_volumes,
            cine=method_config.needs_cine,
            device=device,
            drop_last=drop_last,
            resident_bytes=device_budget(device),
        )

    train_batches = loader(rows, drop_last=training.drop_last)
    validation_batches = loader(usable_rows(cohort, method_config, "select"), drop_last=False)
    run.record_environment(describe_environment(device))
    result = fit(method, train_batches, validation_batches, training, run, progress=progress)
    run.finish(method.state_dict(), asdict(result))
    return run
