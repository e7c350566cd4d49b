import numpy as np
import pandas as pd
import pytest

from cardiolens.evaluation.disclosure import FEWEST, cases_of, hidden_levels, publishable


@pytest.mark.parametrize(
    ("counts", "hidden"),
    [
        ([20, 30, 40], [False, False, False]),
        ([5, 30, 40], [True, True, False]),  # the total less 30 less 40 would tell
        ([2, 4, 30, 40], [True, True, True, False]),  # six people together are a few themselves
        ([6, 7, 30, 40], [True, True, False, False]),
        ([0, 30, 40], [False, False, False]),
        ([0, 5, 30, 40], [True, True, True, False]),  # nobody is no company
        ([5, 40], [True, True]),
    ],
)
def test_what_is_few_takes_others_with_it(counts, hidden):
    assert hidden_levels(np.array(counts)[:, None]).tolist() == hidden


def test_every_total_is_looked_at():
    counts = np.array([[20, 30, 40], [9, 50, 60]]).T
    assert hidden_levels(counts).tolist() == [True, True, False]


def test_who_is_hidden_anyway_is_company():
    few = np.array([True, False, False])
    assert hidden_levels(np.array([[50, 60, 70]]).T, few).tolist() == [True, False, False]


def test_of_any_counts_nothing_few_follows():
    rng = np.random.default_rng(0)
    for _ in range(500):
        counts = rng.integers(0, 40, (rng.integers(2, 6), rng.integers(1, 4)))
        hidden = hidden_levels(counts)
        for total in counts.T:
            few = (total > 0) & (total < FEWEST)
            assert not (few & ~hidden).any()
            together = total[hidden & (total > 0)]
            # All that is left of a total may be hidden and still be few: then the total itself is.
            assert not (few.any() and len(together) < 2) or hidden.all()
            assert not few.any() or together.sum() >= FEWEST or hidden.all()


def test_cases_in_words():
    assert [cases_of(e, n) for e, n in ((40, 1200), (3, 1200), (0, 1200), (1195, 1200))] == [
        "40 of 1,200", "under 10 of 1,200", "0 of 1,200", "nearly all 1,200",
    ]  # fmt: skip


def test_a_few_cases_follow_from_no_number_of_a_file():
    rows = [
        ("auroc", 0.712345, 6),
        ("prevalence", 0.05, 6),
        ("brier", 0.04, 115),
        ("prevalence", 0.25, 30),
        ("r", 0.612345, pd.NA),
    ]
    numbers = pd.DataFrame(rows, columns=["metric", "value", "events"]).assign(n=120, low=np.nan).astype({"events": "Int64"})
    shown = publishable(numbers)
    assert shown["events"].isna().tolist() == [True, True, True, False, True]
    assert shown["value"].tolist() == pytest.approx([0.71, np.nan, np.nan, 0.25, 0.612345], nan_ok=True)
    assert numbers["events"].notna().sum() == 4, "the numbers themselves stay"


def test_of_a_few_people_nothing_is_told():
    numbers = pd.DataFrame({"metric": ["mae", "mae"], "value": [3.2, 3.1], "low": 2.0, "n": [7, 70], "events": pd.NA})
    shown = publishable(numbers)
    assert shown["value"].isna().tolist() == shown["n"].isna().tolist() == shown["low"].isna().tolist() == [True, False]


def test_tables_without_cases_stay_as_they_are():
    numbers = pd.DataFrame({"threshold": [0.1], "n": [5]})
    pd.testing.assert_frame_equal(publishable(numbers), numbers)
