"""SimCLR on MRI pictures: the image encoder from which multimodal contrastive learning starts.

The published code trains it on whole pictures and multimodal learning on pictures cropped to the heart, so that the encoder
meets everything at another size than it has learned. Here both read the cohort's pictures as they are; how these are cropped
is the cohort's choice (`imaging.views`), and one cohort serves both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from jaxtyping import Float
from torch import Tensor

from cardiolens.batch import Batch, StepOutput
from cardiolens.configs import refuse_outside
from cardiolens.imaging.augmentation import ImageAugmentationConfig, augment_image
from cardiolens.methods.method import ComparingMethod, MethodConfig, ParameterGroup, Selection
from cardiolens.methods.simclr import hit_rate, nt_xent_loss, view_similarity
from cardiolens.nn.image_encoder import ImageEncoder, ImageEncoderConfig
from cardiolens.nn.projector import Projector, ProjectorConfig
from cardiolens.signals.contrastive_views import FIRST, SECOND


@dataclass(frozen=True)
class ImageSimclrConfig(MethodConfig):
    """Settings of SimCLR on pictures; the defaults are the paper's, or the published code's where it is silent."""

    image_encoder: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)
    """The image encoder."""
    projector: ProjectorConfig = field(default_factory=lambda: ProjectorConfig(hidden=2048, width=256))
    """From the embedding to the space where views are compared."""
    temperature: float = 0.1
    """What cosine similarities are divided by."""
    image_augmentation: ImageAugmentationConfig = field(default_factory=lambda: ImageAugmentationConfig(probability=1.0))
    """How views are made; its `probability` is the share of first views that are changed."""
    second_probability: float = 0.95
    """Share of second views that are changed; the others are only resized."""

    def __post_init__(self) -> None:
        refuse_outside(self, {"second_probability": (0 <= self.second_probability <= 1, "a share from 0 to 1")})

    @property
    def needs_images(self) -> bool:
        """Nothing else is looked at."""
        return True

    def _build(self) -> ImageSimclr:
        return ImageSimclr(self)


class ImageSimclr(ComparingMethod):
    """Image encoder and projector with the NT-Xent loss."""

    def __init__(self, config: ImageSimclrConfig) -> None:
        super().__init__()
        self.config = config
        self.image_encoder = ImageEncoder(config.image_encoder)
        self.image_projector = Projector(config.projector, config.image_encoder.features)

    @property
    def selects_by(self) -> Selection:
        """The loss."""
        return Selection("loss", higher_is_better=False)

    def embed(self, batch: Batch) -> tuple[Float[Tensor, "batch projection"], ...]:
        """Projections of both views. Every row needs its MRI."""
        assert batch.cmr is not None, "the loader was not asked for images"
        changed = self.config.image_augmentation
        less_often = replace(changed, probability=self.config.second_probability)
        # One after the other, as published: each view is normalised by the statistics of its own batch.
        return (
            self.project_image(augment_image(batch.cmr, changed, keys=batch.keys, view=FIRST)),
            self.project_image(augment_image(batch.cmr, less_often, keys=batch.keys, view=SECOND)),
        )

    def compare(self, embeddings: tuple[Float[Tensor, "batch projection"], ...]) -> StepOutput:
        """The NT-Xent loss, and how often the nearest view in the batch is of the same heart."""
        similarity = view_similarity(*embeddings)
        loss = nt_xent_loss(similarity, temperature=self.config.temperature)
        return StepOutput(loss, {"top1": hit_rate(similarity.detach())})

    def parameter_groups(self, weight_decay: float) -> list[ParameterGroup]:
        """One group: as published, all weights decay alike, biases and norms included."""
        return [ParameterGroup(tuple(self.parameters()), 1.0, weight_decay, "all")]

    def project_image(self, cmr: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch projection"]:
        """Images to the space where views are compared; not normalised."""
        return self.image_projector(self.image_encoder(cmr)).float()
