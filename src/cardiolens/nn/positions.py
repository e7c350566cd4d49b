"""Fixed sine-cosine positions on the grid of leads and time segments.

The first half of the width encodes time, the second half the lead; both from the raw grid index. A model may make the
table trainable; it starts here all the same.
"""

from __future__ import annotations

import torch
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor


def sine_cosine_positions(*, num_leads: int, num_segments: int, width: int) -> Float[Tensor, "1 token width"]:
    """One row per token, the class token's first and zero; float32. `width` must be divisible by four.

    Frequencies are 10000^(-k / (width / 4)), computed in float64, as in He et al. 2022 for images.
    """
    if width % 4:
        raise ValueError(f"sine-cosine positions need a width divisible by 4, not {width}")
    segment = repeat(torch.arange(num_segments), "segment -> (lead segment)", lead=num_leads)
    lead = repeat(torch.arange(num_leads), "lead -> (lead segment)", segment=num_segments)
    grid = torch.cat([_along_one_axis(segment, width // 2), _along_one_axis(lead, width // 2)], dim=1)
    table = torch.cat([torch.zeros(1, width, dtype=torch.float64), grid])
    return rearrange(table.float(), "token width -> 1 token width")


def _along_one_axis(index: Int[Tensor, " patch"], width: int) -> Float[Tensor, "patch width"]:
    omega = 10000.0 ** -(torch.arange(width // 2, dtype=torch.float64) / (width / 2))
    angle = index.double()[:, None] * omega
    return torch.cat([torch.sin(angle), torch.cos(angle)], dim=1)
