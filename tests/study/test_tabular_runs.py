from dataclasses import replace

import numpy as np
import pytest

from cardiolens.cohorts.training_sets import draw_training_sets
from cardiolens.errors import BadOption
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.predictions import check_predictions
from cardiolens.study.tabular import tabular_runs


def _labelled(cohort, labels):
    subjects = cohort.subjects.assign(
        cad=labels.astype(float), split=np.resize(["train", "train", "select", "test"], len(labels))
    )
    return replace(cohort, subjects=subjects, training_sets=draw_training_sets(subjects, b"key", {}))


def test_what_age_tells_is_found_and_every_seed_answers(tiny_cohort):
    age = tiny_cohort.subjects["age_years"].to_numpy()
    cohort = _labelled(tiny_cohort, age > np.median(age))
    table = check_predictions(tabular_runs(cohort, [(cohort, "test")], ["cad"], (0, 101)))
    assert set(table["seed"]) == {0, 101}
    assert set(table["subject"]) == set(cohort.subjects["subject"][cohort.subjects["split"] == "test"])
    metrics = evaluate(table)
    assert metrics.loc[metrics["metric"] == "auroc", "value"].min() > 0.9


def test_validation_of_one_class_is_refused(tiny_cohort):
    labels = np.zeros(len(tiny_cohort.subjects), dtype=bool)
    labels[::4] = True  # every fourth is in train, none in select
    with pytest.raises(BadOption, match="cad of one class in validation"):
        tabular_runs(_labelled(tiny_cohort, labels), [(tiny_cohort, "test")], ["cad"], (0,))


def test_a_label_without_a_balanced_set_is_refused(tiny_cohort):
    cohort = _labelled(tiny_cohort, np.zeros(len(tiny_cohort.subjects), dtype=bool))
    with pytest.raises(BadOption, match="no balanced training set of cad"):
        tabular_runs(cohort, [(cohort, "test")], ["cad"], (0,))
