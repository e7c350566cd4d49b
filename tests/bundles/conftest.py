import math

import numpy as np
import pytest
import torch

from cardiolens.bundles.config import BundleConfig, HeadCard, InputContract, Measurement
from cardiolens.nn.ecg_model import EcgModelConfig
from cardiolens.nn.heads import HeadConfig
from cardiolens.nn.pooling import AttentionPoolConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.cleaning import CleaningConfig
from cardiolens.tasks import TaskKind
from cardiolens.uncertainty import RiskMap


@pytest.fixture
def published_encoder() -> dict[str, torch.Tensor]:
    """The state dict of a published signal encoder with one block, far too small to be of use."""
    shapes = {"cls_token": (1, 1, 4), "pos_embed": (1, 7, 4), "patch_embed.proj.weight": (4, 1, 1, 5), "norm.weight": (4,)}
    shapes |= {"norm.bias": (4,), "patch_embed.proj.bias": (4,)}
    for layer in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"):
        shapes |= {f"blocks.0.{layer}.weight": (4,), f"blocks.0.{layer}.bias": (4,)}
    rng = np.random.default_rng(0)
    return {key: torch.tensor(rng.normal(size=shape), dtype=torch.float32) for key, shape in shapes.items()}


@pytest.fixture
def tiny_config() -> BundleConfig:
    """A bundle with one disease and two phenotypes over an encoder of two blocks."""
    encoder = SignalEncoderConfig(num_samples=20, patch=10, width=8, depth=2, heads=2, mlp_ratio=2.0)
    heads = (HeadConfig("d", 1, binary=True), HeadConfig("p", 2, binary=False))
    disease = HeadCard(
        name="d",
        kind=TaskKind.CLASSIFICATION,
        columns=("d",),
        names=("Disease",),
        units=("",),
        calibration=(RiskMap(slope=0.9, intercept=-2.1),),
        prevalence=(0.07,),
    )
    phenotypes = HeadCard(
        name="p",
        kind=TaskKind.REGRESSION,
        columns=("lvedv_ml", "lvef_percent"),
        names=("LVEDV", "LVEF"),
        units=("mL", "%"),
        mean=(150.0, 60.0),
        sd=(30.0, 10.0),
    )
    return BundleConfig(
        name="tiny",
        training_data="40 synthetic hearts",
        model=EcgModelConfig(encoder, AttentionPoolConfig(heads=2), heads),
        heads=(disease, phenotypes),
        input=InputContract(window=20, cleaning=CleaningConfig(clip_sd=math.inf)),
        measurements=(Measurement("d", "d", "auc", 0.8, 0.7, 0.9, subjects=100, events=7, cohort="test split"),),
        provenance={"seed": "1"},
    )
