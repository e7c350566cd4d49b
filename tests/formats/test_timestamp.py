from datetime import date, datetime

import pytest

from cardiolens.formats.timestamp import day, moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("201502030905", datetime(2015, 2, 3, 9, 5)),
        ("20150203090501", datetime(2015, 2, 3, 9, 5, 1)),
        ("20150203090501.25", datetime(2015, 2, 3, 9, 5, 1, 250_000)),
        ("20150203090501.0000019+0530", datetime(2015, 2, 3, 9, 5, 1, 1)),
        (" 20150203090501-0800 ", datetime(2015, 2, 3, 9, 5, 1)),
        ("201502030905Z", datetime(2015, 2, 3, 9, 5)),
    ],
)
def test_a_moment_is_read_at_every_precision_down_from_the_minute(text, expected):
    assert moment(text) == expected


@pytest.mark.parametrize("text", [None, "", "2015", "20150203", "2015020309", "20151303090501", "20150203250501", "yesterday"])
def test_what_is_no_moment_is_none_and_no_midnight_is_made_up(text):
    assert moment(text) is None


@pytest.mark.parametrize("text", ["19530203", "195302031200", " 1953020312 "])
def test_a_day_is_read_at_every_precision_down_from_the_day(text):
    assert day(text) == date(1953, 2, 3)


@pytest.mark.parametrize("text", [None, "", "1953", "195302", "19531399", "02/03/1953"])
def test_what_is_not_known_to_the_day_is_no_day(text):
    assert day(text) is None
