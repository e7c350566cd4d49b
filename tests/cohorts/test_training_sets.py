import numpy as np
import pandas as pd
import pytest

from cardiolens.cohorts.training_sets import (
    EVERYBODY,
    binary_columns,
    draw_training_sets,
    equal_classes,
    members,
    subset_sizes,
    without_rows,
)

KEY = b"key"


def _subjects(number, *, cases=5):
    rows = np.arange(number)
    return pd.DataFrame(
        {
            "subject": [f"s{row}" for row in rows], "visit": 0, "split": np.where(rows % 4, "train", "test"), "has_cmr": True,
            "sex": "F", "age_years": 50.0 + rows, "cad": (rows % cases == 0).astype(float),
        }
    )  # fmt: skip


def _members(sets, name):
    return members(sets[name].to_numpy())


def test_a_balanced_set_holds_all_training_positives_and_as_many_negatives():
    subjects = _subjects(200)
    chosen = _members(draw_training_sets(subjects, KEY, {}), "cad")
    train, cad = (subjects["split"] == "train").to_numpy(), subjects["cad"].to_numpy()
    assert set(np.flatnonzero(train & (cad == 1))) <= set(chosen)
    assert train[chosen].all()
    assert cad[chosen].sum() == len(chosen) / 2


def test_every_beginning_of_a_balanced_set_is_balanced():
    subjects = _subjects(200)
    chosen = _members(draw_training_sets(subjects, KEY, {}), "cad")
    share = subjects["cad"].to_numpy()[chosen].cumsum() - (np.arange(len(chosen)) + 1) / 2
    assert np.abs(share).max() <= 0.5


def test_where_positives_are_the_more_all_negatives_are_taken():
    subjects = _subjects(200).assign(cad=lambda table: 1 - table["cad"])
    chosen = _members(draw_training_sets(subjects, KEY, {}), "cad")
    assert len(chosen) == 2 * ((subjects["split"] == "train") & (subjects["cad"] == 0)).sum()


def test_the_order_of_those_who_stay_is_kept_when_others_join():
    before, after = (_subjects(number) for number in (200, 300))
    small, large = (draw_training_sets(table, KEY, {}) for table in (before, after))
    for name in (EVERYBODY, "cad"):
        old = [before["subject"][row] for row in _members(small, name)]
        new = [after["subject"][row] for row in _members(large, name)]
        both = [subject for subject in new if subject in set(old)]
        positives = set(before.loc[before["cad"] == 1, "subject"])
        assert [s for s in both if s in positives] == [s for s in old if s in positives and s in set(new)]


def test_another_key_draws_others():
    first, second = (draw_training_sets(_subjects(200), key, {}) for key in (b"one", b"two"))
    assert set(_members(first, "cad")) != set(_members(second, "cad"))


def test_visits_of_a_subject_follow_each_other():
    twice = pd.concat([_subjects(40), _subjects(40).assign(visit=1)], ignore_index=True)
    order = _members(draw_training_sets(twice, KEY, {}), EVERYBODY)
    names = twice["subject"].to_numpy()[order]
    assert (names[::2] == names[1::2]).all()


def test_only_columns_of_zeros_and_ones_are_labels():
    table = _subjects(40).assign(af=np.nan, dm=0.0, lvm_g=100.0, mi=lambda t: t["cad"].where(t["age_years"] > 55))
    assert binary_columns(table) == ["cad", "mi"]


def test_unknown_labels_are_in_no_balanced_set():
    table = _subjects(200)
    table.loc[::3, "cad"] = np.nan
    chosen = _members(draw_training_sets(table, KEY, {}), "cad")
    assert table["cad"].notna().to_numpy()[chosen].all()


def test_a_label_without_cases_to_train_on_has_no_set():
    table = _subjects(40).assign(cad=lambda t: (t["split"] == "test").astype(float))
    assert list(draw_training_sets(table, KEY, {})) == [EVERYBODY]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (4000, {"50%": 2000, "10%": 400, "1%": 40}),
        (1600, {"50%": 800, "10%": 160, "1%": 16}),
        (1549, {"50%": 774, "256": 256, "64": 64, "16": 16}),
        (400, {"50%": 200, "256": 256, "64": 64, "16": 16}),
        (60, {"50%": 30, "16": 16}),
    ],
)
def test_small_sets_are_cut_by_count(size, expected):
    assert subset_sizes(size) == expected


def test_sets_that_were_drawn_elsewhere_stand():
    given = np.full(40, -1, np.int32)
    given[[7, 3]] = [0, 1]
    sets = draw_training_sets(_subjects(40), KEY, {"cad": given})
    assert list(_members(sets, "cad")) == [7, 3]


def test_removed_rows_leave_no_gap_and_change_no_order():
    sets = draw_training_sets(_subjects(200), KEY, {})
    kept = np.ones(200, dtype=bool)
    kept[::7] = False
    left = without_rows(sets, kept)
    new_number = np.cumsum(kept) - 1
    for name in sets:
        assert list(_members(left, name)) == [new_number[row] for row in _members(sets, name) if kept[row]]


def test_of_a_set_the_usable_are_taken_alike_from_both_classes():
    order, labels = np.array([4, 9, 2, 7, 1, 3]), np.array([1.0, 0, 1, 0, 1, 0])
    usable = np.array([True, True, False, True, True, True])
    assert list(equal_classes(order, labels, usable=usable)) == [4, 9, 7, 1]
