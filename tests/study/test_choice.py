import math

import pytest

from cardiolens.errors import BadRun
from cardiolens.study.choice import best_of, combinations

GRID = {"training.base_lr": (1e-3, 3e-4), "method.layer_decay": (0.5, 0.75, 1.0)}


def test_every_combination_is_tried_once_in_the_grids_order():
    tried = combinations(GRID)
    assert len({tuple(one.values()) for one in tried}) == len(tried) == 6
    assert tried[0] == {"training.base_lr": 1e-3, "method.layer_decay": 0.5}
    assert tried[-1] == {"training.base_lr": 3e-4, "method.layer_decay": 1.0}


def test_the_highest_validation_number_wins_and_the_first_of_equal_ones():
    assert best_of(GRID, [0.1, 0.7, 0.3, 0.7, 0.2, 0.6]) == {"training.base_lr": 1e-3, "method.layer_decay": 0.75}


def test_the_lowest_loss_wins():
    values = [3.0, 2.0, math.nan, 2.5, 2.0, 9.0]
    assert best_of(GRID, values, higher_is_better=False) == {"training.base_lr": 1e-3, "method.layer_decay": 0.75}


def test_a_run_that_diverged_is_not_chosen():
    assert best_of(GRID, [math.nan, 0.1, math.nan, 0.05, math.nan, math.nan])["method.layer_decay"] == 0.75


def test_nothing_but_divergence_is_said():
    with pytest.raises(BadRun, match="no run with a validation number"):
        best_of(GRID, [math.nan] * 6)


def test_a_single_combination_needs_no_number():
    assert best_of({"training.base_lr": (1e-3,)}, [math.nan]) == {"training.base_lr": 1e-3}
