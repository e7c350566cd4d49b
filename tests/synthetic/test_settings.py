"""A setting outside its range is refused by name, with the range."""

import dataclasses

import pytest

from cardiolens.errors import BadOption
from cardiolens.synthetic import settings
from cardiolens.synthetic.settings import SyntheticConfig


def test_every_setting_has_a_range_that_holds_its_default():
    names = {field.name for field in dataclasses.fields(SyntheticConfig)}
    assert names == set(settings._RANGES)
    SyntheticConfig()


@pytest.mark.parametrize("name", settings._RANGES)
def test_both_ends_of_a_range_are_allowed_and_nothing_beyond(name):
    low, high = settings._RANGES[name]
    for end, beyond in ((low, low - 1), (high, high + 1)):
        assert getattr(SyntheticConfig(**{name: end}), name) == end
        with pytest.raises(BadOption, match=rf"SyntheticConfig\.{name}.*{low} to {high}"):
            SyntheticConfig(**{name: beyond})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(BadOption, match="ecg_noise"):
        SyntheticConfig(ecg_noise=value)
