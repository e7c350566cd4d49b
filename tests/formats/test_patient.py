import pytest

from cardiolens.formats.patient import age_years, sex


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
