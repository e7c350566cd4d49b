import math

import pytest

from cardiolens.training.early_stopping import EarlyStopping


def _stops_after(values, **settings) -> int | None:
    rule = EarlyStopping(**({"patience": 2.0, "max_delta": 0.0, "higher_is_better": True} | settings))
    return next((i for i, value in enumerate(values, start=1) if rule.update(value).stop), None)


def test_training_stops_when_the_count_exceeds_patience_not_when_it_reaches_it():
    assert _stops_after([0.7, 0.6, 0.6, 0.6, 0.6]) == 4


def test_a_value_within_max_delta_of_the_best_sets_the_count_back():
    assert _stops_after([0.70, 0.60, 0.60, 0.68, 0.60, 0.60, 0.60], max_delta=0.05) == 7


def test_a_slow_decline_is_measured_against_the_best_and_not_against_the_last():
    assert _stops_after([0.70, 0.68, 0.66, 0.64, 0.62, 0.60, 0.58], max_delta=0.05) == 6


def test_lower_can_be_better():
    assert _stops_after([1.0, 0.9, 1.0, 1.0, 1.0], higher_is_better=False) == 5


def test_infinite_patience_never_stops():
    assert _stops_after([1.0, *([0.0] * 1000)], patience=math.inf) is None


def test_only_a_strictly_better_value_improves():
    rule = EarlyStopping(patience=1.0, max_delta=0.5, higher_is_better=True)
    assert [rule.update(value).improved for value in (0.5, 0.5, 0.4, 0.6)] == [True, False, False, True]
    assert rule.best == 0.6


def test_an_undefined_value_neither_counts_nor_improves():
    rule = EarlyStopping(patience=0.0, max_delta=0.0, higher_is_better=True)
    assert rule.update(math.nan).improved is False
    assert rule.update(0.5).improved is True
    assert rule.update(math.nan).stop is False


@pytest.mark.parametrize("seen", range(5))
def test_a_restored_rule_goes_on_as_if_it_had_not_stopped(seen):
    values = [0.7, 0.6, 0.6, 0.6, 0.6]
    rule = EarlyStopping(patience=2.0, max_delta=0.0, higher_is_better=True)
    for value in values[:seen]:
        rule.update(value)
    restored = EarlyStopping(patience=2.0, max_delta=0.0, higher_is_better=True)
    restored.load_state(rule.state())
    assert [rule.update(v) for v in values[seen:]] == [restored.update(v) for v in values[seen:]]
