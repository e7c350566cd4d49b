"""The voltage that cleaning divided away, given back to the pooled vector.

The paper's cleaning brings each lead group to variance one, so its encoder cannot tell a tall QRS complex from a small one.
The encoder stays as it is, published weights included; the three scales join where its tokens have become one vector.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from cardiolens.nn.linear import Linear

LOG_SCALE_MEAN = (-2.4, -2.5, -1.75)
LOG_SCALE_SD = 0.35
"""Of the logarithm of the scales in mV: limb leads I-III, augmented limb leads, chest leads. Generator defaults, not cited;
they only bring the input near mean zero and variance one."""


class ScaleInput(nn.Module):
    """A residual layer over the pooled vector and the three scales: it starts as the identity.

    The hidden layer lets the meaning of a voltage depend on the shape of the ECG, which an added vector could not.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.from_pooled = Linear(width, width)
        self.from_scale = Linear(len(LOG_SCALE_MEAN), width)
        self.output = Linear(width, width)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        self.register_buffer("log_mean", torch.tensor(LOG_SCALE_MEAN), persistent=False)

    def forward(
        self, pooled: Float[Tensor, "batch width"], scale_mv: Float[Tensor, "batch group"]
    ) -> Float[Tensor, "batch width"]:
        """`scale_mv` are the positive millivolts that cleaning divided the lead groups by."""
        standardised = (scale_mv.log() - self.log_mean) / LOG_SCALE_SD
        return pooled + self.output(gelu(self.from_pooled(pooled) + self.from_scale(standardised)))
