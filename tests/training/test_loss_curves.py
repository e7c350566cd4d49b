"""Whole trainings against losses that were written down: augmentation, model, optimiser and schedule together.

They change only when something is meant to compute otherwise; then the new ones are printed by the failing test.
"""

import numpy as np
import pytest
import torch
from small_methods import AUTOENCODER, CONTRASTIVE, run_config, supervised

from cardiolens.batch import Batch
from cardiolens.keyed_random import sample_keys
from cardiolens.progress import QUIET
from cardiolens.training.loop import fit
from cardiolens.training.run import Run

SUBJECTS, BATCH, EPOCHS = 24, 8, 10
METHODS = {"mdm": AUTOENCODER, "mmcl": CONTRASTIVE, "finetune": supervised("cad", "lv")}


class _Subjects:
    """Made-up ECGs of a few waves, pictures and targets, the same on every machine."""

    def __init__(self, method) -> None:
        draw = np.random.default_rng(0)
        time = np.arange(5000) / 500
        waves = np.sin(2 * np.pi * time * draw.uniform(0.8, 12, (SUBJECTS, 12, 1)))
        waves += 0.1 * draw.standard_normal(waves.shape)
        pictures = draw.random((SUBJECTS, 3, 72, 72), np.float32)
        targets = draw.random((SUBJECTS, len(method.columns)), np.float32).round()
        self.ecg = torch.from_numpy(waves.astype(np.float32))
        self.cmr = torch.from_numpy(pictures) if method.needs_images else None
        self.target = torch.from_numpy(targets) if method.columns else None

    def __len__(self) -> int:
        return SUBJECTS // BATCH

    def epoch(self, epoch, *, shuffle, start_batch=0):
        order = np.random.default_rng(epoch).permutation(SUBJECTS) if shuffle else np.arange(SUBJECTS)
        for rows in order.reshape(-1, BATCH)[start_batch:]:
            yield Batch(
                ecg=self.ecg[rows],
                ecg_scale=torch.full((BATCH, 3), 0.3),
                keys=torch.from_numpy(sample_keys(seed=0, epoch=epoch, rows=rows)),
                cmr=None if self.cmr is None else self.cmr[rows],
                cmr_known=None if self.cmr is None else torch.ones(BATCH, dtype=torch.bool),
                target=None if self.target is None else self.target[rows],
                target_known=None if self.target is None else torch.ones_like(self.target[rows], dtype=torch.bool),
            )


GOLDEN = {
    "mdm": [
        (0.845246, 0.610645), (0.785799, 0.598626), (0.786219, 0.588836), (0.613059, 0.581242), (0.684978, 0.575962),
        (0.914811, 0.572413), (0.857717, 0.570271), (0.666802, 0.569148), (0.670914, 0.56871), (0.831775, 0.56863),
    ],
    "mmcl": [
        (2.377019, 2.178978), (2.265655, 2.175356), (2.241997, 2.153122), (2.146334, 2.149579), (2.093859, 2.137131),
        (2.147054, 2.131865), (2.154318, 2.131267), (2.095781, 2.123715), (2.173875, 2.121717), (2.091134, 2.114153),
    ],
    "finetune": [
        (0.84198, 0.839759), (0.841477, 0.833304), (0.832702, 0.828744), (0.828323, 0.825332), (0.826646, 0.823004),
        (0.823042, 0.821508), (0.823081, 0.820501), (0.821743, 0.819982), (0.820614, 0.819776), (0.820575, 0.819745),
    ],
}  # fmt: skip
"""Of every epoch, in training and on all subjects; float32 on one thread of an AMD EPYC, PyTorch 2.13.0."""
ROUNDING = {"mdm": 1e-4, "mmcl": 1e-3, "finetune": 1e-4}
"""Relative, for other processors and threads; running statistics of batch norm carry rounding on."""


@pytest.mark.parametrize("name", METHODS)
def test_the_losses_of_a_training_are_those_written_down(name, tmp_path):
    config = run_config(METHODS[name], epochs=EPOCHS)
    subjects, method = _Subjects(config.method), config.method.build(seed=config.training.seed)
    if config.method.columns:
        method.set_target_scale(np.full(len(config.method.columns), 0.5), np.full(len(config.method.columns), 0.5))
    run = Run.start_or_resume(tmp_path, config, cohort="made up")
    fit(method, subjects, subjects, config.training, run, progress=QUIET)
    found = [[line["train_loss"], line["select_loss"]] for line in run.metrics()]
    np.testing.assert_allclose(found, GOLDEN[name], rtol=ROUNDING[name], err_msg=repr(np.round(found, 6).tolist()))
