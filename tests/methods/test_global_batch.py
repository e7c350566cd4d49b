"""Every method on two processes against one: the same loss and the same gradients. One pair of processes serves all."""

import multiprocessing
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from cardiolens.batch import Batch
from cardiolens.imaging.augmentation import ImageAugmentationConfig
from cardiolens.keyed_random import sample_keys
from cardiolens.methods.barlow_twins import BarlowTwinsConfig
from cardiolens.methods.byol import BatchNormMlpConfig, ByolConfig
from cardiolens.methods.clocs import ClocsConfig
from cardiolens.methods.contrastive import ContrastiveConfig
from cardiolens.methods.global_batch import gathered, mean_over_known, num_processes
from cardiolens.methods.image_simclr import ImageSimclrConfig
from cardiolens.methods.joint_contrastive import JointContrastiveConfig
from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig
from cardiolens.methods.mri_branches import DualPhaseConfig
from cardiolens.methods.mri_contrastive import MriContrastiveConfig
from cardiolens.methods.simclr import SimclrConfig
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.methods.temporal_contrastive import TemporalContrastiveConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.mae_decoder import MaeDecoderConfig
from cardiolens.nn.pooling import AttentionPoolConfig
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.nn.volume_encoder import VolumeEncoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig
from cardiolens.signals.contrastive_views import ContrastiveViewsConfig
from cardiolens.tasks import Task, TaskKind

SIZES = {"num_leads": 3, "num_samples": 40, "patch": 10, "width": 16, "depth": 2, "heads": 2}
LEARNED = SignalEncoderConfig(**SIZES, learn_positions=True, drop_path=0.3)
STRONG = EcgAugmentationConfig(crop=40, surrogate_probability=1.0)
HALF = replace(LEARNED, num_samples=30)
IMAGES = ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
VIEWS = ContrastiveViewsConfig(STRONG, spectral_window=16)
DECODER = MaeDecoderConfig(width=16, depth=1, heads=2)
SMALL = ProjectorConfig(hidden=16, width=8)
MLP = BatchNormMlpConfig(hidden=16, width=8)
PICTURE = ImageAugmentationConfig(size=32)
TASKS = (
    Task("cad", TaskKind.CLASSIFICATION, ("cad",), ("CAD",), ("",), "CAD"),
    Task("volumes", TaskKind.REGRESSION, ("a_ml", "b_ml"), ("A", "B"), ("mL", "mL"), "volumes"),
)
PAIRED = ContrastiveConfig(
    encoder=LEARNED, image_encoder=IMAGES, projector=SMALL, augmentation=STRONG, image_augmentation=PICTURE
)
METHODS = {
    "masked": MaskedAutoencoderConfig(SignalEncoderConfig(**SIZES), DECODER, augmentation=STRONG),
    "contrastive": PAIRED,
    "dual phase": MriContrastiveConfig(
        DualPhaseConfig(16, VolumeEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)),
        encoder=LEARNED, projector=SMALL, augmentation=STRONG,
    ),
    "joint": JointContrastiveConfig(PAIRED, DECODER),
    "temporal": TemporalContrastiveConfig(
        encoder=LEARNED, frame_encoder=replace(IMAGES, channels=1), projector=SMALL, augmentation=STRONG
    ),
    "simclr": SimclrConfig(encoder=LEARNED, projector=SMALL, views=VIEWS),
    "image simclr": ImageSimclrConfig(IMAGES, SMALL, image_augmentation=replace(PICTURE, probability=1.0)),
    "byol": ByolConfig(encoder=LEARNED, projector=MLP, predictor_hidden=16, views=VIEWS),
    "barlow twins": BarlowTwinsConfig(encoder=LEARNED, projector=MLP, views=VIEWS),
    "clocs": ClocsConfig(
        encoder=HALF, projector=SMALL,
        views=ContrastiveViewsConfig(replace(STRONG, crop=30), spectral_window=16),
    ),
    "supervised": SupervisedConfig(TASKS, encoder=LEARNED, pooling=AttentionPoolConfig(heads=2), augmentation=STRONG),
}  # fmt: skip
ROWS = 6


def _batch() -> Batch:
    """Subjects who differ much, of whom the first half has other labels known than the second."""
    draw = torch.Generator().manual_seed(3)
    known = torch.tensor([[1, 1, 1], [1, 1, 1], [1, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.bool)
    scale = torch.logspace(-1, 1, ROWS)[:, None, None]
    return Batch(
        ecg=scale * torch.randn(ROWS, 3, 60, generator=draw).cumsum(dim=2),
        ecg_scale=torch.ones(ROWS, 3),
        keys=torch.from_numpy(sample_keys(seed=0, epoch=0, rows=np.arange(ROWS))),
        cmr=torch.rand(ROWS, 3, 32, 32, generator=draw),
        cmr_known=torch.ones(ROWS, dtype=torch.bool),
        cmr_cine=torch.rand(ROWS, 4, 32, 32, generator=draw),
        cmr_volumes=torch.rand(ROWS, 2, 5, 32, 32, generator=draw),
        target=torch.where(known, torch.rand(ROWS, 3, generator=draw).round(), 0.0),
        target_known=known,
    )


def _loss_and_gradients(config, batch):
    """Of one training step; batch norm uses its stored statistics, since those of a part are not those of the whole."""
    method = config.build(seed=0).train()
    for module in method.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
    loss = method(batch).loss
    loss.backward()
    gradients = {name: p.grad for name, p in method.named_parameters() if p.grad is not None}
    return loss.detach(), gradients


def _process(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    half = _batch().rows(slice(3 * rank, 3 * rank + 3))
    found = {}
    for name, config in METHODS.items():
        loss, gradients = _loss_and_gradients(config, half)
        for tensor in (loss, *gradients.values()):
            torch.distributed.all_reduce(tensor)
            tensor /= 2
        found[name] = (loss, gradients)
    if rank == 0:
        with open(f"{folder}/found.pickle", "wb") as file:
            pickle.dump(found, file)
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def on_two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    context = multiprocessing.get_context("spawn")
    pair = [context.Process(target=_process, args=(rank, str(folder))) for rank in (0, 1)]
    for one in pair:
        one.start()
    for one in pair:
        one.join(timeout=240)
        assert one.exitcode == 0
    return pickle.loads((folder / "found.pickle").read_bytes())


@pytest.mark.parametrize("name", METHODS)
def test_two_processes_have_the_loss_and_the_gradients_of_one(on_two_processes, name):
    loss, gradients = _loss_and_gradients(METHODS[name], _batch())
    other_loss, other_gradients = on_two_processes[name]
    assert_close(other_loss, loss, rtol=1e-5, atol=1e-6)
    assert other_gradients.keys() == gradients.keys()
    largest = max(float(gradient.abs().max()) for gradient in gradients.values())
    assert largest > 1e-4, "gradients that vanish would be equal, too"
    for key, gradient in gradients.items():
        assert_close(other_gradients[key], gradient, rtol=1e-4, atol=2e-5 * largest, msg=lambda text, key=key: f"{key}: {text}")


def test_the_test_would_see_a_loss_that_compares_within_a_process_alone():
    """A contrastive loss of halves, averaged, is another number than that of the whole."""
    whole, _ = _loss_and_gradients(METHODS["contrastive"], _batch())
    parts = [_loss_and_gradients(METHODS["contrastive"], _batch().rows(slice(k, k + 3)))[0] for k in (0, 3)]
    assert abs(float(sum(parts) / 2 - whole)) > 0.05


def test_one_process_alone_gathers_nothing():
    rows = torch.rand(3, 2)
    assert num_processes() == 1
    assert gathered(rows) is rows


def test_the_mean_counts_what_is_known():
    losses = torch.tensor([[1.0, 5.0], [3.0, float("nan")]])
    known = torch.tensor([[True, False], [True, False]])
    assert mean_over_known(losses, known) == 2
    assert mean_over_known(losses, torch.zeros_like(known)) == 0
