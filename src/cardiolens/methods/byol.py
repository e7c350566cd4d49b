"""BYOL on ECGs: from one view of an ECG, predict how a slower copy of the network sees the other. There are no negatives.

Nothing in the loss forbids the same answer for every ECG; the predictor and the slow copy, the target, do. Whether they
succeed shows in the metric `rank`, since a network that has collapsed has the best loss of all. It is that of the
projections, which collapse first: the last layer suffices for it, and embeddings then stay what they were.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, normalize

from cardiolens.batch import Batch, StepOutput
from cardiolens.configs import refuse_outside
from cardiolens.errors import BadOption
from cardiolens.methods.ecg_embedding import EcgEmbedding
from cardiolens.methods.global_batch import gathered, mean_over_rows
from cardiolens.methods.method import MethodConfig, require_same_window
from cardiolens.nn.pooling import MeanPoolConfig, PoolingConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.signals.contrastive_views import FIRST, SECOND, ContrastiveViewsConfig, two_views, view_keys

_COPIED = ("ecg_encoder", "ecg_pool", "ecg_projector")


@dataclass(frozen=True)
class BatchNormMlpConfig:
    """Sizes of a batch-normalised MLP; the defaults are those of BYOL's projector and predictor."""

    hidden: int = 4096
    """Width of the hidden layers."""
    width: int = 256
    """Width of the output."""
    hidden_layers: int = 1
    """Hidden layers."""

    def __post_init__(self) -> None:
        refuse_outside(self, {name: (getattr(self, name) >= 1, "1 or more") for name in ("hidden", "width", "hidden_layers")})


@dataclass(frozen=True)
class ByolConfig(MethodConfig):
    """Settings of BYOL; the defaults are the paper's, or the published code's where it is silent."""

    encoder: SignalEncoderConfig = field(default_factory=lambda: SignalEncoderConfig(drop_path=0.1, learn_positions=True))
    """The signal encoder."""
    pooling: PoolingConfig = field(default_factory=MeanPoolConfig)
    """From tokens to the ECG's embedding."""
    projector: BatchNormMlpConfig = field(default_factory=BatchNormMlpConfig)
    """From the embedding to what is predicted."""
    predictor_hidden: int = 4096
    """Width of the predictor's hidden layer; it reads and gives what the projector gives."""
    momentum: float = 0.9996
    """Share of itself that the target keeps in the first step; it rises along a cosine to one in the last."""
    views: ContrastiveViewsConfig = field(default_factory=ContrastiveViewsConfig)
    """How the two views of an ECG are made."""

    def __post_init__(self) -> None:
        require_same_window(self.encoder, self.views.augmentation)
        ranges = {
            "predictor_hidden": (self.predictor_hidden >= 1, "1 or more"),
            "momentum": (0 <= self.momentum <= 1, "0 to 1"),
        }
        refuse_outside(self, ranges)

    def _build(self) -> Byol:
        return Byol(self)


class Byol(EcgEmbedding):
    """The online network, which learns and outlives the method, its predictor, and the target, which only follows.

    The target is a copy with tensors of its own; in the published code the last attention block was one and the same. Since a
    collapse lowers the loss, which selects, recipes keep the last weights.
    """

    def __init__(self, config: ByolConfig) -> None:
        super().__init__(config.encoder, config.pooling, partial(BatchNormMlp, config.projector))
        self.config = config
        width = config.projector.width
        self.predictor = BatchNormMlp(BatchNormMlpConfig(config.predictor_hidden, width), width)
        self.target = copy.deepcopy(self._online()).requires_grad_(False)

    def forward(self, batch: Batch) -> StepOutput:
        """The loss of predicting either view from the other; effective ranks of the first views' projections and embeddings."""
        first, second = two_views(batch.ecg, self.config.views, keys=batch.keys)
        first_keys, second_keys = view_keys(batch.keys, FIRST), view_keys(batch.keys, SECOND)
        online = self._online()
        # The target normalises a training batch by its own statistics and keeps its own running ones, like any network.
        with torch.no_grad():
            first_target = _project(self.target, _embed(self.target, first, first_keys))
            second_target = _project(self.target, _embed(self.target, second, second_keys))
        embedding = _embed(online, first, first_keys)
        projection = _project(online, embedding)
        first_predicted = self.predictor(projection).float()
        second_predicted = self.predictor(_project(online, _embed(online, second, second_keys))).float()
        loss = byol_loss(first_predicted, second_target) + byol_loss(second_predicted, first_target)
        ranks = {"rank": effective_rank(projection.detach()), "embedding_rank": effective_rank(embedding.detach())}
        return StepOutput(loss, ranks)

    def after_step(self, progress: float) -> None:
        """Move the target's weights by a small share towards the online network's."""
        share = 1 - target_momentum(self.config.momentum, progress)
        with torch.no_grad():
            for target, online in zip(self.target.parameters(), self._online().parameters(), strict=True):
                target.lerp_(online, share)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As always; where the state has no target, as that of an encoder to start from, the target becomes a copy again."""
        loaded = super().load_state_dict(state_dict, strict=strict, assign=assign)
        if not any(name.startswith("target.") for name in state_dict):
            self.target.load_state_dict(self._online().state_dict())
        return loaded

    def _online(self) -> nn.ModuleDict:
        return nn.ModuleDict({name: getattr(self, name) for name in _COPIED})


class BatchNormMlp(nn.Module):
    """Linear without bias, batch norm and ReLU per hidden layer, then linear with bias."""

    def __init__(self, config: BatchNormMlpConfig, features: int) -> None:
        super().__init__()
        widths = pairwise((features, *[config.hidden] * config.hidden_layers))
        layers = ((nn.Linear(before, after, bias=False), nn.BatchNorm1d(after), nn.ReLU()) for before, after in widths)
        self.hidden = nn.Sequential(*(nn.Sequential(*layer) for layer in layers))
        self.project = nn.Linear(config.hidden, config.width)

    def forward(self, features: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch projection"]:
        if self.training and len(features) == 1:
            raise BadOption(
                "training.batch_size",
                found="a last batch of one ECG",
                expected="two or more, for batch norm compares them",
                remedy="set training.drop_last or another batch size",
            )
        return self.project(self.hidden(features))


def byol_loss(predicted: Float[Tensor, "batch projection"], target: Float[Tensor, "batch projection"]) -> Float[Tensor, ""]:
    """Minus twice the mean cosine of each prediction and its target.

    Source: Grill et al. 2020, whose squared distance of unit vectors is larger by two.
    """
    return -2 * mean_over_rows(cosine_similarity(predicted, target, dim=1))


def target_momentum(first: float, progress: float) -> float:
    """The share of itself that the target keeps: `first` at `progress` 0, one at 1, along half a cosine."""
    return 1 - (1 - first) * (1 + math.cos(math.pi * progress)) / 2


def effective_rank(vectors: Float[Tensor, "batch width"]) -> Float[Tensor, ""]:
    """How many directions a batch's vectors fill: 1 where all point the same way, at most their number and their width.

    It is the exponential of the second-order entropy of the shares that the vectors' squared singular values, at unit length,
    have of their sum, which is their number squared over the sum of all squared cosines. So it needs no decomposition, for
    which a GPU would be waited for.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        units = normalize(gathered(vectors).float(), dim=1)
        return len(units) ** 2 / (units @ units.T).square().sum()


def _embed(
    networks: nn.ModuleDict, ecg: Float[Tensor, "batch lead time"], keys: Int[Tensor, " batch"]
) -> Float[Tensor, "batch width"]:
    return networks["ecg_pool"](networks["ecg_encoder"](ecg, keys=keys))


def _project(networks: nn.ModuleDict, embedding: Float[Tensor, "batch width"]) -> Float[Tensor, "batch projection"]:
    return networks["ecg_projector"](embedding).float()
