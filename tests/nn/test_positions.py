import math

import pytest
import torch

from cardiolens.nn.positions import sine_cosine_positions


def test_the_first_half_encodes_time_and_the_second_the_lead():
    table = sine_cosine_positions(num_leads=2, num_segments=3, width=8)[0]
    token = table[1 + 1 * 3 + 2]
    time, lead = [2.0, 2 / 100], [1.0, 1 / 100]
    expected = [*map(math.sin, time), *map(math.cos, time), *map(math.sin, lead), *map(math.cos, lead)]
    torch.testing.assert_close(token, torch.tensor(expected))


def test_the_class_token_has_no_position():
    assert not sine_cosine_positions(num_leads=2, num_segments=3, width=8)[0, 0].any()


def test_no_two_patches_share_a_position():
    table = sine_cosine_positions(num_leads=12, num_segments=25, width=32)[0]
    assert len(table.unique(dim=0)) == 301


def test_a_width_that_four_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="divisible by 4, not 6"):
        sine_cosine_positions(num_leads=2, num_segments=3, width=6)
