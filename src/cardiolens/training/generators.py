"""PyTorch's own generators, seeded for one run and given back untouched.

Augmentation and masks follow from keys and need no generator; weight initialisation does, and so may a layer of another
library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def own_generators(seed: int, device: torch.device) -> Iterator[None]:
    """Inside, the generators of the CPU and of `device` start from `seed`; afterwards they are what they were before."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.random.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


def generator_states(device: torch.device) -> dict[str, Tensor]:
    """What a checkpoint keeps of them."""
    states = {"cpu": torch.random.get_rng_state()}
    return states | {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else states


def load_generator_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Go on from what `generator_states` gave, as far as it was the same kind of device."""
    torch.random.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
