"""Rules one by one at their edges, and all of them against a slow implementation on random records."""

from datetime import date, timedelta
from math import isnan, nan

import numpy as np
import pandas as pd
import pytest

from cardiolens.cohorts.labels.code_sets import CODE_SETS, Disease
from cardiolens.cohorts.labels.labels import LabelRules, label_visits
from cardiolens.errors import BadOption

AF = Disease("af", ("I48",))
ECG = date(2015, 6, 1)
LATE = date(2022, 10, 31)


def day(after_ecg: int) -> date:
    return ECG + timedelta(days=after_ecg)


def visit_table(rows: list[dict[str, object]], index: list[int] | None = None) -> pd.DataFrame:
    usual = {"person": 1, "ecg_day": ECG, "known": True, "censored_day": LATE, "death_day": None}
    table = pd.DataFrame([usual | row for row in rows], index=index, columns=list(usual))
    return table.assign(**{name: as_days(table[name]) for name in usual if name.endswith("day")})


def event_table(rows: list[tuple[object, str, date | None]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["person", "code", "day"])
    return table.assign(day=as_days(table["day"]))


def as_days(dates: pd.Series) -> pd.Series:
    return pd.Series(np.array([np.datetime64(one, "s") for one in dates], "datetime64[s]"), index=dates.index)


def labelled(*days: date | None, rules: LabelRules | None = None, **visit: object) -> dict[str, float]:
    """The labels of one visit of a person who has atrial fibrillation coded on these days."""
    found = label_visits(visit_table([visit]), event_table([(1, "I48", one) for one in days]), [AF], rules or LabelRules())
    return found.columns.iloc[0].to_dict()


def test_without_events_a_known_person_has_nothing_and_is_followed_to_the_end_of_the_records():
    expected = {"af": 0, "af_prevalent": 0, "af_incident_5y": 0, "af_days": nan, "followup_days": (LATE - ECG).days}
    assert labelled() == pytest.approx(expected, nan_ok=True)


def test_a_person_outside_the_records_is_unknown_and_not_healthy():
    assert all(isnan(value) for value in labelled(known=False).values())


def test_an_event_of_a_person_outside_the_records_is_one_all_the_same():
    found = labelled(day(-3), known=False)
    assert (found["af"], found["af_prevalent"], found["af_days"]) == (1, 1, -3)
    found = labelled(day(3), known=False)
    assert found["af"] == 1
    assert isnan(found["af_prevalent"])
    assert isnan(found["af_incident_5y"])


@pytest.mark.parametrize(("after", "prevalent", "incident"), [(-1, 1, nan), (0, 1, nan), (1, 0, 1), (1826, 0, 1), (1827, 0, 0)])
def test_the_first_event_decides_between_prevalent_incident_and_too_late(after, prevalent, incident):
    expected = {"af": 1, "af_prevalent": prevalent, "af_incident_5y": incident, "af_days": after}
    assert {name: labelled(day(after))[name] for name in expected} == pytest.approx(expected, nan_ok=True)


def test_the_first_of_several_events_counts_in_whatever_order_they_stand():
    assert labelled(day(900), day(-7), day(30))["af_days"] == -7
    assert labelled(day(4000), day(20))["af_incident_5y"] == 1


def test_times_of_day_decide_nothing():
    visits = visit_table([{}]).assign(ecg_day=pd.to_datetime(["2015-06-01 09:30"]))
    events = event_table([(1, "I48", ECG)]).assign(day=pd.to_datetime(["2015-06-01 17:00"]))
    assert label_visits(visits, events, [AF], LabelRules()).columns["af_days"].tolist() == [0]


def test_an_undated_event_leaves_open_when_it_came():
    found = labelled(None)
    assert found["af"] == 1
    assert isnan(found["af_prevalent"])
    assert isnan(found["af_incident_5y"])
    assert isnan(found["af_days"])


def test_an_undated_event_beside_a_later_one_leaves_open_which_was_first():
    found = labelled(None, day(100))
    assert isnan(found["af_prevalent"])
    assert isnan(found["af_incident_5y"])
    assert found["af_days"] == 100


def test_an_undated_event_beside_an_earlier_one_changes_nothing():
    assert labelled(None, day(-100))["af_prevalent"] == 1


@pytest.mark.parametrize(("after", "incident"), [(1825, nan), (1826, 0), (1827, 0)])
def test_who_is_not_followed_to_the_horizon_is_unknown(after, incident):
    found = labelled(censored_day=day(after))
    assert found["af_incident_5y"] == pytest.approx(incident, nan_ok=True)
    assert found["af_prevalent"] == 0
    assert found["followup_days"] == after


def test_an_event_within_the_horizon_counts_although_the_records_end_before_it():
    assert labelled(day(100), censored_day=day(200))["af_incident_5y"] == 1


def test_who_died_without_the_disease_is_no_new_case():
    found = labelled(death_day=day(400))
    assert found["af_incident_5y"] == 0
    assert found["followup_days"] == 400


def test_a_death_after_the_end_of_the_records_does_not_fill_the_gap():
    found = labelled(death_day=day(400), censored_day=day(300))
    assert isnan(found["af_incident_5y"])
    assert found["followup_days"] == 300


def test_a_disease_first_known_by_the_death_is_a_new_case():
    assert labelled(day(400), death_day=day(400))["af_incident_5y"] == 1


def test_death_on_the_day_of_the_ecg_is_no_error():
    found = labelled(death_day=ECG)
    assert (found["af_prevalent"], found["af_incident_5y"], found["followup_days"]) == (0, 0, 0)


@pytest.mark.parametrize(("after", "said"), [(-1, "1 day"), (-40, "40 days")])
def test_a_death_before_the_ecg_leaves_only_the_disease_and_says_why(after, said):
    visits = visit_table([{"person": 2}, {"death_day": day(after)}], index=[7, 7])
    found = label_visits(visits, event_table([(1, "I48", day(-50))]), [AF], LabelRules())
    assert found.reasons == {1: f"death is dated {said} before the ECG"}
    last = found.columns.iloc[1]
    assert last["af"] == 1
    assert last.drop("af").isna().all()
    assert found.columns.iloc[0]["followup_days"] > 0


def test_without_a_day_of_the_ecg_only_the_disease_is_known():
    for days, ever in (((), 0), ((day(-50),), 1), ((None,), 1)):
        found = labelled(*days, ecg_day=None)
        assert found.pop("af") == ever
        assert all(isnan(value) for value in found.values())


def test_records_that_end_before_the_ecg_cannot_say_that_nothing_came_by_then():
    found = labelled(censored_day=day(-1))
    assert found["af"] == 0
    assert isnan(found["af_prevalent"])
    assert isnan(found["followup_days"])
    assert labelled(day(-9), censored_day=day(-1))["af_prevalent"] == 1
    assert labelled(censored_day=ECG)["af_prevalent"] == 0


def test_records_without_a_known_end_follow_nobody_but_the_dead():
    found = labelled(censored_day=None)
    assert found["af_prevalent"] == 0
    assert isnan(found["af_incident_5y"])
    assert isnan(found["followup_days"])
    assert labelled(censored_day=None, death_day=day(9))["af_incident_5y"] == 0


def test_codes_are_matched_by_their_beginning_or_whole_as_the_disease_says():
    visits = visit_table([{"person": 1}, {"person": 2}])
    events = event_table([(1, "I48", day(-1)), (2, "I489", day(-1))])
    for disease, expected in ((AF, [1, 1]), (Disease("af", ("I48",), exact=True), [1, 0])):
        assert label_visits(visits, events, [disease], LabelRules()).columns["af"].tolist() == expected


def test_two_visits_of_one_person_are_labelled_from_the_same_events():
    visits = visit_table([{}, {"ecg_day": day(1000)}])
    found = label_visits(visits, event_table([(1, "I48", day(500))]), [AF], LabelRules()).columns
    assert found["af"].tolist() == [1, 1]
    assert found["af_prevalent"].tolist() == [0, 1]
    assert found["af_days"].tolist() == [500, -500]


def test_columns_are_numbers_indexed_as_the_visits():
    visits = visit_table([{"person": "b"}, {"person": "a"}], index=[40, 2])
    found = label_visits(visits, event_table([("a", "I48", day(1))]), CODE_SETS["customary"].diseases, LabelRules()).columns
    assert list(found.index) == [40, 2]
    assert set(found.dtypes) == {np.dtype("float64")}
    assert list(found)[:4] == ["af", "af_prevalent", "af_incident_5y", "af_days"]
    assert len(found.columns) == 4 * 7 + 1
    assert found["af"].tolist() == [0, 1]


def test_no_events_and_no_visits_give_empty_labels():
    found = label_visits(visit_table([]).astype({"known": bool}), event_table([(1, "I48", ECG)]), [AF], LabelRules())
    assert found.columns.shape == (0, 5)


def test_numbers_and_text_for_persons_are_never_compared():
    with pytest.raises(AssertionError, match="two types"):
        label_visits(visit_table([{"person": "1"}]), event_table([(1, "I48", ECG)]), [AF], LabelRules())


def test_two_diseases_of_one_name_are_never_merged():
    with pytest.raises(AssertionError, match="one name"):
        label_visits(visit_table([{}]), event_table([]), [AF, AF], LabelRules())


@pytest.mark.parametrize(("years", "suffix", "days"), [(5.0, "5y", 1826), (2.5, "2_5y", 913), (10.0, "10y", 3652)])
def test_the_horizon_names_its_column_and_ends_on_a_whole_day(years, suffix, days):
    rules = LabelRules(years)
    assert labelled(day(days), rules=rules)[f"af_incident_{suffix}"] == 1
    assert labelled(day(days + 1), rules=rules)[f"af_incident_{suffix}"] == 0


@pytest.mark.parametrize("years", [0.0, -1.0, nan, 101.0])
def test_a_horizon_that_cannot_be_is_refused(years):
    with pytest.raises(BadOption, match="horizon_years"):
        LabelRules(years)


@pytest.mark.parametrize("seed", range(8))
def test_random_records_are_labelled_as_by_the_rules_read_one_by_one(seed):
    rng = np.random.default_rng(seed)
    visits, events = random_visits(rng, num=250), random_events(rng, num=500)
    rules = LabelRules(float(rng.choice([0.5, 2.5, 5.0])))
    diseases = [*CODE_SETS["customary"].diseases, Disease("af_whole", ("I480", "I489"), exact=True)]
    found = label_visits(visit_table(visits), event_table(events), diseases, rules)
    expected = [slow_labels(visit, events, diseases, rules) for visit in visits]
    pd.testing.assert_frame_equal(found.columns, pd.DataFrame(expected, dtype="float64"))
    backwards = {k for k, one in enumerate(visits) if one["ecg_day"] and one["death_day"] and one["death_day"] < one["ecg_day"]}
    assert set(found.reasons) == backwards
    assert backwards


def random_day(rng: np.random.Generator, missing: float, spread: int = 30) -> date | None:
    """Few different days, so that equal ones and those at the horizon occur."""
    choices = [-400, -1, 0, 1, 182, 183, 913, 914, 1826, 1827, 2500]
    return None if rng.random() < missing else day(int(rng.choice(choices)) + int(rng.integers(-1, 2)) * spread)


def random_visits(rng: np.random.Generator, num: int) -> list[dict[str, object]]:
    return [
        {
            "person": int(rng.integers(0, 150)),
            "ecg_day": day(int(rng.choice([0, 0, 0, 30, 400]))) if rng.random() < 0.9 else None,
            "known": bool(rng.random() < 0.85),
            "censored_day": random_day(rng, 0.05) if rng.random() < 0.5 else LATE,
            "death_day": random_day(rng, 0.7),
        }
        for _ in range(num)
    ]


def random_events(rng: np.random.Generator, num: int) -> list[tuple[object, str, date | None]]:
    codes = ["I48", "I480", "I489", "I252", "I251", "I214", "I471", "I472", "R960", "E119", "O244", "I110", "I119", "J459"]
    return [(int(rng.integers(0, 200)), str(rng.choice(codes)), random_day(rng, 0.15)) for _ in range(num)]


def slow_labels(visit, events, diseases, rules) -> dict[str, float]:
    found: dict[str, float] = {}
    ecg, end, death, known = visit["ecg_day"], visit["censored_day"], visit["death_day"], visit["known"]
    usable = ecg is not None and not (death is not None and death < ecg)
    stops = [one for one in (end, death) if one is not None]
    last = min(stops) if stops else None
    for disease in diseases:
        mine = [one for person, code, one in events if person == visit["person"] and is_case(code, disease)]
        dated = sorted(one for one in mine if one is not None)
        prevalent, incident, days = nan, nan, nan
        if usable:
            days = (dated[0] - ecg).days if dated else nan
            if dated and dated[0] <= ecg:
                prevalent = 1.0
            elif known and len(dated) == len(mine) and not (end is not None and end < ecg):
                prevalent = 0.0
        if prevalent == 0:
            horizon = ecg + timedelta(days=int(rules.horizon_years * 365.25))
            if dated:
                incident = 1.0 if dated[0] <= horizon else 0.0
            elif (death is not None and last == death) or (last is not None and last >= horizon):
                incident = 0.0
        found[disease.name] = 1.0 if mine else (0.0 if known else nan)
        found[f"{disease.name}_prevalent"] = prevalent
        found[f"{disease.name}_{rules.incident}"] = incident
        found[f"{disease.name}_days"] = days
    followed = (last - ecg).days if usable and known and last is not None and last >= ecg else nan
    return found | {"followup_days": followed}


def is_case(code: str, disease: Disease) -> bool:
    return any(code == one if disease.exact else code[: len(one)] == one for one in disease.codes)
