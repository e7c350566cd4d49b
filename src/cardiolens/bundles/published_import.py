"""Published weights as a folder that training starts from, and what became of every tensor in their files.

The published files hold no head that could answer, so the folder is a bundle without heads. An image encoder lies beside the
ECG encoder; one that comes alone is a folder of weights and no bundle, since a bundle reads ECGs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cardiolens.atomic import sha256, write_atomically
from cardiolens.bundles.bundle import CARD, IMAGE_ENCODER, WEIGHTS, write_bundle
from cardiolens.bundles.config import BundleConfig, InputContract
from cardiolens.bundles.weights import PARTS, PublishedWeights, read_published, write_safetensors
from cardiolens.errors import BadOption, BadWeights
from cardiolens.nn.ecg_model import EcgModelConfig
from cardiolens.nn.pooling import AttentionPoolConfig, MeanPoolConfig, PoolingConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.privacy import display_name
from cardiolens.types import LEADS

_ATTENTION_HEAD_WIDTH = 64
"""Of all published encoders; their files do not say how many attention heads there are."""
_OF_ECG = ("ecg_encoder.", "ecg_pool.")
_LICENSE = "That of whoever published the imported files; ask them before you pass it on"
_TRAINED_BY_OTHERS = "Weights published by others, imported; on whom they were trained, their publication says"


@dataclass(frozen=True)
class Imported:
    """What an import left and what it left out; sizes are numbers of parameters."""

    path: Path
    """The folder."""
    kept: dict[str, int]
    """Parts in the folder, in words, and their sizes."""
    left_out: dict[str, int]
    """Parts that the files hold and the folder does not."""
    absent: tuple[str, ...]
    """Parts that no file holds: what starts from scratch."""
    ignored: dict[str, int]
    """The files' own keys that have no place here, and how many numbers each holds."""


def import_published(files: Sequence[Path], out: Path) -> Imported:
    """Bring published checkpoints (`read_published`), at most one per encoder, into the new folder `out`, to the bit.

    An ECG encoder comes with its pooling where the file has one; else with the mean of its tokens and an untrained norm, from
    which the published fine-tuning starts.

    Raises:
        BadWeights: a file is no checkpoint, or its ECG encoder has sizes that no published one has.
        BadBundle: its ECG encoder lacks a tensor, or has one of another size.
        BadOption: two files hold the same part, or `out` holds something.
        NoSpace: the device is full.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise BadOption(
            out, found="something there already", expected="a new folder", remedy="choose another name or remove it"
        )
    published = [read_published(file) for file in files]
    state = _together(files, published)
    kept = {name: tensor for name, tensor in state.items() if name.startswith("image_encoder.")}
    sources = {f"imported.{display_name(file)}": sha256(file) for file in files}
    if "ecg_encoder.class_token" in state:
        of_ecg = {name: tensor for name, tensor in state.items() if name.startswith(_OF_ECG)}
        image = {IMAGE_ENCODER: dict(kept)} if kept else {}
        kept |= of_ecg
        config = _config(state, files[0], sources)
        norm = {f"ecg_pool.norm.{kind}": fill(config.model.encoder.width) for kind, fill in _UNTRAINED_NORM.items()}
        write_bundle(out, config, norm | of_ecg, beside=image, half=False)
    else:
        write_safetensors(out / WEIGHTS, kept)
        write_atomically(out / CARD, _image_card(sources).encode())
    return Imported(
        path=out,
        kept=_sizes(kept),
        left_out=_sizes({name: tensor for name, tensor in state.items() if name not in kept}),
        absent=tuple(part for part in PARTS.values() if all(part in one.absent for one in published)),
        ignored=dict(sorted((name, size) for one in published for name, size in one.ignored.items())),
    )


_UNTRAINED_NORM = {"weight": torch.ones, "bias": torch.zeros}


def _together(files: Sequence[Path], published: Sequence[PublishedWeights]) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {}
    for file, one in zip(files, published, strict=True):
        if twice := state.keys() & one.state.keys():
            raise BadOption(
                file,
                found=f"{_part(min(twice))} a second time",
                expected="files with different parts: a signal encoder, an image encoder",
                remedy="import each variant into a folder of its own",
            )
        state |= one.state
    return state


def _config(state: Mapping[str, Tensor], file: Path, sources: Mapping[str, str]) -> BundleConfig:
    encoder = _encoder_config(state, file)
    return BundleConfig(
        name=display_name(file.stem),
        training_data=_TRAINED_BY_OTHERS,
        model=EcgModelConfig(encoder, _pooling_config(state, encoder.width)),
        heads=(),
        input=InputContract(window=encoder.num_samples),
        provenance=dict(sources),
        license=_LICENSE,
    )


def _encoder_config(state: Mapping[str, Tensor], file: Path) -> SignalEncoderConfig:
    """The sizes that the tensors have; whether all of them fit, the writer of the bundle finds out."""
    named = ("class_token", "positions", "patch_embedding.weight", "blocks.0.mlp.expand.weight")
    shapes = [tuple(state[f"ecg_encoder.{name}"].shape) for name in named]
    match shapes:
        case [(1, 1, width), (1, tokens, _), (_, patch), (hidden, _)] if (
            width and width % _ATTENTION_HEAD_WIDTH == 0 and patch and tokens > 1 and (tokens - 1) % len(LEADS) == 0
        ):
            return SignalEncoderConfig(
                num_samples=(tokens - 1) // len(LEADS) * patch,
                patch=patch,
                width=width,
                depth=len({name.split(".")[2] for name in state if name.startswith("ecg_encoder.blocks.")}),
                heads=width // _ATTENTION_HEAD_WIDTH,
                mlp_ratio=hidden / width,
                learn_positions=True,
            )
    raise BadWeights(
        file,
        found=f"an ECG encoder with {', '.join(f'{name} of {shape}' for name, shape in zip(named, shapes, strict=True))}",
        expected=f"{len(LEADS)} leads, and a width that is a multiple of {_ATTENTION_HEAD_WIDTH}",
        remedy="name a file of MMCL-ECG-CMR or mae",
    )


def _pooling_config(state: Mapping[str, Tensor], width: int) -> PoolingConfig:
    # The published fine-tuning applies the norm twice, its contrastive learning once; weights are tied to it.
    passes = 2 if "heads.published.weight" in state else 1
    if any(name.startswith("ecg_pool.attention.") for name in state):
        return AttentionPoolConfig(width // _ATTENTION_HEAD_WIDTH, norm_passes=passes)
    return MeanPoolConfig(norm_passes=passes)


def _sizes(state: Mapping[str, Tensor]) -> dict[str, int]:
    held = set(map(_part, state))
    sizes = {part: 0 for part in PARTS.values() if part in held}
    for name, tensor in state.items():
        sizes[_part(name)] += 0 if name.endswith(_STATISTICS) else tensor.numel()
    return sizes


_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""What batch norms count; no parameters."""


def _part(name: str) -> str:
    return next(part for prefix, part in PARTS.items() if name.startswith(f"{prefix}."))


def _image_card(sources: Mapping[str, str]) -> str:
    lines = [f"- {name}: `{digest}`" for name, digest in sources.items()]
    text = "Weights of an image encoder to start training from. No bundle: nothing in here reads an ECG."
    return "\n\n".join(["# Image encoder", text, _TRAINED_BY_OTHERS + ".", "\n".join(lines), _LICENSE + "."]) + "\n"
