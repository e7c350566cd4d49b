import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.metrics import roc_curve

from cardiolens.evaluation.predictions import check_predictions
from cardiolens.evaluation.risks import calibrated_risks, youden_threshold


def of_split(
    split: str, *, subjects: int, seeds: tuple[int, ...] = (0, 1), method: str = "MMCL", start: int = 0
) -> pd.DataFrame:
    """Scores that are log odds plus 3, times 2: as from a balanced training set, and too sure of themselves."""
    rng = np.random.default_rng(len(split) + start)
    truth = rng.normal(-2, 1, subjects)
    target = (rng.random(subjects) < expit(truth)).astype(float)
    names = [f"{start + k:012x}" for k in range(subjects)]
    return pd.concat(
        pd.DataFrame(
            {
                "run": f"{method}-{seed}", "method": method, "seed": seed, "task": "cad", "column": "cad", "split": split,
                "subject": names, "target": target, "score": 2 * (truth + 3) + rng.normal(0, 0.1, subjects),
            }
        )
        for seed in seeds
    )  # fmt: skip


@pytest.fixture
def predictions() -> pd.DataFrame:
    parts = [of_split("calibrate", subjects=1500, start=10**6), of_split("select", subjects=1500, start=2 * 10**6)]
    return pd.concat([*parts, of_split("test", subjects=4000)], ignore_index=True)


def test_risks_mean_what_they_say_though_the_scores_did_not(predictions):
    (risks,) = calibrated_risks(check_predictions(predictions))
    assert (risks.method, risks.column, risks.seeds, len(risks.subjects)) == ("MMCL", "cad", (0, 1), 4000)
    assert risks.mean.mean() == pytest.approx(risks.positive.mean(), abs=0.02)
    assert [fitted.slope for fitted in risks.maps] == pytest.approx([0.5, 0.5], abs=0.08)


def test_nothing_about_the_test_subjects_moves_the_map_or_the_threshold(predictions):
    (risks,) = calibrated_risks(check_predictions(predictions))
    tested = predictions["split"] == "test"
    turned = predictions.assign(target=predictions["target"].where(~tested, 1 - predictions["target"]))
    (other,) = calibrated_risks(check_predictions(turned))
    assert np.array_equal(other.probability, risks.probability)
    assert np.array_equal(other.threshold, risks.threshold)


def test_a_method_that_was_not_asked_about_the_calibration_subjects_has_no_risks(predictions):
    other = of_split("test", subjects=4000, method="MDM")
    both = pd.concat([predictions, other], ignore_index=True)
    assert [risks.method for risks in calibrated_risks(check_predictions(both))] == ["MMCL"]


def test_subjects_of_unknown_status_have_no_risk(predictions):
    unknown = (predictions["split"] == "test") & predictions["subject"].isin([f"{k:012x}" for k in range(100)])
    (risks,) = calibrated_risks(check_predictions(predictions.assign(target=predictions["target"].mask(unknown))))
    assert len(risks.subjects) == 3900
    assert f"{5:012x}" not in risks.subjects


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_is_youdens(seed):
    rng = np.random.default_rng(seed)
    positive = rng.random(200) < 0.3
    probability = np.round(expit(rng.normal(positive, 1.0)), 2)  # with ties
    chosen = youden_threshold(probability, positive)
    found = probability >= chosen
    false_positives, sensitivity, _ = roc_curve(positive, probability, drop_intermediate=False)
    best = (sensitivity - false_positives).max()
    assert found[positive].mean() - found[~positive].mean() == pytest.approx(best)


def test_without_cases_there_is_no_threshold():
    assert np.isnan(youden_threshold(np.linspace(0, 1, 5), np.zeros(5, bool)))
