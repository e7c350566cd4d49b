"""What of an MRI an ECG is compared with: one slice, one slice in motion, a volume, or two volumes, each with its encoder.

All four are cut from the arrays that show every heart at the same scale, so that the branches differ in what they see of a
heart and not in how it is framed; the picture of three phases, scaled to the heart, is the first paper's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from cardiolens.batch import Batch
from cardiolens.configs import Kinds, refuse_outside
from cardiolens.nn.image_encoder import ImageEncoder, ImageEncoderConfig
from cardiolens.nn.linear import Linear
from cardiolens.nn.volume_encoder import VolumeEncoder, VolumeEncoderConfig


@dataclass(frozen=True)
class MriBranchConfig(Kinds, ABC):
    """Which views of an MRI are taken, and what encodes each."""

    latent: int = 768
    """Numbers per view that the encoder ends in, before the projector."""

    @property
    @abstractmethod
    def views(self) -> tuple[str, ...]:
        """The names of the views, in order; each has an encoder of its own."""

    @property
    def needs_volumes(self) -> bool:
        """Whether it reads the end-diastolic and end-systolic volumes."""
        return False

    @property
    def needs_cine(self) -> bool:
        """Whether it reads the moving middle slice."""
        return False

    @abstractmethod
    def read(self, batch: Batch) -> Float[Tensor, "batch view depth rows columns"]:
        """The views of a batch: pictures one behind the other, in 0..1."""

    @abstractmethod
    def encoder(self) -> ImageEncoder | VolumeEncoder:
        """A fresh encoder of one view."""


@dataclass(frozen=True)
class SliceConfig(MriBranchConfig):
    """The middle slice at end-diastole, through a 2-D ResNet."""

    image_encoder: ImageEncoderConfig = field(default_factory=lambda: ImageEncoderConfig(channels=1))
    """The encoder, of one channel."""

    def __post_init__(self) -> None:
        channels = self.image_encoder.channels
        refuse_outside(self, {"image_encoder": (channels == 1, "one channel")})

    @property
    def views(self) -> tuple[str, ...]:
        return ("slice",)

    @property
    def needs_volumes(self) -> bool:
        """The slice is cut from them."""
        return True

    def read(self, batch: Batch) -> Float[Tensor, "batch 1 1 rows columns"]:
        diastole = _volumes(batch)[:, :1]
        # Where `imaging.volumes` puts the heart's middle slice.
        middle = diastole.shape[2] // 2
        return diastole[:, :, middle : middle + 1]

    def encoder(self) -> ImageEncoder:
        return ImageEncoder(self.image_encoder)


@dataclass(frozen=True)
class CineConfig(MriBranchConfig):
    """The middle slice over the beat, through a 3-D ResNet whose depth is time."""

    volume_encoder: VolumeEncoderConfig = field(default_factory=VolumeEncoderConfig)
    """The encoder."""

    @property
    def views(self) -> tuple[str, ...]:
        return ("cine",)

    @property
    def needs_cine(self) -> bool:
        """Nothing else is looked at."""
        return True

    def read(self, batch: Batch) -> Float[Tensor, "batch 1 phase rows columns"]:
        assert batch.cmr_cine is not None, "the loader was not asked for cines"
        return rearrange(batch.cmr_cine, "batch phase rows columns -> batch 1 phase rows columns")

    def encoder(self) -> VolumeEncoder:
        return VolumeEncoder(self.volume_encoder)


@dataclass(frozen=True)
class StackConfig(MriBranchConfig):
    """All slices at end-diastole, through a 3-D ResNet."""

    volume_encoder: VolumeEncoderConfig = field(default_factory=VolumeEncoderConfig)
    """The encoder."""

    @property
    def views(self) -> tuple[str, ...]:
        return ("ed",)

    @property
    def needs_volumes(self) -> bool:
        """The first of the two."""
        return True

    def read(self, batch: Batch) -> Float[Tensor, "batch 1 slice rows columns"]:
        return _volumes(batch)[:, :1]

    def encoder(self) -> VolumeEncoder:
        return VolumeEncoder(self.volume_encoder)


@dataclass(frozen=True)
class DualPhaseConfig(MriBranchConfig):
    """All slices at end-diastole and at end-systole, each phase through a 3-D ResNet of its own."""

    volume_encoder: VolumeEncoderConfig = field(default_factory=VolumeEncoderConfig)
    """The encoder of either phase."""

    @property
    def views(self) -> tuple[str, ...]:
        return ("ed", "es")

    @property
    def needs_volumes(self) -> bool:
        """Both of them."""
        return True

    def read(self, batch: Batch) -> Float[Tensor, "batch 2 slice rows columns"]:
        return _volumes(batch)

    def encoder(self) -> VolumeEncoder:
        return VolumeEncoder(self.volume_encoder)


class ViewEncoder(nn.Module):
    """One view of an MRI to its latent vector: the encoder, and a linear layer over the features that it ends in."""

    def __init__(self, config: MriBranchConfig) -> None:
        super().__init__()
        self.encoder = config.encoder()
        self.latent = Linear(self.encoder.config.features, config.latent)

    def forward(self, mri: Float[Tensor, "batch depth rows columns"]) -> Float[Tensor, "batch latent"]:
        return self.latent(self.encoder(mri))


def _volumes(batch: Batch) -> Float[Tensor, "batch 2 slice rows columns"]:
    assert batch.cmr_volumes is not None, "the loader was not asked for volumes"
    return batch.cmr_volumes
