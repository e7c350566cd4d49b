"""Cutting an ECG into patches of one lead each, and joining them again. Token order is lead by lead, then time."""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float
from torch import Tensor


def to_patches(ecg: Float[Tensor, "batch lead time"], *, patch: int) -> Float[Tensor, "batch patch sample"]:
    """Patch lead * segments + s holds samples s * `patch` to (s + 1) * `patch` of that lead; a view where possible."""
    return rearrange(ecg, "batch lead (segment sample) -> batch (lead segment) sample", sample=patch)


def from_patches(patches: Float[Tensor, "batch patch sample"], *, num_leads: int) -> Float[Tensor, "batch lead time"]:
    """The inverse of `to_patches`."""
    return rearrange(patches, "batch (lead segment) sample -> batch lead (segment sample)", lead=num_leads)
