import pytest
import torch
from torch import nn

from cardiolens.methods.method import ParameterGroup
from cardiolens.training.optimiser import ScheduleConfig, build_optimiser, learning_rate, set_learning_rate


def test_the_rate_rises_evenly_and_also_within_an_epoch():
    schedule = ScheduleConfig(base_lr=0.4, epochs=10.0, warmup_epochs=2.0)
    assert [learning_rate(schedule, t) for t in (0.0, 0.25, 0.5, 1.0, 2.0)] == pytest.approx([0, 0.05, 0.1, 0.2, 0.4])


def test_the_rate_falls_to_min_lr_and_stays_there():
    schedule = ScheduleConfig(base_lr=0.4, epochs=10.0, warmup_epochs=2.0, min_lr=0.1)
    assert learning_rate(schedule, 6.0) == pytest.approx(0.25)
    assert learning_rate(schedule, 10.0) == learning_rate(schedule, 11.0) == pytest.approx(0.1)


def test_a_run_without_warm_up_starts_at_the_base_rate():
    assert learning_rate(ScheduleConfig(base_lr=0.4, epochs=10.0), 0.0) == 0.4


def test_a_run_that_is_all_warm_up_ends_at_min_lr():
    assert learning_rate(ScheduleConfig(base_lr=0.4, epochs=2.0, warmup_epochs=2.0), 2.0) == 0.0


def test_each_group_learns_at_its_own_share_of_the_rate_and_decays_by_its_own_weight():
    slow, fast = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    groups = [ParameterGroup((slow,), 0.25, 0.5, "slow"), ParameterGroup((fast,), 1.0, 0.0, "fast")]
    optimiser = build_optimiser(groups, betas=(0.9, 0.999))
    slow.grad, fast.grad = torch.zeros(2), torch.ones(2)

    set_learning_rate(optimiser, 0.1)
    optimiser.step()

    # Without a gradient AdamW only shrinks the weight, by rate times decay; its first step on a constant gradient is the rate.
    torch.testing.assert_close(slow.detach(), torch.full((2,), 1 - 0.1 * 0.25 * 0.5))
    torch.testing.assert_close(fast.detach(), torch.full((2,), 1 - 0.1))
