import numpy as np
import pytest
import torch


@pytest.fixture
def published_encoder() -> dict[str, torch.Tensor]:
    """The state dict of a published signal encoder with one block, far too small to be of use."""
    shapes = {"cls_token": (1, 1, 4), "pos_embed": (1, 7, 4), "patch_embed.proj.weight": (4, 1, 1, 5), "norm.weight": (4,)}
    shapes |= {"norm.bias": (4,), "patch_embed.proj.bias": (4,)}
    for layer in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"):
        shapes |= {f"blocks.0.{layer}.weight": (4,), f"blocks.0.{layer}.bias": (4,)}
    rng = np.random.default_rng(0)
    return {key: torch.tensor(rng.normal(size=shape), dtype=torch.float32) for key, shape in shapes.items()}
