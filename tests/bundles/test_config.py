from dataclasses import replace

import numpy as np
import pytest

from cardiolens.bundles.config import HeadCard, Measurement
from cardiolens.tasks import TaskKind
from cardiolens.uncertainty import RiskMap


def test_a_score_becomes_a_calibrated_probability_without_overflow(tiny_config):
    card = tiny_config.head("d")
    (calibration,) = card.calibration
    scores = np.array([[0.0], [1.0], [-5000.0], [5000.0]])
    expected = 1 / (1 + np.exp(-(calibration.slope * scores[:2] + calibration.intercept)))
    probabilities = card.answers(scores)
    np.testing.assert_allclose(probabilities[:2], expected)
    np.testing.assert_array_equal(probabilities[2:], [[0.0], [1.0]])


def test_a_standardised_value_becomes_a_value_in_its_unit(tiny_config):
    np.testing.assert_allclose(tiny_config.head("p").answers(np.array([[1.0, -2.0]])), [[150 + 30, 60 - 2 * 10]])


@pytest.mark.parametrize(
    ("training_data", "subjects"),
    [("Trained on 5975 synthetic hearts only", "synthetic hearts"), ("Trained on 4000 subjects", "people"),
     ("Trained on Synthetic hearts, then on 300 patients", "synthetic hearts")],
)  # fmt: skip
def test_synthetic_hearts_are_not_called_people(tiny_config, training_data, subjects):
    assert replace(tiny_config, training_data=training_data).subjects == subjects


def test_a_calibration_that_reverses_scores_is_refused():
    with pytest.raises(ValueError, match="slope above zero"):
        RiskMap(slope=-1.0, intercept=0.0)


def test_a_classification_with_the_scale_of_a_regression_is_refused():
    with pytest.raises(ValueError, match="one entry per column"):
        HeadCard("d", TaskKind.CLASSIFICATION, ("d",), ("D",), ("",), (1.0,), (1.0,), (RiskMap(1.0, 0.0),), (0.1,))


@pytest.mark.parametrize("value", [0.9, float("nan")])
def test_a_figure_outside_its_interval_is_refused(value):
    with pytest.raises(ValueError, match="outside its interval"):
        Measurement("d", "d", "auc", value, 0.7, 0.8, subjects=100, events=7, cohort="test")
