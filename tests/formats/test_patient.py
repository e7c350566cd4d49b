from datetime import date

import pytest

from cardiolens.formats.patient import AGE_UNITS, age_years, sex, whole_years, years

NEW_YEAR = date(2015, 1, 1)


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("74", 74.0),
        (" 0.5 ", 0.5),
        ("0", 0.0),
        ("300", None),
        ("-1", None),
        ("NaN", None),
        ("inf", None),
        ("", None),
        (None, None),
        ("Unknown", None),
    ],
)
def test_an_age_is_a_number_of_years_or_unknown(text, age):
    assert age_years(text) == age


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Female", "F"),
        ("FEMALE", "F"),
        ("f", "F"),
        ("Male", "M"),
        (" m ", "M"),
        ("Unknown", None),
        ("", None),
        (None, None),
        ("1", None),
    ],
)
def test_a_sex_is_female_male_or_unknown(text, expected):
    assert sex(text) == expected


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [("61", "YEARS", 61.0), ("18", "months", 1.5), ("300", " Months ", 25.0), ("1461", "days", 4.0), ("0", "years", 0.0)],
)
def test_an_age_is_given_in_years_whatever_its_unit(text, unit, expected):
    assert years(text, unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("61", None),
        ("61", ""),
        ("61", "winters"),
        ("", "years"),
        (None, "years"),
        ("old", "years"),
        ("nan", "years"),
        ("300", "years"),
    ],
)
def test_what_is_no_age_is_unknown(text, unit):
    assert years(text, unit) is None


def test_the_longest_unit_comes_first():
    ages = [years("7", unit) for unit in AGE_UNITS]
    assert ages == sorted(ages, reverse=True)


def test_a_birthday_counts_on_its_own_day_only():
    born = date(1951, 2, 4)
    assert whole_years(born=born, on=date(2015, 2, 3)) == 63.0
    assert whole_years(born=born, on=date(2015, 2, 4)) == 64.0


@pytest.mark.parametrize(("born", "on"), [(None, NEW_YEAR), (NEW_YEAR, None), (date(2016, 1, 1), NEW_YEAR)])
def test_an_age_is_unknown_without_both_days_or_before_birth(born, on):
    assert whole_years(born=born, on=on) is None
