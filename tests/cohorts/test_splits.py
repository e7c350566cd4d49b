import numpy as np
import pytest

from cardiolens.cohorts.splits import SPLIT_SHARES, balanced_rows, split_of
from cardiolens.errors import BadOption


def test_shares_of_the_splits_are_as_promised():
    splits = [split_of(f"subject-{k}", b"key") for k in range(8_000)]
    for split, share in SPLIT_SHARES.items():
        assert abs(splits.count(split) / 8_000 - share) < 4 * np.sqrt(share * (1 - share) / 8_000)


def test_a_subject_keeps_its_split_in_every_version():
    splits = [split_of(f"subject-{k}", b"key") for k in range(11)]
    assert splits == ["train", "select", "train", "train", "test", "train", "train", "select", "train", "train", "calibrate"]


def test_another_key_gives_another_division():
    splits = [[split_of(f"subject-{k}", key) for k in range(200)] for key in (b"one", b"two")]
    assert splits[0] != splits[1]


def test_a_balanced_set_holds_every_positive_and_as_many_negatives():
    rows = np.arange(100, 200)
    labels = np.zeros(100)
    labels[[3, 50, 77]] = 1
    labels[10:40] = np.nan
    kept = balanced_rows(rows, labels, seed=0)
    assert len(kept) == 6
    assert {103, 150, 177} <= set(kept)
    assert not set(kept) & set(range(110, 140))
    assert (np.diff(kept) > 0).all()


def test_negatives_are_drawn_once_per_seed():
    rows, labels = np.arange(100), (np.arange(100) < 10).astype(float)
    assert (balanced_rows(rows, labels, seed=1) == balanced_rows(rows, labels, seed=1)).all()
    assert (balanced_rows(rows, labels, seed=1) != balanced_rows(rows, labels, seed=2)).any()


def test_a_label_of_one_class_is_refused():
    with pytest.raises(BadOption, match="0 positive and 5 negative"):
        balanced_rows(np.arange(5), np.zeros(5), seed=0)
