import numpy as np
import pytest
import torch
from scipy import stats

from cardiolens.keyed_random import normal, sample_keys, uniform


def _keys(count: int, *, seed: int = 0, epoch: int = 0) -> torch.Tensor:
    return torch.from_numpy(sample_keys(seed=seed, epoch=epoch, rows=np.arange(count)))


def test_a_draw_depends_on_its_own_key_alone():
    keys = _keys(8)
    assert torch.equal(uniform(keys, "crop", 5)[3], uniform(keys[3:4], "crop", 5)[0])


def test_a_longer_draw_begins_with_the_shorter_one():
    keys = _keys(2)
    assert torch.equal(uniform(keys, "crop", 7)[:, :3], uniform(keys, "crop", 3))


def test_seeds_epochs_rows_and_uses_share_no_numbers():
    keys = [_keys(50), _keys(50, seed=1), _keys(50, epoch=1)]
    draws = torch.cat([uniform(k, use, 20) for k in keys for use in ("crop", "noise")]).flatten()
    # 6,000 draws of 24 bits: about one pair in common by chance.
    assert len(draws.unique()) > len(draws) - 6


def test_uniform_draws_are_uniform_within_and_between_keys():
    draws = uniform(_keys(200), "crop", 200)
    assert stats.kstest(draws.flatten().numpy(), "uniform").pvalue > 1e-3
    assert stats.kstest(draws[:, 0].numpy(), "uniform").pvalue > 1e-3
    assert torch.corrcoef(draws).fill_diagonal_(0).abs().max() < 0.4


@pytest.mark.parametrize("start", [0, -2000, 1 << 32, -(1 << 40)])
def test_keys_without_high_bits_draw_like_any_other(start):
    first = uniform(torch.arange(start, start + 2000), "crop")
    assert stats.kstest(first.numpy(), "uniform").pvalue > 1e-3


def test_normal_draws_are_normal_and_uncorrelated_in_time():
    draws = normal(_keys(100), "jitter", 501)
    assert stats.kstest(draws.flatten().numpy(), "norm").pvalue > 1e-3
    assert abs((draws[:, 1:] * draws[:, :-1]).mean()) < 0.02


def test_keys_of_one_million_rows_do_not_collide():
    assert len(np.unique(sample_keys(seed=3, epoch=7, rows=np.arange(1_000_000)))) == 1_000_000
