import pytest
from scipy.stats import norm

from cardiolens.bundles.reference import Reference, SexReference, reference_range

FEMALE = SexReference(mean_at_60=124.0, per_year=-0.5, sd=21.0, age_low=45.0, age_high=74.0, subjects=400)
MALE = SexReference(mean_at_60=166.0, per_year=-1.0, sd=32.0, age_low=45.0, age_high=74.0, subjects=380)


def test_the_mean_moves_with_age_and_depends_on_the_sex():
    reference = Reference(FEMALE, MALE)
    assert reference.at(sex="F", age_years=70.0) == (119.0, 21.0)
    assert reference.at(sex="M", age_years=50.0) == (176.0, 32.0)


@pytest.mark.parametrize(("sex", "age"), [(None, 60.0), ("F", None), ("X", 60.0), ("F", 39.0), ("M", 80.0)])
def test_who_is_unlike_the_healthy_has_no_reference(sex, age):
    assert Reference(FEMALE, MALE).at(sex=sex, age_years=age) is None


def test_the_range_holds_95_percent_of_a_normal_distribution():
    low, high = reference_range(10.0, 2.0)
    assert norm.cdf(high, 10, 2) - norm.cdf(low, 10, 2) == pytest.approx(0.95)


@pytest.mark.parametrize("changed", [{"sd": 0.0}, {"mean_at_60": float("nan")}, {"age_low": 80.0}, {"subjects": 0}])
def test_numbers_that_are_no_reference_are_refused(changed):
    with pytest.raises(ValueError, match="reference"):
        SexReference(**(vars(FEMALE) | changed))
