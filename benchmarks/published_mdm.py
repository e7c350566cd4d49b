"""The published masked autoencoder restated in plain PyTorch, as the measure for `mdm_step.py`.

It computes what the published code computes, in its way: a convolution embeds all patches and the visible ones are
gathered afterwards, attention is an explicit softmax, the mask tokens are put in place by gathering, and the signals are
laid out again for the cross-correlation. Parameters carry the published names, so the same weights load into both.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn

from cardiolens.nn.positions import sine_cosine_positions

NUM_LEADS, NUM_SEGMENTS, PATCH = 12, 25, 100
NUM_PATCHES = NUM_LEADS * NUM_SEGMENTS


class PublishedBlock(nn.Module):
    """A ViT block whose attention weights exist as a tensor; in training each branch is dropped with some probability."""

    def __init__(self, width: int, heads: int, *, drop_path: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.drop_path = drop_path
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = rearrange(self.attn["qkv"](self.norm1(tokens)), "b t (p h d) -> p b h t d", p=3, h=self.heads)
        weights = (query @ key.mT * query.shape[-1] ** -0.5).softmax(dim=-1)
        tokens = tokens + self._maybe_dropped(self.attn["proj"](rearrange(weights @ value, "b h t d -> b t (h d)")))
        return tokens + self._maybe_dropped(self.mlp["fc2"](nn.functional.gelu(self.mlp["fc1"](self.norm2(tokens)))))

    def _maybe_dropped(self, branch: Tensor) -> Tensor:
        if not self.training or self.drop_path == 0.0:
            return branch
        kept = torch.rand(len(branch), 1, 1) >= self.drop_path
        return branch * (kept / (1 - self.drop_path))


class PublishedMdm(nn.Module):
    """Encoder 384 wide with three blocks, decoder 256 wide with two, and the reconstruction loss."""

    def __init__(self) -> None:
        super().__init__()
        grid = {"num_leads": NUM_LEADS, "num_segments": NUM_SEGMENTS}
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(1, 384, (1, PATCH), stride=(1, PATCH))})
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, 384))
        self.pos_embed = nn.Parameter(sine_cosine_positions(**grid, width=384), requires_grad=False)
        self.blocks = nn.ModuleList(PublishedBlock(384, 6) for _ in range(3))
        self.norm = nn.LayerNorm(384, eps=1e-6)
        self.decoder_embed = nn.Linear(384, 256)
        self.mask_token = nn.Parameter(0.02 * torch.randn(1, 1, 256))
        self.decoder_pos_embed = nn.Parameter(sine_cosine_positions(**grid, width=256), requires_grad=False)
        self.decoder_blocks = nn.ModuleList(PublishedBlock(256, 8) for _ in range(2))
        self.decoder_norm = nn.LayerNorm(256, eps=1e-6)
        self.decoder_pred = nn.Linear(256, PATCH)

    def forward(self, ecg: Tensor, noise: Tensor) -> Tensor:
        """The loss with the patches hidden that have most `noise`."""
        embedded = rearrange(self.patch_embed["proj"](ecg[:, None]), "b width lead time -> b (lead time) width")
        embedded = embedded + self.pos_embed[:, 1:]
        order = noise.argsort(dim=1)
        num_visible = int(NUM_PATCHES * (1 - 0.8))
        tokens = embedded.gather(1, order[:, :num_visible, None].expand(-1, -1, 384))
        tokens = torch.cat([(self.cls_token + self.pos_embed[:, :1]).expand(len(ecg), -1, -1), tokens], dim=1)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.decoder_embed(self.norm(tokens))
        hidden = self.mask_token.expand(len(ecg), NUM_PATCHES - num_visible, -1)
        patches = torch.cat([tokens[:, 1:], hidden], dim=1)
        patches = patches.gather(1, order.argsort(dim=1)[:, :, None].expand(-1, -1, 256))
        tokens = torch.cat([tokens[:, :1], patches], dim=1) + self.decoder_pos_embed
        for block in self.decoder_blocks:
            tokens = block(tokens)
        predicted = self.decoder_pred(self.decoder_norm(tokens))[:, 1:]
        target = rearrange(ecg, "b lead (segment time) -> b (lead segment) time", time=PATCH)
        error = ((predicted - target) ** 2).sum() / (predicted.numel() + 1e-5)
        reconstruction = rearrange(predicted, "b (lead segment) time -> b lead (segment time)", lead=NUM_LEADS)
        correlation = (_standardised(ecg) * _standardised(reconstruction)).sum(dim=-1) / (ecg.shape[-1] - 1)
        return 0.9 * error + 0.1 * (1 - correlation.mean())


def _standardised(signal: Tensor) -> Tensor:
    mean, variance = signal.mean(dim=-1, keepdim=True), signal.var(dim=-1, keepdim=True)
    return (signal - mean) / (variance + 1e-12) ** 0.5
