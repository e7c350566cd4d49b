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
    product = functional.conv2d(features.mT.unsqueeze(2), rearrange(weight, "output feature -> output feature 1 1"), bias)
    return product.squeeze(2).mT


def _faster_as_convolution(features: Tensor) -> bool:
    if features.device.type != "cpu" or features.dtype != torch.float32 or features.ndim != 3:
        return False
    batch, token, _ = features.shape
    # PyTorch hands a convolution of width one to oneDNN from 16 samples or two threads on.
    if token < 2 or batch < (16 if torch.get_num_threads() == 1 else 1):
        return False
    # bf16 products take oneDNN anyway, and an exported graph shall hold the matrix product that it means.
    if torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
        return False
    return torch.backends.mkl.is_available() and torch.backends.mkldnn.is_available()
