from dataclasses import replace

import pytest
from fake_rows import fake_cohort

from cardiolens.cohorts.balance import odd_splits, split_balance


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return fake_cohort(tmp_path_factory.mktemp("balance") / "cohort", num_rows=400, visits=2)


def test_every_row_subject_and_case_is_counted_once(cohort):
    table = split_balance(cohort)
    assert list(table.index) == ["train", "select", "calibrate", "test"]
    assert table["rows"].sum() == 400
    assert table["subjects"].sum() == 200
    assert table["with_mri"].sum() == cohort.subjects["has_cmr"].sum()
    assert table["cad"].sum() == 80
    assert 40 < table.loc["train", "mean_age_years"] < 80
    assert table.loc["train", "women_percent"] == pytest.approx(50, abs=5)


def test_a_cohort_divided_by_chance_is_not_odd(cohort):
    assert odd_splits(cohort) == ()


def test_a_small_cohort_may_have_an_empty_split(tmp_path):
    table = split_balance(fake_cohort(tmp_path / "cohort", num_rows=2))
    assert table["rows"].sum() == 2
    assert (table["rows"] == 0).sum() >= 2


def test_cases_heaped_in_one_split_are_said(cohort):
    subjects = cohort.subjects.assign(cad=(cohort.subjects["split"] == "test").astype(float))
    heaped = f"test has {len(cohort.rows('test'))} cad"
    assert any(sentence.startswith(heaped) for sentence in odd_splits(replace(cohort, subjects=subjects)))


def test_a_split_of_the_wrong_size_is_said(cohort):
    subjects = cohort.subjects.assign(split="train")
    assert "train has 200 subjects where 140 are expected" in odd_splits(replace(cohort, subjects=subjects))
