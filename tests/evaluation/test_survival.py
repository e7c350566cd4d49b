import numpy as np
import pandas as pd
import pytest

from cardiolens.cohorts.labels.code_sets import Disease
from cardiolens.cohorts.labels.labels import LabelRules, label_visits
from cardiolens.evaluation.survival import follow_up, kaplan_meier, log_rank, num_at_risk, tertiles

# What lifelines 0.30.0 (pandas 3.1.1) says of these thirty: KaplanMeierFitter().fit(DAYS, EVENT) and
# multivariate_logrank_test(DAYS, GROUP, EVENT).
DAYS = np.array([5, 7, 1, 1, 4, 10, 5, 5, 17, 37, 20, 1, 14, 1, 7, 6, 19, 3, 2, 9, 1, 1, 7, 5, 11, 3, 3, 12, 11, 2.0])
EVENT = np.array([1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1]) == 1
GROUP = np.arange(30) % 3
DATED = ("af_days", "af_prevalent", "followup_days")
LIFELINES = {
    1: (0.866667, 0.682769, 0.947751), 2: (0.830556, 0.639317, 0.925841), 3: (0.792803, 0.594783, 0.901444),
    4: (0.751077, 0.545224, 0.873641), 5: (0.625897, 0.412576, 0.780365), 7: (0.529605, 0.316192, 0.704061),
    9: (0.476645, 0.265892, 0.660678), 11: (0.357484, 0.161813, 0.559348), 12: (0.297903, 0.117957, 0.503537),
    14: (0.238322, 0.079424, 0.443973), 17: (0.178742, 0.046666, 0.380094), 19: (0.119161, 0.020779, 0.310933),
    20: (0.059581, 0.004090, 0.235383),
}  # fmt: skip


def _cohort(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in DATED} | columns).astype(dict.fromkeys(DATED, "float64"))


def test_only_those_free_of_the_disease_are_followed():
    nan = np.nan
    cohort = _cohort(
        #        falls ill, never, had it, undated, no records, records end before the diagnosis, died on the day
        af_days=[400.0, nan, -20.0, nan, nan, 900.0, nan],
        af_prevalent=[0, 0, 1, nan, 0, 0, 0],
        followup_days=[1000, 800, 1000, 1000, nan, 700, 0],
    )
    found = follow_up(cohort, "af")
    assert found.row.tolist() == [0, 1, 5, 6]
    assert found.days.tolist() == [400, 800, 700, 0]
    assert found.event.tolist() == [True, False, False, False]
    assert found.note.startswith("4 people free of the disease at the ECG, of whom 1 fell ill; left out are 1 who had it, 1 of")
    assert found.note.endswith("1 without a known follow-up")


def test_the_first_visit_counts():
    cohort = _cohort(
        subject=["a", "a", "b"], af_days=[900.0, 100.0, np.nan], af_prevalent=[0, 0, 0], followup_days=[1000, 200, 500]
    )
    found = follow_up(cohort, "af")
    assert found.row.tolist() == [0, 2]
    assert found.days.tolist() == [900, 500]


@pytest.mark.parametrize("cohort", [pd.DataFrame({"af": [0.0]}), _cohort(), _cohort(**{name: [np.nan] for name in DATED})])
def test_a_cohort_without_dates_says_so(cohort):
    found = follow_up(cohort, "af")
    assert found.note.startswith("no dates: ")
    assert len(found.row) == len(found.days) == len(found.event) == 0


def test_a_synthetic_cohort_has_no_dates(tiny_cohort):
    found = follow_up(pd.read_parquet(tiny_cohort.path / "subjects.parquet"), "af")
    assert found.note == "no dates: the table has no column af_days"


def test_labels_of_visits_are_what_is_read():
    day = pd.to_datetime("2015-01-01").to_datetime64()
    visits = pd.DataFrame({"person": [1, 2, 3], "known": True, "ecg_day": day, "death_day": pd.NaT})
    visits["censored_day"] = day + np.timedelta64(1000, "D")
    events = pd.DataFrame({"person": [1, 3], "code": ["I480", "I480"], "day": [day + np.timedelta64(d, "D") for d in (30, -5)]})
    labels = label_visits(visits, events, [Disease("af", ("I48",))], LabelRules()).columns
    found = follow_up(labels, "af")
    assert (found.row.tolist(), found.days.tolist(), found.event.tolist()) == ([0, 1], [30, 1000], [True, False])


def test_kaplan_meier_is_that_of_lifelines():
    found = kaplan_meier(DAYS, EVENT)
    assert found.days.tolist() == [*LIFELINES, 37]
    np.testing.assert_allclose(np.stack([found.free, found.low, found.high])[:, :-1].T, [*LIFELINES.values()], atol=1e-6)
    assert found.free[-1] == 0
    assert np.isnan([found.low[-1], found.high[-1]]).all()


def test_the_log_rank_test_is_that_of_lifelines():
    found = log_rank(DAYS, EVENT, GROUP)
    assert (found.chi_square, found.p_value) == pytest.approx((2.450588406648307, 0.29367128854354174), rel=1e-9)
    assert found.freedom == 2


def test_the_log_rank_test_does_not_depend_on_the_names_of_the_groups():
    other = log_rank(DAYS, EVENT, np.array([7, -2, 30])[GROUP])
    assert other.chi_square == pytest.approx(log_rank(DAYS, EVENT, GROUP).chi_square, rel=1e-9)


def test_equal_rates_are_told_apart_as_rarely_as_promised():
    rng = np.random.default_rng(0)
    repeats, wrong = 800, 0
    for _ in range(repeats):
        days, group = rng.exponential(size=90), rng.integers(3, size=90)
        wrong += log_rank(np.minimum(days, 1.0), days < 1.0, group).p_value < 0.05
    assert abs(wrong / repeats - 0.05) < 3.5 * np.sqrt(0.05 * 0.95 / repeats)


def test_without_events_or_groups_nothing_is_tested():
    nobody = np.zeros(4, dtype=bool)
    assert np.isnan(log_rank(np.arange(4.0), nobody, np.arange(4)).p_value)
    assert np.isnan(log_rank(np.arange(4.0), ~nobody, np.zeros(4, dtype=int)).p_value)
    assert len(kaplan_meier(np.arange(4.0), nobody).days) == 0


def test_who_is_censored_on_a_day_was_at_risk_on_it():
    assert num_at_risk(np.array([1.0, 2.0, 2.0, 5.0]), np.array([0.0, 2.0, 2.5, 6.0])).tolist() == [4, 3, 1, 0]


def test_tertiles_are_thirds_and_keep_equal_scores_together():
    assert np.bincount(tertiles(np.random.default_rng(1).normal(size=300))).tolist() == [100, 100, 100]
    together = tertiles(np.repeat([0.1, 0.2, 0.9], [50, 30, 20]))
    assert [len(set(together[part])) for part in (slice(0, 50), slice(50, 80), slice(80, 100))] == [1, 1, 1]
    assert tertiles(np.ones(5)).tolist() == [0] * 5
