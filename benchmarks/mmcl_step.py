"""How long one training step of multimodal contrastive learning takes per pair, beside the published way of computing it.

Run: `python benchmarks/mmcl_step.py`. A step is forward, backward and optimiser at the paper's sizes, ResNet-50 at 210
pixels and the ViT on 12 x 2500 samples, on noise of the real shape. The measure is `published_mmcl.py` in float32 with
PyTorch's plain Adam, run in turn with ours so that whatever else the machine does hits both; both start from the same
weights, and their losses are compared first. The published code augments in its data loader, sample by sample; that is left
out, and ours is timed on prepared views and, apart, with its augmentation. Large matrix products give the machine's ceiling.
Everything is read off the wall clock and in processor time, summed over threads: medians over rounds, and of ratios within a
round. Prints everything and writes it to benchmarks/results/.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np
import torch
from in_turn import matrix_products, rounds_of
from machine import load, write_result
from published_mmcl import PublishedMmcl

from cardiolens.account.step import count_step
from cardiolens.batch import Batch
from cardiolens.bundles.published_keys import convert_published
from cardiolens.imaging.augmentation import ImageAugmentationConfig
from cardiolens.keyed_random import sample_keys
from cardiolens.methods.contrastive import Contrastive, ContrastiveConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.recipes import paper
from cardiolens.signals.augmentation import EcgAugmentationConfig
from cardiolens.training.config import Precision
from cardiolens.training.optimiser import build_optimiser, set_learning_rate

TRAINING = paper.mmcl().training
AIMS = {"ours_float32": 1.1, "ours_bf16": 2.5}
"""Times the published rate."""
EARLIER = {"published_ms_per_pair": 286.0, "float32_gigaflop_per_second": 150.0, "bf16_gigaflop_per_second": 409.0}
"""The published step on two cores of another day, and large matrix products there; what follows is scaled by these products."""


def small_config() -> ContrastiveConfig:
    """Tiny sizes, for a test that everything runs."""
    return ContrastiveConfig(
        encoder=SignalEncoderConfig(num_samples=200, patch=50, width=24, depth=2, heads=2, drop_path=0.1, learn_positions=True),
        image_encoder=ImageEncoderConfig(blocks=(1, 2, 1, 1), widths=(4, 4, 8, 8)),
        augmentation=EcgAugmentationConfig(crop=200, probability=0.95, surrogate_probability=1.0),
        image_augmentation=ImageAugmentationConfig(size=48),
    )


def without_drop_path(config: ContrastiveConfig) -> ContrastiveConfig:
    """The same with nothing random in the model, so that two computations of its loss can be compared."""
    return replace(config, encoder=replace(config.encoder, drop_path=0.0))


def make_pairs(config: ContrastiveConfig, count: int) -> Batch:
    """Noise in the shapes of a cohort: ECGs of twice the window, and images of the view's size."""
    draw = torch.Generator().manual_seed(0)
    encoder, pixels = config.encoder, config.image_augmentation.size
    return Batch(
        ecg=torch.randn(count, encoder.num_leads, 2 * encoder.num_samples, generator=draw),
        ecg_scale=torch.ones(count, 3),
        keys=torch.from_numpy(sample_keys(seed=0, epoch=0, rows=np.arange(count))),
        cmr=torch.rand(count, config.image_encoder.channels, pixels, pixels, generator=draw),
        cmr_known=torch.ones(count, dtype=torch.bool),
    )


def published_model(config: ContrastiveConfig) -> PublishedMmcl:
    """The restated published model in training mode, with weights that follow from a fixed seed."""
    torch.manual_seed(0)
    return PublishedMmcl(config).train()


def our_model(config: ContrastiveConfig, weights: dict[str, torch.Tensor]) -> Contrastive:
    """Our method from published weights, in training mode."""
    method = config.build(seed=0)
    method.load_state_dict(convert_published(weights))
    return method.train()


def our_loss(method: Contrastive, ecg: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Our loss on views that are ready."""
    return method.compare((method.project_ecg(ecg, keys=batch.keys), method.project_image(batch.cmr))).loss


def published_step(model: PublishedMmcl, ecg: torch.Tensor, cmr: torch.Tensor) -> Callable[[], None]:
    """Forward, backward and the published optimiser in float32."""
    rates = {"lr": TRAINING.base_lr, "weight_decay": TRAINING.weight_decay}
    optimiser = torch.optim.Adam(model.parameters(), **rates, foreach=False, fused=False)

    def step() -> None:
        model(ecg, cmr).backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def our_step(method: Contrastive, loss: Callable[[], torch.Tensor], *, bf16: bool) -> Callable[[], None]:
    """Forward, backward and our optimiser."""
    optimiser = build_optimiser(method.parameter_groups(TRAINING.weight_decay), betas=TRAINING.betas)
    set_learning_rate(optimiser, TRAINING.base_lr)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            value = loss()
        value.backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


def measure(config: ContrastiveConfig, num_pairs: int, rounds: int, *, matrix: int) -> dict[str, object]:
    """Times, ratios, shares of the ceiling, and the aims beside them."""
    batch = make_pairs(config, num_pairs)
    ecg = batch.ecg[:, :, : config.encoder.num_samples].contiguous()
    losses = compared_losses(config, ecg, batch)
    published = published_model(config)
    weights = {name: value.clone() for name, value in published.state_dict().items()}
    counted = count_step(our_model(without_drop_path(config), weights), batch, Precision.FP32).flop_per_sample / 1e9
    steps = {"published_float32": published_step(published, ecg, batch.cmr)}
    for name, bf16 in (("float32", False), ("bf16", True)):
        steps[f"ours_{name}"] = _on_prepared_views(our_model(config, weights), ecg, batch, bf16=bf16)
        steps[f"ours_{name}_augmented"] = _with_augmentation(our_model(config, weights), batch, bf16=bf16)
    result: dict[str, object] = {"pairs_per_step": num_pairs, "rounds": rounds, "gigaflop_per_pair": round(counted, 3)}
    result["loss"] = losses
    ours = [name for name in steps if name.startswith("ours")]
    for clock, taken in rounds_of(steps | matrix_products(matrix), rounds, trained_by_us=ours).items():
        result[clock] = _compared({name: [t / num_pairs for t in taken[name]] for name in steps}, taken, counted, matrix)
    return result


def compared_losses(config: ContrastiveConfig, ecg: torch.Tensor, batch: Batch) -> dict[str, float]:
    """Both losses on the same weights and batch; the two must compute the same thing, or their times say nothing."""
    still = without_drop_path(config)
    published = published_model(still)
    ours = our_model(still, published.state_dict())
    with torch.no_grad():
        losses = {"published_float32": published(ecg, batch.cmr), "ours_float32": our_loss(ours, ecg, batch)}
        with torch.autocast("cpu", torch.bfloat16):
            losses["ours_bf16"] = our_loss(ours, ecg, batch)
    torch.testing.assert_close(losses["ours_float32"], losses["published_float32"], rtol=1e-4, atol=1e-5)
    return {name: round(loss.item(), 6) for name, loss in losses.items()}


def _on_prepared_views(method: Contrastive, ecg: torch.Tensor, batch: Batch, *, bf16: bool) -> Callable[[], None]:
    return our_step(method, lambda: our_loss(method, ecg, batch), bf16=bf16)


def _with_augmentation(method: Contrastive, batch: Batch, *, bf16: bool) -> Callable[[], None]:
    return our_step(method, lambda: method(batch).loss, bf16=bf16)


def _compared(
    steps: dict[str, list[float]], taken: dict[str, list[float]], gigaflop: float, matrix: int
) -> dict[str, dict[str, object]]:
    ceiling = {name: 2 * matrix**3 / median(taken[name]) / 1e9 for name in ("float32_pytorch", "float32_ours", "bf16")}
    float32, bf16 = max(ceiling["float32_pytorch"], ceiling["float32_ours"]), ceiling["bf16"]
    milliseconds = {name: 1e3 * median(times) for name, times in steps.items()}
    best = {name: 1e3 * min(times) for name, times in steps.items()}
    ratio = {
        name: median(theirs / ours for theirs, ours in zip(steps["published_float32"], times, strict=True))
        for name, times in steps.items()
        if name.startswith("ours")
    }
    share = {"published_float32": float32, "ours_float32": float32, "ours_bf16": bf16}
    return {
        "milliseconds_per_pair": {name: round(value, 2) for name, value in milliseconds.items()},
        "milliseconds_per_pair_in_the_best_round": {name: round(value, 2) for name, value in best.items()},
        "times_the_published_rate": {name: round(value, 2) for name, value in ratio.items()},
        "times_the_published_rate_in_the_best_round": {
            name: round(best["published_float32"] / best[name], 2) for name in ratio
        },
        "matrix_product_gigaflop_per_second": {name: round(value) for name, value in ceiling.items()},
        "share_of_ceiling": {name: round(gigaflop / milliseconds[name] * 1e3 / top, 3) for name, top in share.items()},
        "aims": {
            "times_the_published_rate": AIMS,
            "reached": {name: ratio[name] >= aim for name, aim in AIMS.items()},
            "limit_ms_per_pair": {"float32": round(1e3 * gigaflop / float32, 1), "bf16": round(1e3 * gigaflop / bf16, 1)},
            "earlier": EARLIER,
            "published_ms_per_pair_as_earlier_at_this_product": round(
                EARLIER["published_ms_per_pair"] * EARLIER["float32_gigaflop_per_second"] / float32, 1
            ),
            "limit_ms_per_pair_earlier": {
                name: round(1e3 * gigaflop / EARLIER[f"{name}_gigaflop_per_second"], 1) for name in ("float32", "bf16")
            },
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=16, help="pairs per step")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--small", action="store_true", help="tiny sizes: that it runs, not how fast")
    chosen = parser.parse_args()
    load_before = load()
    torch.set_num_threads(chosen.threads)
    config, matrix = (small_config(), 64) if chosen.small else (ContrastiveConfig(), 2048)
    result = {"threads": chosen.threads, "torch": torch.__version__}
    result |= measure(config, chosen.batch_size, chosen.rounds, matrix=matrix)
    options = f"--batch-size {chosen.batch_size} --rounds {chosen.rounds} --threads {chosen.threads}"
    options += " --small" if chosen.small else ""
    name = f"mmcl_step{'_small' if chosen.small else ''}_{chosen.threads}_thread{'s' if chosen.threads > 1 else ''}"
    write_result(name, f"python benchmarks/mmcl_step.py {options}", result, load_before=load_before)


if __name__ == "__main__":
    main()
