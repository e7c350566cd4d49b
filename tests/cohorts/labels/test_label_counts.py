import numpy as np
import pandas as pd
import pytest

from cardiolens.cohorts.labels.counts import as_text, label_counts

SUBJECTS = pd.DataFrame(
    [
        ("a", "test", "F", 59.9, 1.0),
        ("b", "train", "M", 60.0, 0.0),
        ("c", "train", None, 69.9, 0.0),
        ("d", "train", "F", np.nan, 1.0),
        ("e", "train", "M", 104.0, np.nan),
    ],
    columns=["subject", "split", "sex", "age_years", "af"],
)


def as_rows(counts: pd.DataFrame, group: str) -> list[tuple[str, int, int]]:
    lines = counts[counts["group"] == group]
    return list(zip(lines["value"], lines["known"], lines["cases"], strict=True))


def test_known_and_cases_are_counted_over_all_and_by_split_sex_and_age():
    counts = label_counts(SUBJECTS, ["af"])
    assert as_rows(counts, "all") == [("all", 4, 2)]
    assert as_rows(counts, "split") == [("train", 3, 1), ("test", 1, 1)]
    assert as_rows(counts, "sex") == [("F", 2, 2), ("M", 1, 0)]
    assert as_rows(counts, "age") == [("50-59", 1, 1), ("60-69", 2, 0), ("100-109", 0, 0)]


def test_prevalence_is_of_those_whose_label_is_known():
    counts = label_counts(SUBJECTS, ["af"]).set_index("value")["prevalence_percent"]
    assert counts["all"] == 50
    assert counts["train"] == pytest.approx(100 / 3)
    assert np.isnan(counts["100-109"])


def test_a_subject_with_two_visits_counts_once_and_is_a_case_where_one_visit_says_so():
    visits = pd.DataFrame({"subject": ["a", "a", "b", "b"], "split": "train", "af_prevalent": [0.0, 1.0, np.nan, 0.0]})
    assert as_rows(label_counts(visits, ["af_prevalent"]), "all") == [("all", 2, 1)]


def test_groups_whose_column_is_absent_or_empty_are_left_out():
    bare = SUBJECTS[["subject", "split", "af"]]
    assert set(label_counts(bare, ["af"])["group"]) == {"all", "split"}
    empty = bare.assign(sex=None, age_years=np.nan)
    pd.testing.assert_frame_equal(label_counts(empty, ["af"]), label_counts(bare, ["af"]))


def test_labels_that_the_cohort_lacks_are_left_out():
    assert set(label_counts(SUBJECTS, ["stroke", "af"])["label"]) == {"af"}
    assert label_counts(SUBJECTS, ["stroke"]).empty


def test_counts_are_whole_numbers():
    kinds = label_counts(SUBJECTS, ["af"]).dtypes
    assert (kinds["known"], kinds["cases"], kinds["prevalence_percent"]) == (np.int64, np.int64, np.float64)


def test_an_index_of_another_order_changes_nothing():
    moved = SUBJECTS.set_axis([9, 9, 1, 0, 4])
    pd.testing.assert_frame_equal(label_counts(moved, ["af"]), label_counts(SUBJECTS, ["af"]))


def test_the_text_has_a_line_per_label_and_a_column_per_group():
    text = as_text(label_counts(SUBJECTS.assign(cad=0.0), ["af", "cad"]))
    head, first, second = text.splitlines()
    names = ["known", "cases", "% all", "% train", "% test", "% F", "% M", "% 50-59", "% 60-69", "% 100-109"]
    assert head.split() == " ".join(names).split()
    assert first.split() == ["af", "4", "2", "50.00", "33.33", "100.00", "100.00", "0.00", "100.00", "0.00", "-"]
    assert second.split()[:4] == ["cad", "5", "0", "0.00"]


def test_no_labels_are_said_in_words():
    assert as_text(label_counts(SUBJECTS, [])) == "no labels"
