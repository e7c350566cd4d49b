import pandas as pd
import pytest

from cardiolens.cohorts.labels.events import clean_events


def events(*lines: tuple[object, str | None, str | None]) -> pd.DataFrame:
    table = pd.DataFrame(lines, columns=["person", "code", "day"])
    return table.assign(day=pd.to_datetime(table["day"], format="ISO8601"))


def lines(cleaned: pd.DataFrame) -> list[tuple[object, str, str | None]]:
    days = [None if pd.isna(day) else str(day) for day in cleaned["day"]]
    return list(zip(cleaned["person"], cleaned["code"], [day and day[:10] for day in days], strict=True))


@pytest.mark.parametrize("day", ["1900-01-01", "1901-01-01", "1902-02-02", "1903-03-03", "1909-09-09", "2037-07-07"])
def test_a_placeholder_is_an_unknown_day_and_the_diagnosis_stands(day):
    assert lines(clean_events(events((1, "I48", day)), born=None)) == [(1, "I48", None)]


def test_a_day_before_birth_is_unknown_and_the_day_of_birth_is_not():
    born = pd.Series(pd.to_datetime(["1950-05-05", None]), index=[1, 2])
    given = events((1, "I48", "1950-05-04"), (1, "I50", "1950-05-05"), (2, "I48", "1950-05-04"), (3, "I48", "1950-05-04"))
    assert lines(clean_events(given, born=born)) == [
        (1, "I48", None),
        (1, "I50", "1950-05-05"),
        (2, "I48", "1950-05-04"),
        (3, "I48", "1950-05-04"),
    ]


def test_lines_that_repeat_another_are_dropped_whatever_their_writing():
    given = events(
        (1, "I25.1", "2015-01-02"),
        (1, "I251", "2015-01-02 13:20"),
        (1, "I251", "2015-01-03"),
        (2, "I251", "2015-01-02"),
        (1, "I251", "1900-01-01"),
        (1, "I251", None),
    )
    assert lines(clean_events(given, born=None)) == [
        (1, "I251", "2015-01-02"),
        (1, "I251", "2015-01-03"),
        (2, "I251", "2015-01-02"),
        (1, "I251", None),
    ]


def test_lines_without_code_or_person_say_nothing():
    assert lines(clean_events(events(("a", None, "2015-01-02"), (None, "I48", "2015-01-02")), born=None)) == []


def test_what_was_given_is_not_changed():
    given = events((1, "I25.1", "1900-01-01"))
    before = given.copy()
    clean_events(given, born=None)
    pd.testing.assert_frame_equal(given, before)
