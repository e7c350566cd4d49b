"""Fine-tuning of the image encoder on labels: what the MRI itself tells about diseases and phenotypes.

From fresh weights it is the paper's "CMR supervised"; started from contrastive learning it is its image branch (Table V).
It is the reference for models that see the ECG alone, and no part of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from cardiolens.batch import Batch
from cardiolens.imaging.augmentation import ImageAugmentationConfig, augment_image, resize_image
from cardiolens.methods.fine_tuning import FineTuning, FineTuningConfig
from cardiolens.methods.method import MethodConfig, ParameterGroup, grouped_by_decay
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.image_model import ImageModel, ImageModelConfig


@dataclass(frozen=True)
class SupervisedImageConfig(FineTuningConfig, MethodConfig):
    """Settings of fine-tuning on pictures; the defaults are those of contrastive learning, for the paper names none."""

    image_encoder: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)
    """The image encoder."""
    image_augmentation: ImageAugmentationConfig = field(default_factory=ImageAugmentationConfig)
    """Augmentation in training; validation sees the whole picture as it is."""

    @property
    def needs_images(self) -> bool:
        """Nothing else is looked at."""
        return True

    @property
    def model(self) -> ImageModelConfig:
        """The model that is trained, one head per task; its state dict is part of the method's."""
        return ImageModelConfig(self.image_encoder, self.heads, self.image_augmentation.size)

    def answering_model(self) -> ImageModel:
        """Encoder and heads with fresh weights."""
        return ImageModel(self.model)

    def _build(self) -> SupervisedImage:
        return SupervisedImage(self)


class SupervisedImage(FineTuning):
    """Image encoder and heads with the tasks' losses."""

    config: SupervisedImageConfig

    def __init__(self, config: SupervisedImageConfig) -> None:
        super().__init__(config)
        model = config.answering_model()
        self.image_encoder, self.heads = model.image_encoder, model.heads

    def task_scores(self, batch: Batch) -> dict[str, Float[Tensor, "batch output"]]:
        """Scores of a random view in training, of the whole picture in validation."""
        assert batch.cmr is not None, "the loader was not asked for images"
        if self.training:
            cmr = augment_image(batch.cmr, self.config.image_augmentation, keys=batch.keys)
        else:
            cmr = resize_image(batch.cmr, self.config.image_augmentation.size)
        return self.heads(self.image_encoder(cmr))

    def parameter_groups(self, weight_decay: float) -> list[ParameterGroup]:
        """Kernels and heads decay; biases and norms do not. All layers learn at one rate."""
        return grouped_by_decay(self.named_parameters(), weight_decay=weight_decay)
