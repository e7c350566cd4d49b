"""How long one training step of masked data modelling takes per sample, beside the published code's way of computing it.

Run: `python benchmarks/mdm_step.py`. A step is forward, backward and AdamW at the paper's sizes on noise of the real shape.
The measure is `published_mdm.py` in float32 with PyTorch's plain optimiser, run in turn with ours so that whatever else
the machine does hits both; both start from the same weights, and their losses are compared first. The augmentation of the
published code, sample by sample in its data loader, is left out of the measure; ours is timed with the step and apart.
Large matrix products give the machine's ceiling. Everything is read off the wall clock and in processor time, summed over
threads, which other work on the machine disturbs less. Prints everything and writes it to benchmarks/results/.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from in_turn import matrix_products, rounds_of
from machine import load, write_result
from published_mdm import NUM_LEADS, NUM_PATCHES, PATCH, PublishedMdm

from cardiolens.batch import Batch
from cardiolens.bundles.published_keys import convert_published
from cardiolens.keyed_random import sample_keys, uniform
from cardiolens.methods.masked_autoencoder import MaskedAutoencoder, MaskedAutoencoderConfig
from cardiolens.signals.augmentation import EcgAugmentationConfig, augment
from cardiolens.training.optimiser import build_optimiser, set_learning_rate

RATE = 3.2e-4
WEIGHT_DECAY = 0.15
MATRIX = 2048
CROP_ALONE = EcgAugmentationConfig(surrogate=0.0, jitter=0.0, rescale=0.0)


def gigaflop_per_sample() -> float:
    """Multiplications and additions of all matrix products, forward and backward (three times forward)."""

    def block(width: int, tokens: int) -> int:
        return 2 * tokens * width * (12 * width) + 4 * tokens * tokens * width

    visible = int(NUM_PATCHES * (1 - 0.8))
    embeddings = 2 * visible * PATCH * 384 + 2 * (visible + 1) * 384 * 256 + 2 * (NUM_PATCHES + 1) * 256 * PATCH
    return 3 * (embeddings + 3 * block(384, visible + 1) + 2 * block(256, NUM_PATCHES + 1)) / 1e9


def published_step(batch: Batch) -> tuple[PublishedMdm, Callable[[], None]]:
    """The restated published model and its step in float32."""
    torch.manual_seed(0)
    model = PublishedMdm()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.95), foreach=False, fused=False)
    ecg = batch.ecg[:, :, : PATCH * NUM_PATCHES // NUM_LEADS].contiguous()
    noise = uniform(batch.keys, "mask", NUM_PATCHES)

    def step() -> None:
        model(ecg, noise).backward()
        optimiser.step()
        optimiser.zero_grad()

    return model, step


def our_step(
    weights: dict[str, torch.Tensor], batch: Batch, *, augmentation: EcgAugmentationConfig, bf16: bool
) -> tuple[MaskedAutoencoder, Callable[[], None]]:
    """Our method from the same weights and its step."""
    method = MaskedAutoencoderConfig(augmentation=augmentation).build(seed=0)
    method.load_state_dict(weights)
    optimiser = build_optimiser(method.parameter_groups(WEIGHT_DECAY), betas=(0.9, 0.95))
    set_learning_rate(optimiser, RATE)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = method(batch).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()

    return method, step


def measure(num_samples: int, rounds: int) -> dict[str, object]:
    """Times, ratios and shares of the ceiling."""
    draw = torch.Generator().manual_seed(0)
    keys = torch.from_numpy(sample_keys(seed=0, epoch=0, rows=np.arange(num_samples)))
    ecg = torch.randn(num_samples, NUM_LEADS, 5000, generator=draw)
    batch = Batch(ecg=ecg, ecg_scale=torch.ones(num_samples, 3), keys=keys)
    published, published_float32 = published_step(batch)
    weights = convert_published(published.state_dict())
    _refuse_another_loss(published, weights, batch)
    augmented = EcgAugmentationConfig()
    steps = {"published_float32": published_float32}
    for name, bf16 in (("float32", False), ("bf16", True)):
        steps[f"ours_{name}"] = our_step(weights, batch, augmentation=CROP_ALONE, bf16=bf16)[1]
        steps[f"ours_{name}_augmented"] = our_step(weights, batch, augmentation=augmented, bf16=bf16)[1]
    steps["augmentation_alone"] = lambda: augment(ecg, augmented, keys=keys)
    products = matrix_products(MATRIX)
    result: dict[str, object] = {"gigaflop_per_sample": round(gigaflop_per_sample(), 2)}
    ours = [name for name in steps if name.startswith("ours")]
    for clock, taken in rounds_of(steps | products, rounds, trained_by_us=ours).items():
        # The best round: what else the machine does only ever adds.
        seconds = {name: min(times) for name, times in taken.items()}
        result[clock] = _compared({name: seconds[name] / num_samples for name in steps}, {n: seconds[n] for n in products})
    return result


def _compared(steps: dict[str, float], products: dict[str, float]) -> dict[str, dict[str, float]]:
    ceiling = {name: 2 * MATRIX**3 / seconds / 1e9 for name, seconds in products.items()}
    best_float32 = max(ceiling["float32_pytorch"], ceiling["float32_ours"])
    rate = {name: gigaflop_per_sample() / seconds for name, seconds in steps.items()}
    return {
        "milliseconds_per_sample": {name: round(1e3 * seconds, 2) for name, seconds in steps.items()},
        "times_the_published_rate": {
            name: round(rate[name] / rate["published_float32"], 2) for name in steps if name.startswith("ours")
        },
        "matrix_product_gigaflop_per_second": {name: round(value) for name, value in ceiling.items()},
        "share_of_ceiling": {
            "published_float32": round(rate["published_float32"] / best_float32, 2),
            "ours_float32": round(rate["ours_float32"] / best_float32, 2),
            "ours_bf16": round(rate["ours_bf16"] / ceiling["bf16"], 2),
        },
    }


def _refuse_another_loss(published: PublishedMdm, weights: dict[str, torch.Tensor], batch: Batch) -> None:
    """The two must compute the same thing, or their times say nothing."""
    method, _ = our_step(weights, batch, augmentation=CROP_ALONE, bf16=False)
    with torch.no_grad():
        ours = method.eval()(batch).loss
        theirs = published(batch.ecg[:, :, : method.config.encoder.num_samples], uniform(batch.keys, "mask", NUM_PATCHES))
    torch.testing.assert_close(ours, theirs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    chosen = parser.parse_args()
    load_before = load()
    torch.set_num_threads(chosen.threads)
    result = {"threads": chosen.threads, "torch": torch.__version__, **measure(chosen.samples, chosen.rounds)}
    options = f"--samples {chosen.samples} --rounds {chosen.rounds} --threads {chosen.threads}"
    name = f"mdm_step_{chosen.threads}_thread{'s' if chosen.threads > 1 else ''}"
    write_result(name, f"python benchmarks/mdm_step.py {options}", result, load_before=load_before)


if __name__ == "__main__":
    main()
