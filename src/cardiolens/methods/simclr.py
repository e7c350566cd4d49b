"""SimCLR on ECGs: two random views of one ECG come to lie close together, and far from those of the batch's other ECGs.

It knows no MRI; what it learns is what crop, noise and flips leave alone. Views are random in validation, too, since two
equal views would ask nothing; they follow from the keys, which are the same in every validation.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from cardiolens.batch import Batch, StepOutput
from cardiolens.methods.method import Method, MethodConfig, ParameterGroup, Selection, require_same_window
from cardiolens.nn.pooling import MeanPoolConfig, PoolingConfig
from cardiolens.nn.projector import Projector, ProjectorConfig
from cardiolens.nn.vit import SignalEncoder, SignalEncoderConfig
from cardiolens.signals.contrastive_views import FIRST, SECOND, ContrastiveViewsConfig, two_views, view_keys


@dataclass(frozen=True)
class SimclrConfig(MethodConfig):
    """Settings of SimCLR; the defaults are the paper's, or the published code's where it is silent."""

    encoder: SignalEncoderConfig = field(default_factory=lambda: SignalEncoderConfig(drop_path=0.1, learn_positions=True))
    """The signal encoder."""
    pooling: PoolingConfig = field(default_factory=MeanPoolConfig)
    """From tokens to the ECG's embedding."""
    projector: ProjectorConfig = field(default_factory=ProjectorConfig)
    """From the embedding to the space where views are compared."""
    temperature: float = 0.1
    """What cosine similarities are divided by."""
    views: ContrastiveViewsConfig = field(default_factory=ContrastiveViewsConfig)
    """How the two views of an ECG are made."""

    def __post_init__(self) -> None:
        require_same_window(self.encoder, self.views.augmentation)

    def _build(self) -> Simclr:
        return Simclr(self)


class Simclr(Method):
    """Signal encoder and projector with the NT-Xent loss."""

    def __init__(self, config: SimclrConfig) -> None:
        super().__init__()
        self.config = config
        self.ecg_encoder = SignalEncoder(config.encoder)
        # The pooling brings its own norm; the encoder's stays as loaded, for those who use it later.
        self.ecg_encoder.norm.requires_grad_(False)
        self.ecg_pool = config.pooling.build(config.encoder.width)
        self.ecg_projector = Projector(config.projector, config.encoder.width)

    @property
    def selects_by(self) -> Selection:
        """The loss."""
        return Selection("loss", higher_is_better=False)

    def forward(self, batch: Batch) -> StepOutput:
        """The NT-Xent loss, and how often the nearest view in the batch is of the same ECG."""
        first, second = two_views(batch.ecg, self.config.views, keys=batch.keys)
        similarity = view_similarity(
            self.project_ecg(first, keys=view_keys(batch.keys, FIRST)),
            self.project_ecg(second, keys=view_keys(batch.keys, SECOND)),
        )
        loss = nt_xent_loss(similarity, temperature=self.config.temperature)
        return StepOutput(loss, {"top1": hit_rate(similarity.detach())})

    def parameter_groups(self, weight_decay: float) -> list[ParameterGroup]:
        """One group: as published, all weights decay alike, biases and norms included."""
        trained = tuple(parameter for parameter in self.parameters() if parameter.requires_grad)
        return [ParameterGroup(trained, 1.0, weight_decay, "all")]

    def project_ecg(
        self, ecg: Float[Tensor, "batch lead time"], *, keys: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch projection"]:
        """ECG windows to the space where views are compared; not normalised."""
        return self.ecg_projector(self.ecg_pool(self.ecg_encoder(ecg, keys=keys))).float()


def view_similarity(
    first: Float[Tensor, "batch projection"], second: Float[Tensor, "batch projection"]
) -> Float[Tensor, "view view"]:
    """Cosines among all first views, then all second ones; minus infinity for a view with itself."""
    with torch.autocast(first.device.type, enabled=False):
        views = normalize(torch.cat([first, second]), dim=1)
        cosine = views @ views.T
    return cosine.masked_fill(torch.eye(len(views), dtype=torch.bool, device=views.device), -torch.inf)


def nt_xent_loss(similarity: Float[Tensor, "view view"], *, temperature: float) -> Float[Tensor, ""]:
    """Cross-entropy of finding each view's partner among all other views of the batch; the mean over both views.

    `similarity` is that of `view_similarity`.

    Source: Chen et al. 2020.
    """
    return cross_entropy(similarity / temperature, _partner(similarity))


def hit_rate(similarity: Float[Tensor, "view view"]) -> Float[Tensor, ""]:
    """How often the nearest other view is the partner."""
    return (similarity.argmax(dim=1) == _partner(similarity)).float().mean()


def _partner(similarity: Float[Tensor, "view view"]) -> Int[Tensor, " view"]:
    """Half of the views are first ones, half second ones, in the same order."""
    num_views = len(similarity)
    return torch.arange(num_views, device=similarity.device).roll(num_views // 2)
