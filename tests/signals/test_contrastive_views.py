import numpy as np
import pytest
import torch
from torch.testing import assert_close

from cardiolens.errors import BadOption
from cardiolens.signals.augmentation import EcgAugmentationConfig, random_crop
from cardiolens.signals.contrastive_views import (
    ContrastiveViewsConfig,
    change_pair,
    sign_flip,
    spec_augment,
    time_flip,
    two_views,
    view_keys,
)

KEYS = torch.arange(64) * 7919 + 5
PLAIN = EcgAugmentationConfig(crop=200, surrogate=0.0, jitter=0.0, rescale=0.0)


def _ecg(batch: int = 8, num_samples: int = 300) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).standard_normal((batch, 3, num_samples)).astype(np.float32))


def _strong() -> ContrastiveViewsConfig:
    return ContrastiveViewsConfig(EcgAugmentationConfig(crop=200, surrogate_probability=1.0))


def _only(**shares: float) -> ContrastiveViewsConfig:
    return ContrastiveViewsConfig(PLAIN, **({"time_flip": 0.0, "sign_flip": 0.0, "spectral_share": 0.0} | shares))


def _unequal(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (one != other).any(dim=2).any(dim=1)


def test_the_published_strengths_are_the_defaults():
    config = ContrastiveViewsConfig()
    parts = config.augmentation
    assert (parts.crop, parts.probability, parts.surrogate, parts.surrogate_probability) == (2500, 1.0, 0.1, 1.0)
    assert (parts.jitter, parts.rescale, config.second_probability) == (0.25, 0.5, 0.95)
    assert (config.time_flip, config.sign_flip, config.spectral_share, config.spectral_window) == (0.5, 0.5, 0.25, 120)


def test_flips_turn_the_chosen_ecgs_in_all_leads():
    ecg, flipped = _ecg(2), torch.tensor([True, False])
    assert_close(time_flip(ecg, flipped=flipped), torch.stack([ecg[0].flip(1), ecg[1]]), atol=0, rtol=0)
    assert_close(sign_flip(ecg, flipped=flipped), torch.stack([-ecg[0], ecg[1]]), atol=0, rtol=0)


@pytest.mark.parametrize("length", [2500, 2490, 2517])
@pytest.mark.parametrize("in_frequency", [True, False])
@pytest.mark.parametrize("position", [0.0, 0.4, 1 - 2**-24])
def test_spec_augment_silences_a_block_of_pytorchs_own_spectrogram(length, in_frequency, position):
    ecg, window, hop = _ecg(1, length)[0].double(), torch.ones(120).double(), 30
    spectrogram = torch.stft(ecg, 120, hop, window=window, center=True, pad_mode="reflect", return_complex=True)
    _, rows, columns = spectrogram.shape
    assert (rows, columns) == (61, 1 + length // 30)
    count = rows if in_frequency else columns
    size = int(0.25 * count)
    start = min(int(position * (count - size + 1)), count - size)
    block = slice(start, start + size)
    if in_frequency:
        spectrogram[:, block] = 0
    else:
        spectrogram[:, :, block] = 0
    expected = torch.istft(spectrogram, 120, hop, window=window, center=True, length=length)
    found = spec_augment(
        ecg[None].float(), in_frequency=torch.tensor([in_frequency]), position=torch.tensor([position]), share=0.25, window=120
    )
    assert_close(found[0].double(), expected, atol=1e-5, rtol=0)


def test_the_blocks_of_five_seconds_are_fifteen_frequencies_or_twenty_one_moments():
    spectrum = torch.fft.rfft(torch.ones(1, 1, 2500).unfold(2, 120, 30))
    assert (int(0.25 * spectrum.shape[3]), int(0.25 * (1 + 2500 // 30))) == (15, 21)
    silent = spec_augment(
        torch.ones(1, 1, 2500), in_frequency=torch.tensor([False]), position=torch.tensor([0.5]), share=0.25, window=120
    )
    # Twenty-one windows of 120 samples, 30 apart, leave 18 x 30 samples that no other window holds.
    assert (silent.abs() < 1e-6).sum() == 540


def test_without_a_block_the_ecg_comes_back():
    ecg = _ecg(2, 251)
    back = spec_augment(ecg, in_frequency=torch.tensor([True, False]), position=torch.zeros(2), share=0.0, window=16)
    assert_close(back, ecg, atol=1e-5, rtol=0)


def test_the_block_is_the_same_in_all_leads():
    ecg = _ecg(2)[:, :1].expand(-1, 3, -1)
    silent = spec_augment(
        ecg, in_frequency=torch.tensor([True, False]), position=torch.tensor([0.2, 0.7]), share=0.25, window=40
    )
    assert_close(silent[:, 0], silent[:, 2], atol=0, rtol=0)


def test_views_follow_from_each_samples_own_key():
    ecg, config = _ecg(8), _strong()
    together = two_views(ecg, config, keys=KEYS[:8])
    again = two_views(ecg, config, keys=KEYS[:8])
    alone = two_views(ecg[5:6], config, keys=KEYS[5:6])
    other = two_views(ecg, config, keys=KEYS[8:16])
    for view in range(2):
        assert_close(together[view], again[view], atol=0, rtol=0)
        assert_close(together[view][5:6], alone[view], atol=1e-6, rtol=1e-6)
        assert _unequal(together[view], other[view]).all()


def test_the_two_views_have_places_and_changes_of_their_own():
    ecg = torch.arange(300.0).expand(64, 3, 300)
    first, second = two_views(ecg, _only(), keys=KEYS)
    starts = torch.stack([first[:, 0, 0], second[:, 0, 0]])
    assert (starts[0] != starts[1]).float().mean() > 0.9
    assert abs(torch.corrcoef(starts)[0, 1]) < 0.4
    assert_close(first, starts[0][:, None, None] + torch.arange(200.0).expand(64, 3, 200))
    same = ecg[:, :, :200]
    first, second = change_pair(same, same, _only(sign_flip=0.5), keys=KEYS)
    assert 16 < _unequal(first, second).sum() < 48


def test_the_first_view_is_always_changed_and_the_second_in_the_share_it_should():
    ecg = _ecg(64)[:, :, :200]
    first, second = change_pair(ecg, ecg, ContrastiveViewsConfig(PLAIN, second_probability=0.5, sign_flip=1.0), keys=KEYS)
    assert _unequal(first, ecg).all()
    assert 16 < _unequal(second, ecg).sum() < 48


@pytest.mark.parametrize("part", ["time_flip", "sign_flip"])
def test_half_of_the_views_are_flipped(part):
    ecg = _ecg(64)[:, :, :200]
    first, _ = change_pair(ecg, ecg, _only(**{part: 0.5}), keys=KEYS)
    turned = ecg.flip(2) if part == "time_flip" else -ecg
    kept = ~_unequal(first, ecg)
    assert 16 < kept.sum() < 48
    assert_close(first[~kept], turned[~kept], atol=0, rtol=0)


def test_spec_augment_takes_frequencies_and_moments_equally_often_and_blocks_from_everywhere():
    ecg = torch.ones(64, 1, 200)
    first, _ = change_pair(ecg, ecg, ContrastiveViewsConfig(PLAIN, time_flip=0.0, sign_flip=0.0, spectral_window=40), keys=KEYS)
    # Of a constant only the lowest frequency or a stretch of time can be silenced.
    in_time = (first == 0).any(dim=2)[:, 0] & (first.abs() > 0.5).any(dim=2)[:, 0]
    assert 16 < in_time.sum() < 48
    ends = (first[in_time, 0] == 0).float().argmax(dim=1)
    assert len(ends.unique()) > 8


def test_without_strength_the_crops_are_left_and_half_precision_comes_out_single():
    ecg = _ecg(4).half()
    first, second = two_views(ecg, _only(second_probability=0.0), keys=KEYS[:4])
    assert first.dtype == second.dtype == torch.float32
    windows = ecg.float().unfold(2, 200, 1)
    for view in (first, second):
        for row in range(4):
            assert (windows[row] == view[row][:, None]).all(dim=(0, 2)).any()


def test_a_crop_that_is_as_long_as_the_ecg_is_the_ecg_in_both_views():
    ecg = _ecg(2, 200)
    first, second = two_views(ecg, _only(), keys=KEYS[:2])
    whole = random_crop(ecg, 200, position=torch.zeros(2))
    assert_close(first, whole, atol=0, rtol=0)
    assert_close(second, whole, atol=0, rtol=0)


def test_the_keys_of_the_views_differ_from_each_other_and_for_every_sample():
    keys = torch.cat([KEYS, view_keys(KEYS, "first"), view_keys(KEYS, "second")])
    assert len(keys.unique()) == 3 * len(KEYS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("second_probability", 1.1), ("time_flip", -0.1), ("sign_flip", 2.0), ("spectral_share", float("nan"))]
    + [("spectral_window", window) for window in (0, 30, 5000)],
)
def test_a_setting_outside_its_range_is_refused_by_name(name, value):
    with pytest.raises(BadOption, match=name):
        ContrastiveViewsConfig(**{name: value})
