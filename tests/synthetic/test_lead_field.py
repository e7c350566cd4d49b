"""The stored torso: intact, small, and seen by its electrodes as a body is."""

from importlib import resources

import numpy as np
import pytest

from cardiolens.synthetic import lead_field
from cardiolens.synthetic.lead_field import lead_fields
from cardiolens.synthetic.torso import independent_leads

DEGREES = np.array([-8.0, 8.0, 20.0, 33.0, 57.0, 86.0])
HEIGHTS = np.array([0.0, 0.0, -15.0, -30.0, -32.0, -34.0])
HEART = np.array([20.0, -30.0, -35.0])


def lead_vectors(degrees=DEGREES, heights=HEIGHTS):
    """(lead, axis): V per A m of a dipole in the heart's middle."""
    ends = HEART + np.concatenate([8 * np.eye(3), -8 * np.eye(3)])
    seen = lead_fields().at(ends, chest_degrees=degrees, chest_height_mm=heights)
    return independent_leads(((seen[:3] - seen[3:]) / 0.016).T)


def test_the_stored_fields_are_small():
    assert resources.files("cardiolens.synthetic").joinpath(lead_field.FIELD_FILE).stat().st_size < 3_000_000


def test_another_file_is_noticed(monkeypatch):
    monkeypatch.setattr(lead_field, "FIELD_SHA256", "0" * 64)
    with pytest.raises(AssertionError, match="reinstall"):
        lead_field.lead_fields.__wrapped__()


def test_leads_look_where_they_should():
    right_to_left, front_to_back, upwards = lead_vectors().T
    one, two, v1, v2, v3, v4, _, v6 = range(8)
    assert right_to_left[one] > 3 * abs(front_to_back[one])
    assert right_to_left[one] > 3 * abs(upwards[one])
    assert -upwards[two] > 2 * abs(right_to_left[two])
    assert (front_to_back[[v1, v2, v3, v4]] < 0).all()
    assert right_to_left[v1] < 0 < right_to_left[v3]
    assert right_to_left[v6] > 3 * abs(front_to_back[v6])
    # Frank's image surface: lead II is about 1.8 times as strong downwards as lead I is to the left.
    assert 1.2 < -upwards[two] / right_to_left[one] < 2.8


def test_an_electrode_between_stored_places_sees_something_between():
    low, high = lead_vectors(heights=np.full(6, -30.0)), lead_vectors(heights=np.full(6, -10.0))
    np.testing.assert_allclose(lead_vectors(heights=np.full(6, -20.0)), (low + high) / 2, rtol=1e-6, atol=1e-6)


def test_places_beyond_the_stored_region_see_its_border():
    seen = lead_fields().at(np.array([[0.0, 0.0, 75.0], [0.0, 0.0, 500.0]]), chest_degrees=DEGREES, chest_height_mm=HEIGHTS)
    np.testing.assert_allclose(seen[0], seen[1], rtol=1e-6)
