"""Published state dicts made by formula, for any set of golden numbers."""

import ast
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from formula import fill
from torch import Tensor

from cardiolens.bundles.published_keys import convert_published
from cardiolens.nn.vit import SignalEncoderConfig


@pytest.fixture(scope="session")
def golden(golden_file) -> Mapping[str, np.ndarray]:
    """Every array of the file by its name."""
    with np.load(golden_file) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="session")
def published(golden) -> Callable[[str], dict[str, Tensor]]:
    """The published state dict of "mae", "finetune" or "image"."""
    return lambda model: {key: _tensor(key, shape, golden) for key, shape in _keys_and_shapes(golden[f"{model}_keys"])}


@pytest.fixture(scope="session")
def converted(published) -> Callable[[str], Callable[[str], dict[str, Tensor]]]:
    """Our state dict of one part, such as `ecg_encoder`, of a published model."""

    def part_of(model: str) -> Callable[[str], dict[str, Tensor]]:
        ours = convert_published(published(model))
        return lambda part: {k.removeprefix(f"{part}."): v for k, v in ours.items() if k.startswith(f"{part}.")}

    return part_of


@pytest.fixture(scope="session")
def encoder_config(golden) -> SignalEncoderConfig:
    """The published encoder's sizes, read from the shapes in the file; six heads are not written there."""
    shapes = dict(_keys_and_shapes(golden["mae_keys"]))
    width, *_, patch = shapes["patch_embed.proj.weight"]
    depth = len([key for key in shapes if key.startswith("blocks.") and key.endswith("norm1.weight")])
    _, num_leads, num_samples = golden["ecg"].shape
    return SignalEncoderConfig(num_leads=num_leads, num_samples=num_samples, patch=patch, width=width, depth=depth)


@pytest.fixture(scope="session")
def agrees() -> Callable[..., bool]:
    """Whether the largest difference is below a share of the largest expected number."""

    def compare(found: Tensor | float, expected: np.ndarray, *, share: float = 1e-5) -> bool:
        found = np.asarray(found.detach() if isinstance(found, Tensor) else found, dtype=np.float64)
        return found.shape == expected.shape and bool(np.abs(found - expected).max() <= share * np.abs(expected).max())

    return compare


def _keys_and_shapes(stored: np.ndarray) -> list[tuple[str, tuple[int, ...]]]:
    pairs = [entry.rsplit(":", 1) for entry in stored.tolist()]
    return [(key, ast.literal_eval(shape)) for key, shape in pairs]


def _tensor(key: str, shape: tuple[int, ...], golden: Mapping[str, np.ndarray]) -> Tensor:
    if key in ("pos_embed", "decoder_pos_embed"):
        return torch.from_numpy(golden[key]).reshape(shape)
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    return torch.from_numpy(np.asarray(fill(key.removeprefix("encoder_imaging."), shape, int(golden["salt"]))))
