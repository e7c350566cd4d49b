"""Labels of visits from tables with every fault that real ones have: nobody becomes healthy by one of them."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from main_tables import PEOPLE, csv_of, read, table_of

from cardiolens.cohorts.labels.choices import LabelChoices
from cardiolens.cohorts.ukb.labelling import COUNTRIES, parse_censoring, visit_labels
from cardiolens.errors import BadOption

A, B, C = PEOPLE
VISITS = {"53-2.0": ["2015-06-01"] * 3}
LATE = parse_censoring(["2022-10-31"])
BEFORE, AFTER = "2012-01-01", "2017-01-01"


def _labels(table, person=(0, 1, 2), instance=(2, 2, 2), ended=LATE):
    return visit_labels(table, np.array(person), np.array(instance), LabelChoices(), ended)


def _af(table, **places) -> list[tuple[float, float, float]]:
    """af, af_prevalent, af_incident_5y of every visit; -1 where unknown."""
    found = _labels(table, **places).columns[["af", "af_prevalent", "af_incident_5y"]]
    return [tuple(row) for row in found.fillna(-1).to_numpy().tolist()]


CASES = {"41270-0.0": ["I489", "I48", "J00"], "41280-0.0": [BEFORE, AFTER, BEFORE]}


def test_before_after_and_never_are_told_apart(tmp_path):
    found = _labels(table_of(tmp_path, VISITS | CASES))
    assert _af(table_of(tmp_path, VISITS | CASES)) == [(1, 1, -1), (1, 0, 1), (0, 0, 0)]
    assert found.reasons == [{}, {}, {}]
    assert found.columns["af_days"].tolist()[:2] == [(date(2012, 1, 1) - date(2015, 6, 1)).days, 580]
    assert (found.columns["followup_days"] == (date(2022, 10, 31) - date(2015, 6, 1)).days).all()


def test_labels_follow_the_person_and_the_visit_not_the_row(tmp_path):
    cells = CASES | {"53-2.0": ["2015-06-01"] * 3, "53-3.0": ["2018-06-01"] * 3}
    table = table_of(tmp_path, cells, people=(C, A, B))
    assert _af(table, person=(2, 0, 1, 0), instance=(2, 3, 2, 2)) == [(1, 1, -1), (1, 1, -1), (0, 0, 0), (1, 0, 1)]


def test_the_order_of_the_visits_changes_nothing(tmp_path):
    cells = CASES | {"53-2.0": ["2015-06-01", "2016-06-01", ""], "53-3.0": ["2014-06-01", "2019-06-01", "2020-06-01"]}
    cells |= {"40000-0.0": ["", "2019-02-01", "2021-01-01"], "191-0.0": ["2016-01-01"], "54-0.0": [11004, 11010, 11003]}
    table = table_of(tmp_path, cells | {"34-0.0": [2013, 1950, 1960]})
    ended = parse_censoring(["2022-10-31", "Wales=2020-01-01"])
    person, instance = np.array([0, 0, 1, 1, 2, 2]), np.array([2, 3, 2, 3, 2, 3])
    straight = _labels(table, person, instance, ended)
    for order in ([5, 4, 3, 2, 1, 0], [2, 5, 0, 3, 1, 4]):
        mixed = _labels(table, person[order], instance[order], ended)
        pd.testing.assert_frame_equal(mixed.columns, straight.columns.iloc[order].reset_index(drop=True))
        assert mixed.reasons == [straight.reasons[k] for k in order]
    assert [bool(reason) for reason in straight.reasons] == [True, True, False, True, True, False]


def test_who_is_in_no_table_is_unknown(tmp_path):
    table = read(csv_of(tmp_path / "main.csv", VISITS | CASES, people=(A, B, C)), people=(A, B, C + 1))
    assert _af(table)[2] == (-1, -1, -1)
    assert _labels(table).reasons[2] == {}


def test_who_is_in_a_table_without_diagnoses_alone_is_unknown_and_not_healthy(tmp_path):
    csv_of(tmp_path / "a.csv", VISITS | {"31-0.0": [0, 1, 1]})
    csv_of(tmp_path / "b.csv", CASES, people=(A, B))
    found = _af(read(tmp_path / "a.csv", tmp_path / "b.csv"))
    assert found == [(1, 1, -1), (1, 0, 1), (-1, -1, -1)]


def test_people_of_a_second_table_of_the_same_columns_keep_their_diagnoses(tmp_path):
    csv_of(tmp_path / "a.csv", VISITS | {"41270-0.0": ["J00"], "41280-0.0": [BEFORE]}, people=(A,))
    csv_of(tmp_path / "b.csv", VISITS | {"41270-0.0": ["I48", "I48"], "41280-0.0": [BEFORE, AFTER]}, people=(B, C))
    assert _af(read(tmp_path / "a.csv", tmp_path / "b.csv")) == [(0, 0, 0), (1, 1, -1), (1, 0, 1)]


def test_cells_that_say_nan_are_nobodys_first_occurrence(tmp_path):
    cells = VISITS | {"41270-0.0": ["J00"] * 3, "41280-0.0": [BEFORE] * 3, "131350-0.0": ["nan", "NA", "None"]}
    assert _af(table_of(tmp_path, cells)) == [(0, 0, 0)] * 3


@pytest.mark.parametrize("day", ["1900-01-01", "1901-01-01", "1902-02-02", "1903-03-03", "1909-09-09", "2037-07-07", ""])
def test_placeholders_and_missing_days_leave_open_when_it_came(tmp_path, day):
    cells = VISITS | {"41270-0.0": ["I48", "J00"], "41280-0.0": [day, BEFORE], "131350-0.0": ["", "", day]}
    expected = (0, 0, 0) if not day else (1, -1, -1)
    assert _af(table_of(tmp_path, cells)) == [(1, -1, -1), (0, 0, 0), expected]


def test_a_day_before_birth_is_no_day(tmp_path):
    cells = (
        VISITS | CASES | {"34-0.0": [1950, 1950, 1950], "52-0.0": [6, 6, 6], "41280-0.0": ["1950-05-31", "1950-06-01", BEFORE]}
    )
    assert _af(table_of(tmp_path, cells)) == [(1, -1, -1), (1, 1, -1), (0, 0, 0)]


def test_a_repeated_visit_before_the_first_leaves_both_without_days(tmp_path):
    cells = CASES | {"53-2.0": ["2015-06-01"] * 3, "53-3.0": ["2014-06-01", "2015-06-01", "2018-06-01"]}
    table = table_of(tmp_path, cells)
    places = {"person": (0, 0, 1, 1, 2, 2), "instance": (2, 3, 2, 3, 2, 3)}
    assert _af(table, **places) == [(1, -1, -1), (1, -1, -1), (1, 0, 1), (1, 0, 1), (0, 0, 0), (0, 0, -1)]
    reasons = _labels(table, **places).reasons
    assert (
        reasons[0]
        == reasons[1]
        == {"labels": "the repeated visit is dated before the first one: what depends on dates is unknown"}
    )
    assert reasons[2:] == [{}] * 4


def test_a_visit_without_a_date_has_only_the_disease(tmp_path):
    table = table_of(tmp_path, CASES | {"53-2.0": ["", "2015-06-01", ""]})
    assert _af(table) == [(1, -1, -1), (1, 0, 1), (0, -1, -1)]
    assert [bool(reason) for reason in _labels(table).reasons] == [True, False, True]
    assert _labels(table).reasons[0]["labels"].startswith("the table has no date of the visit")


def test_the_second_visit_of_a_person_without_a_row_for_it_is_undated(tmp_path):
    table = table_of(tmp_path, VISITS | CASES)
    assert _af(table, person=(1, 1), instance=(2, 3)) == [(1, 0, 1), (1, -1, -1)]
    assert "no date" in _labels(table, person=(1, 1), instance=(2, 3)).reasons[1]["labels"]


def test_a_death_before_the_visit_leaves_only_the_disease_and_says_why(tmp_path):
    table = table_of(tmp_path, VISITS | CASES | {"40000-0.0": ["2015-05-02", "2018-01-01", ""]})
    assert _af(table) == [(1, -1, -1), (1, 0, 1), (0, 0, 0)]
    found = _labels(table)
    assert found.reasons[0]["labels"].startswith("death is dated 30 days before the ECG")
    assert found.columns["followup_days"].tolist()[1] == (date(2018, 1, 1) - date(2015, 6, 1)).days


def test_who_was_lost_is_followed_until_then(tmp_path):
    table = table_of(tmp_path, VISITS | CASES | {"191-0.0": ["", "", "2016-06-01"]})
    assert _af(table) == [(1, 1, -1), (1, 0, 1), (0, 0, -1)]
    assert _labels(table).columns["followup_days"].tolist()[2] == 366


def test_records_end_by_country(tmp_path):
    table = table_of(tmp_path, VISITS | CASES | {"54-0.0": [11004, 11003, 11010]})
    found = _labels(table, ended=parse_censoring(["2022-10-31", "Scotland=2021-08-31", "wales=2018-02-28"]))
    ends = [date(2021, 8, 31), date(2018, 2, 28), date(2022, 10, 31)]
    assert found.columns["followup_days"].tolist() == [(end - date(2015, 6, 1)).days for end in ends]
    assert found.censored == {"England": "2022-10-31", "Scotland": "2021-08-31", "Wales": "2018-02-28"}


def test_without_a_day_given_records_end_with_the_last_one_recorded(tmp_path):
    cells = VISITS | CASES | {"131306-0.0": ["2037-07-07", "2019-03-04"]}
    found = _labels(table_of(tmp_path, cells), ended={"Wales": date(2018, 2, 28)})
    assert found.censored == {"England": "2019-03-04", "Scotland": "2019-03-04", "Wales": "2018-02-28"}


def test_records_that_hold_nothing_at_all_follow_nobody(tmp_path):
    found = _labels(table_of(tmp_path, VISITS | {"41270-0.0": ["", "", ""], "41280-0.0": []}), ended={})
    assert (found.columns["af"] == 0).all()
    assert found.columns["followup_days"].isna().all()
    assert found.columns["af_incident_5y"].isna().all()
    assert found.censored == {}


def test_a_table_without_diagnoses_makes_no_labels(tmp_path):
    found = _labels(table_of(tmp_path, VISITS | {"31-0.0": [0, 1, 1]}))
    assert found.columns.shape == (3, 0)
    assert found.reasons == [{}, {}, {}]


@pytest.mark.parametrize("code", ["4109", "410.9", "84114006", "G573.", "I25.1 Atherosclerotic heart disease"])
def test_codes_of_another_system_are_refused_however_many_first_occurrences_there_are(tmp_path, code):
    firsts = {
        f"{field}-0.0": [BEFORE] for field in (131296, 131298, 131300, 131302, 131304, 131306, 131338, 131350, 131354, 130708)
    }
    with pytest.raises(BadOption, match="field 41270: found codes such as"):
        _labels(table_of(tmp_path, VISITS | firsts | {"41270-0.0": [code, ""], "41280-0.0": [BEFORE]}))


def test_what_was_censored_is_parsed_for_one_country_or_all():
    assert parse_censoring([]) == {}
    assert parse_censoring(["2022-10-31"]) == dict.fromkeys(COUNTRIES, date(2022, 10, 31))
    assert parse_censoring(["Scotland=2021-08-31"]) == {"Scotland": date(2021, 8, 31)}
    assert parse_censoring(["2022-10-31", "WALES=2018-02-28"])["Wales"] == date(2018, 2, 28)


@pytest.mark.parametrize("text", ["", "yesterday", "31/10/2022", "2022-13-01", "France=2022-10-31", "Scotland=", "Scotland"])
def test_no_day_or_no_country_is_refused(text):
    with pytest.raises(BadOption, match="--censor"):
        parse_censoring([text])


def test_labels_are_numbers_in_the_order_of_the_visits(tmp_path):
    found = _labels(table_of(tmp_path, VISITS | CASES), person=(2, 0), instance=(2, 2))
    assert list(found.columns.index) == [0, 1]
    assert set(found.columns.dtypes) == {np.dtype("float64")}
    np.testing.assert_array_equal(found.columns["af"], [0, 1])
    assert np.isnan(found.columns["af_days"][0])
    assert pd.notna(found.columns["af_days"][1])
    assert found.columns["hf"].tolist() == [0, 0]
