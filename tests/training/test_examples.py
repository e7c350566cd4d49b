from dataclasses import replace

import numpy as np
import pytest
from small_methods import AUTOENCODER, CONTRASTIVE, DUAL_PHASE, supervised, supervised_image

from cardiolens.cohorts.training_sets import draw_training_sets
from cardiolens.errors import BadOption
from cardiolens.training.config import DataConfig
from cardiolens.training.examples import target_scale, training_rows, usable_rows


def _with(cohort, **columns):
    subjects = cohort.subjects.assign(**columns)
    return replace(cohort, subjects=subjects, training_sets=draw_training_sets(subjects, b"key", {}))


def test_a_method_without_labels_learns_from_the_whole_training_split(tiny_cohort):
    np.testing.assert_array_equal(training_rows(tiny_cohort, AUTOENCODER, DataConfig()), tiny_cohort.rows("train"))


@pytest.mark.parametrize("method", [CONTRASTIVE, DUAL_PHASE, supervised_image("lv")], ids=lambda m: type(m).__name__)
def test_subjects_without_mri_are_left_out_where_one_is_needed(tiny_cohort, method):
    has_cmr = np.arange(len(tiny_cohort.subjects)) % 2 == 0
    rows = usable_rows(_with(tiny_cohort, has_cmr=has_cmr), method, "train")
    np.testing.assert_array_equal(rows, [row for row in tiny_cohort.rows("train") if row % 2 == 0])


def test_subjects_are_left_out_only_where_no_label_is_known(tiny_cohort):
    method = supervised("cad", "af")
    train = tiny_cohort.rows("train")
    cad, af = (tiny_cohort.values([name])[:, 0].copy() for name in ("cad", "af"))
    cad[train[:2]] = np.nan
    af[train[0]] = np.nan
    rows = usable_rows(_with(tiny_cohort, cad=cad, af=af), method, "train")
    np.testing.assert_array_equal(rows, train[1:])


def test_a_balanced_set_holds_all_positives_of_the_training_split_and_as_many_negatives(tiny_cohort):
    labels = (np.arange(len(tiny_cohort.subjects)) % 5 == 0).astype(float)
    cohort = _with(tiny_cohort, cad=labels)
    train = tiny_cohort.rows("train")
    rows = training_rows(cohort, supervised("cad"), DataConfig(balanced=True))
    assert set(rows) <= set(train)
    assert set(train[labels[train] == 1]) <= set(rows)
    assert labels[rows].mean() == 0.5
    np.testing.assert_array_equal(rows, training_rows(cohort, supervised("cad"), DataConfig(balanced=True)))
    other = training_rows(cohort, supervised("cad"), DataConfig(balanced=True, balance_seed=1))
    assert set(other) != set(rows)


def test_a_balanced_set_stays_balanced_where_some_have_no_mri(tiny_cohort, monkeypatch):
    labels = (np.arange(len(tiny_cohort.subjects)) % 3 == 0).astype(float)
    cohort = _with(tiny_cohort, cad=labels, has_cmr=np.arange(len(labels)) % 6 != 0)
    monkeypatch.setattr(type(supervised("cad")), "needs_images", True)
    method = supervised("cad")
    rows = training_rows(cohort, method, DataConfig(balanced=True))
    assert cohort.subjects["has_cmr"].to_numpy()[rows].all()
    assert labels[rows].mean() == 0.5


@pytest.mark.parametrize("seed", [0, 3])
def test_a_share_of_a_balanced_set_lies_within_a_larger_one(tiny_cohort, seed):
    cohort = _with(tiny_cohort, cad=(np.arange(len(tiny_cohort.subjects)) % 3 == 0).astype(float))
    small, large, whole = (
        training_rows(cohort, supervised("cad"), DataConfig(balanced=True, balance_seed=seed, share=share))
        for share in (0.25, 0.5, 1.0)
    )
    assert set(small) < set(large) < set(whole)
    assert len(large) == round(len(whole) / 2)


def test_a_smaller_share_is_part_of_a_larger_one_and_keeps_subjects_whole(tiny_cohort):
    # Rows 2k and 2k + 1 are two visits of one subject.
    pairs = [f"{row // 2:08x}" for row in range(len(tiny_cohort.subjects))]
    cohort = _with(tiny_cohort, subject=pairs, split="train")
    small, large = (training_rows(cohort, AUTOENCODER, DataConfig(share=share)) for share in (0.25, 0.5))
    assert set(small) < set(large)
    assert (len(small), len(large)) == (12, 24)
    assert all(row ^ 1 in set(small) for row in small)


def test_the_scale_counts_known_values_alone(tiny_cohort):
    method = supervised("rv")
    column = method.columns[0]
    values = tiny_cohort.values([column])[:, 0].copy()
    rows = tiny_cohort.rows("train")
    values[rows[:5]] = np.nan
    mean, sd = target_scale(_with(tiny_cohort, **{column: values}), method, rows)
    assert mean[0] == pytest.approx(values[rows[5:]].mean())
    assert sd[0] == pytest.approx(values[rows[5:]].std())
    assert np.isfinite(mean).all()


def test_a_column_without_any_value_has_no_scale(tiny_cohort):
    method = supervised("rv")
    mean, _ = target_scale(_with(tiny_cohort, **{method.columns[0]: np.nan}), method, tiny_cohort.rows("train"))
    assert np.isnan(mean[0])


def test_a_split_without_anyone_usable_is_refused(tiny_cohort):
    with pytest.raises(BadOption, match="nobody with an MRI in the split select"):
        usable_rows(_with(tiny_cohort, has_cmr=False), CONTRASTIVE, "select")
    with pytest.raises(BadOption, match="known label of cad"):
        usable_rows(_with(tiny_cohort, cad=np.nan), supervised("cad"), "train")


def test_a_method_that_reads_voltages_is_refused_where_one_is_unknown(tiny_cohort):
    scales = np.array(tiny_cohort.ecg_scale)
    scales[tiny_cohort.rows("train")[3]] = np.nan
    cohort = replace(tiny_cohort, ecg_scale=scales)
    reads = replace(supervised("cad"), scale_input=True)
    with pytest.raises(BadOption, match=r"no voltage scale noted for 1 of \d+ ECGs in the split train"):
        training_rows(cohort, reads, DataConfig())
    assert len(usable_rows(cohort, reads, "test")) == len(tiny_cohort.rows("test"))
    assert len(training_rows(cohort, supervised("cad"), DataConfig())) == len(tiny_cohort.rows("train"))
