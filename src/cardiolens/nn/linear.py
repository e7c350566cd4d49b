"""Linear layers that reach a CPU's full width.

PyTorch multiplies float32 matrices with MKL, which runs AMD processors at half their vector width or less; convolutions
go through oneDNN, which does not. A linear layer is a convolution of width one, so on such a CPU it is computed as one:
the same sums in half the time on an AMD EPYC with AVX-512 (benchmarks/mdm_step.py measures both). Elsewhere nothing changes.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cardiolens.nn.members import is_under_vmap

_LEAST_BATCH = 16
"""PyTorch hands a convolution of width one to oneDNN from so many samples on, or from two threads."""


class Linear(nn.Linear):
    """`torch.nn.Linear` computed by `linear`; parameters and state dict are the same."""

    def forward(self, features: Float[Tensor, "*batch feature"]) -> Float[Tensor, "*batch output"]:
        return linear(features, self.weight, self.bias)


def linear(
    features: Float[Tensor, "*batch feature"], weight: Float[Tensor, "output feature"], bias: Float[Tensor, " output"]
) -> Float[Tensor, "*batch output"]:
    """`features` times the transposed `weight` plus `bias`, over the last axis."""
    if not _faster_as_convolution(features):
        return functional.linear(features, weight, bias)
    # `mT` and `unsqueeze` keep the strides from which PyTorch tells that features lie side by side; einops does not.
    filters = rearrange(weight, "output feature -> output feature 1 1")
    if (parts := _parts(features)) == 1:
        return functional.conv2d(features.mT.unsqueeze(2), filters, bias).squeeze(2).mT
    batch, token, feature = features.shape
    length = -(-token // parts)
    padded = functional.pad(features, (0, 0, 0, parts * length - token)).reshape(batch * parts, length, feature)
    product = functional.conv2d(padded.mT.unsqueeze(2), filters, bias).squeeze(2).mT
    return product.reshape(batch, parts * length, -1)[:, :token]


def _parts(features: Float[Tensor, "batch token feature"]) -> int:
    """Into how many parts each sample's tokens are cut, so that one thread gets the batch that oneDNN is asked for."""
    batch = features.shape[0]
    return 1 if torch.get_num_threads() > 1 else -(-_LEAST_BATCH // max(batch, 1))


def _faster_as_convolution(features: Tensor) -> bool:
    # First, since a graph that is exported shall hold the matrix product that it means, and no question about its batch.
    if torch.compiler.is_compiling() or features.device.type != "cpu" or features.dtype != torch.float32 or features.ndim != 3:
        return False
    # An axis that `torch.vmap` adds suits no convolution.
    if is_under_vmap():
        return False
    # With fewer tokens than this the detour costs more than it saves.
    if features.shape[1] < 2 * _parts(features):
        return False
    # bf16 products take oneDNN anyway.
    if torch.is_autocast_enabled("cpu"):
        return False
    return torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()
