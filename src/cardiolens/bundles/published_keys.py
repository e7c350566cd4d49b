"""From the state-dict keys of the published code to ours. Names and shapes only; reading files is in `weights`.

The published files differ in what surrounds the encoder: contrastive checkpoints carry prefixes and projectors,
fine-tuned ones a pooling and a head, masked autoencoders a decoder. One table covers them all.

Source: PAPER.md, section on published weights; keys as in tests/golden/published_code.npz.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from einops import rearrange
from torch import Tensor

from cardiolens.errors import BadWeights

_WEIGHT_OR_BIAS = r"(weight|bias)"
_STAGES = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
"""Places in the published sequential ResNet; 2, 3 and 8 hold no parameters."""
_BLOCK_PARTS = {
    "norm1": "norm1",
    "norm2": "norm2",
    "attn.qkv": "attention.qkv",
    "attn.proj": "attention.projection",
    "mlp.fc1": "mlp.expand",
    "mlp.fc2": "mlp.contract",
}
_PLAIN = {
    "cls_token": "ecg_encoder.class_token",
    "pos_embed": "ecg_encoder.positions",
    "mask_token": "decoder.mask_token",
    "decoder_pos_embed": "decoder.positions",
    "attention_pool.in_proj_weight": "ecg_pool.attention.in_proj_weight",
    "attention_pool.in_proj_bias": "ecg_pool.attention.in_proj_bias",
}
_LAYERS = {
    "patch_embed.proj": "ecg_encoder.patch_embedding",
    "norm": "ecg_encoder.norm",
    "decoder_embed": "decoder.embedding",
    "decoder_norm": "decoder.norm",
    "decoder_pred": "decoder.prediction",
    "fc_norm": "ecg_pool.norm",
    "attention_pool.out_proj": "ecg_pool.attention.out_proj",
    "head": "heads.published",
    "projection_head_ecg.layers.0": "ecg_projector.expand",
    "projection_head_ecg.layers.2": "ecg_projector.project",
    "projection_head_imaging.layers.0": "image_projector.expand",
    "projection_head_imaging.layers.2": "image_projector.project",
}


def our_key(published: str) -> str | None:
    """The name that our modules give to a published parameter; None for what they do not have.

    The head of a contrastive checkpoint (`encoder_ecg.head`) was never trained and has no place here.
    """
    if published.startswith("encoder_ecg.head."):
        return None
    if image := re.fullmatch(r"encoder_imaging\.(\d)\.(.+)", published):
        stage = _STAGES.get(image[1])
        return f"image_encoder.resnet.{stage}.{image[2]}" if stage else None
    key = published.removeprefix("encoder_ecg.")
    if key in _PLAIN:
        return _PLAIN[key]
    if block := re.fullmatch(rf"(decoder_)?blocks\.(\d+)\.(.+)\.{_WEIGHT_OR_BIAS}", key):
        part = _BLOCK_PARTS.get(block[3])
        owner = "decoder" if block[1] else "ecg_encoder"
        return f"{owner}.blocks.{block[2]}.{part}.{block[4]}" if part else None
    if layer := re.fullmatch(rf"(.+)\.{_WEIGHT_OR_BIAS}", key):
        owner = _LAYERS.get(layer[1])
        return f"{owner}.{layer[2]}" if owner else None
    return None


def convert_published(state: Mapping[str, Tensor], *, source: str = "published weights") -> dict[str, Tensor]:
    """Our state dict from a published one; parameters that our modules do not have are left out.

    Floating point becomes float32. The patch convolution (width, 1, 1, patch) becomes the weight of a linear layer
    (width, patch). A fine-tuned file lacks the encoder's last norm, which its pooling does not use: it becomes the identity.

    Raises:
        BadWeights: neither encoder is there, or one is there in part.
    """
    ours = {key: _as_ours(key, tensor) for name, tensor in state.items() if (key := our_key(name))}
    if not any(key.startswith(("ecg_encoder.", "image_encoder.")) for key in ours):
        raise BadWeights(
            source,
            found=f"{len(state)} tensors, none of a known encoder",
            expected="the keys of a published signal or image encoder",
            remedy="choose a file of MMCL-ECG-CMR or mae, or a bundle of this program",
        )
    if "ecg_encoder.class_token" in ours:
        width = ours["ecg_encoder.class_token"].shape[-1]
        ours.setdefault("ecg_encoder.norm.weight", torch.ones(width))
        ours.setdefault("ecg_encoder.norm.bias", torch.zeros(width))
    _refuse_partial_encoders(ours, source)
    return ours


def _as_ours(key: str, tensor: Tensor) -> Tensor:
    if key == "ecg_encoder.patch_embedding.weight" and tensor.ndim == 4:
        tensor = rearrange(tensor, "width 1 1 patch -> width patch")
    return tensor.to(torch.float32 if tensor.is_floating_point() else tensor.dtype).contiguous()


def _refuse_partial_encoders(ours: Mapping[str, Tensor], source: str) -> None:
    needed: set[str] = set()
    if any(key.startswith("ecg_encoder.") for key in ours):
        blocks = [int(key.split(".")[2]) for key in ours if key.startswith("ecg_encoder.blocks.")]
        layers = [f"blocks.{k}.{part}" for k in range(max(blocks, default=0) + 1) for part in _BLOCK_PARTS.values()]
        layers += ["patch_embedding", "norm"]
        needed |= {f"ecg_encoder.{layer}.{kind}" for layer in layers for kind in ("weight", "bias")}
        needed |= {"ecg_encoder.class_token", "ecg_encoder.positions"}
    if any(key.startswith("image_encoder.") for key in ours):
        needed |= {"image_encoder.resnet.conv1.weight", "image_encoder.resnet.bn1.running_mean"}
        needed |= {f"image_encoder.resnet.layer{k}.0.conv1.weight" for k in range(1, 5)}
    if missing := sorted(needed - ours.keys()):
        raise BadWeights(
            source,
            found=f"an encoder without {missing[0]}" + (f" and {len(missing) - 1} more" if missing[1:] else ""),
            expected="a whole encoder",
            remedy="fetch or export the file again",
        )
