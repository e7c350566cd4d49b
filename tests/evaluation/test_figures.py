import numpy as np
import pandas as pd
import pytest
from decoded import pixels

from cardiolens.evaluation.canvas import drawing
from cardiolens.evaluation.comparison import compare
from cardiolens.evaluation.figures import cohort_moments, method_intervals, phenotype_profile, training_curves
from cardiolens.evaluation.metrics import evaluate
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS


def _differs(one: bytes, other: bytes) -> bool:
    first, second = pixels(one), pixels(other)
    return first.shape != second.shape or bool((first != second).any())


def test_intervals_are_drawn_for_measured_and_published_methods(predictions):
    metrics = evaluate(predictions())
    assert _differs(method_intervals(compare(metrics, published=())), method_intervals(compare(metrics)))


def test_curves_have_a_panel_per_loss_and_one_per_validation_number():
    rows = [
        {"run": run, "epoch": epoch, "metric": metric, "value": 1.0 / epoch}
        for run in ("MDM", "MMCL")
        for epoch in (1, 2, 3)
        for metric in ("train_loss", "select_loss", "select_cad_auc", "select_cad_loss")
    ]
    curves = pd.DataFrame(rows)
    three, two = (pixels(training_curves(part)) for part in (curves, curves[curves["metric"] != "select_cad_auc"]))
    assert three.shape[1] == pytest.approx(two.shape[1] + 2.6 * 130, abs=3)


def test_a_profile_shows_predicted_beside_measured(predictions):
    moments = cohort_moments(predictions(methods=("MDM",), values=PHENOTYPE_COLUMNS, subjects=20))
    values = dict.fromkeys(PHENOTYPE_COLUMNS, 55.0)
    assert _differs(phenotype_profile(values, moments), phenotype_profile(values, moments, reference={"lvedv_ml": 40.0}))


def test_moments_count_a_subject_once_however_many_methods_there_are(predictions):
    table = predictions(values=("lvedv_ml",))
    once = table[(table["method"] == "MDM") & (table["column"] == "lvedv_ml")]["target"]
    found = cohort_moments(table).loc["lvedv_ml"]
    assert found["mean"] == pytest.approx(np.nanmean(once))
    assert found["sd"] == pytest.approx(once.std())


def test_a_drawing_leaves_no_style_behind():
    import matplotlib

    before = matplotlib.rcParams["font.size"]
    with drawing(1.0, 1.0) as canvas:
        canvas.figure.text(0.5, 0.5, "x")
    assert matplotlib.rcParams["font.size"] == before
    assert pixels(canvas.png).shape == (130, 130, 3)
