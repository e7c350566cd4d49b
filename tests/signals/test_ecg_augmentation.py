import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from cardiolens.errors import BadOption
from cardiolens.signals.augmentation import (
    EcgAugmentationConfig,
    augment,
    first_window,
    fourier_surrogate,
    jitter,
    num_phases,
    random_crop,
    rescale,
)

KEYS = torch.arange(64) * 7919 + 5


def _ecg(batch: int = 8, num_samples: int = 300) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).standard_normal((batch, 3, num_samples)).astype(np.float32))


def _only(**strengths: float) -> EcgAugmentationConfig:
    return EcgAugmentationConfig(**({"crop": 200, "surrogate": 0.0, "jitter": 0.0, "rescale": 0.0} | strengths))


def test_the_published_code_makes_the_same_surrogate(golden_file):
    golden = np.load(golden_file)
    ecg, expected = (torch.from_numpy(golden[name])[None] for name in ("surrogate_in", "surrogate_out"))
    phase = torch.from_numpy(golden["surrogate_phase"]).float()[None]
    surrogate = fourier_surrogate(ecg, phase=phase, strength=0.1)
    assert (surrogate - expected).abs().max() / expected.abs().max() < 1e-5


@pytest.mark.parametrize("num_samples", [200, 201])
def test_a_surrogate_moves_phases_and_keeps_amplitudes(num_samples):
    ecg = _ecg(4, num_samples)
    phase = 6 * torch.rand(4, num_phases(num_samples), generator=torch.Generator().manual_seed(0))
    surrogate = fourier_surrogate(ecg, phase=phase, strength=0.1)
    before, after = torch.fft.rfft(ecg), torch.fft.rfft(surrogate)
    assert_close(after.abs(), before.abs(), atol=1e-3, rtol=1e-3)
    turned = torch.angle(after / before)[:, :, 1 : 1 + num_phases(num_samples)]
    assert_close(turned, (0.1 * phase)[:, None].expand_as(turned), atol=1e-3, rtol=0)
    assert_close(after[..., 0], before[..., 0], atol=1e-3, rtol=1e-3)


def test_crops_start_where_their_draw_says_and_never_at_the_last_place():
    ecg = torch.arange(300.0).expand(4, 2, 300)
    crops = random_crop(ecg, 100, position=torch.tensor([0.0, 0.5, 0.999, 1 - 2**-24]))
    assert crops[:, 0, 0].tolist() == [0, 100, 199, 199]
    assert_close(crops[1, 1], torch.arange(100.0, 200.0))


def test_a_crop_as_long_as_the_ecg_is_the_ecg():
    ecg = _ecg(2)
    assert_close(random_crop(ecg, 300, position=torch.tensor([0.9, 0.1])), ecg, atol=0, rtol=0)


def test_noise_is_multiplicative():
    ecg = _ecg(1)
    ecg[0, 0] = 0
    noise = torch.randn(1, 3, 300, generator=torch.Generator().manual_seed(0))
    changed = jitter(ecg, noise=noise, strength=0.25, amplitude=0.6)
    assert (changed[0, 0] == 0).all()
    assert_close(changed, ecg + 0.6 * ecg * (0.25 * noise))


def test_one_factor_scales_all_leads_and_may_turn_them_over():
    ecg = _ecg(2)
    assert_close(rescale(ecg, noise=torch.tensor([1.0, -3.0]), strength=0.5), ecg * torch.tensor([1.5, -0.5])[:, None, None])


def test_a_view_follows_from_its_own_key():
    ecg, config = _ecg(8), EcgAugmentationConfig(crop=200)
    together = augment(ecg, config, keys=KEYS[:8])
    alone = augment(ecg[5:6], config, keys=KEYS[5:6])
    assert_close(together[5:6], alone, atol=1e-6, rtol=1e-6)
    assert_close(together, augment(ecg, config, keys=KEYS[:8]), atol=0, rtol=0)


def test_two_views_are_independent():
    ecg, config = _ecg(8), EcgAugmentationConfig(crop=200)
    one, other = (augment(ecg, config, keys=KEYS[:8], view=view) for view in ("first", "second"))
    assert ((one - other).abs().amax(dim=(1, 2)) > 0).all()


def test_without_strength_only_the_crop_is_left():
    ecg = _ecg(8)
    cropped = augment(ecg, _only(), keys=KEYS[:8])
    starts = {tuple(row.tolist()) for row in cropped[:, 0, :1]}
    assert len(starts) > 1
    windows = ecg.unfold(2, 200, 1)
    for row in range(8):
        assert (windows[row] == cropped[row][:, None]).all(dim=(0, 2)).any()
    assert_close(augment(ecg, EcgAugmentationConfig(crop=200, probability=0.0), keys=KEYS[:8]), cropped, atol=0, rtol=0)


def test_the_surrogate_is_made_of_half_the_ecgs_and_leaves_the_others_bit_equal():
    ecg = _ecg(64)
    unchanged = augment(ecg, _only(), keys=KEYS)
    same = (augment(ecg, _only(surrogate=0.1), keys=KEYS) == unchanged).all(dim=2).all(dim=1)
    assert 16 < same.sum() < 48


def test_the_whole_chain_spares_the_share_it_should():
    ecg = _ecg(64)
    unchanged = augment(ecg, _only(), keys=KEYS)
    same = (augment(ecg, _only(rescale=0.5, probability=0.5), keys=KEYS) == unchanged).all(dim=2).all(dim=1)
    assert 16 < same.sum() < 48


def test_strengths_are_standard_deviations():
    ecg = torch.ones(64, 12, 200)
    factors = augment(ecg, _only(rescale=0.5), keys=KEYS)[:, 0, 0]
    assert abs(factors.std() - 0.5) < 0.12
    assert abs(factors.mean() - 1) < 0.2
    assert abs(augment(ecg, _only(jitter=0.25), keys=KEYS).std() - 0.15) < 0.005


def test_half_precision_comes_out_single():
    ecg = _ecg(2)
    assert_close(
        augment(ecg.half(), _only(surrogate=0.1), keys=KEYS[:2]),
        augment(ecg.half().float(), _only(surrogate=0.1), keys=KEYS[:2]),
    )


def test_the_first_window_is_the_first():
    ecg = _ecg(2)
    assert_close(first_window(ecg, 120), ecg[:, :, :120], atol=0, rtol=0)


@pytest.mark.parametrize(
    "setting", [{"crop": 0}, {"probability": 1.1}, {"surrogate": -0.1}, {"jitter": math.nan}, {"rescale": math.inf}]
)
def test_a_setting_outside_its_range_is_refused_by_name(setting):
    with pytest.raises(BadOption, match=next(iter(setting))):
        EcgAugmentationConfig(**setting)
