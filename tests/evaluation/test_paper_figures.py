import numpy as np
import pandas as pd
import pytest
from decoded import pixels
from scipy.stats import t as student

from cardiolens.errors import BadRun
from cardiolens.evaluation.canvas import BLUE, VERMILION
from cardiolens.evaluation.comparison import compare
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.paper_figures import (
    FIGURE_4_COLUMNS,
    low_data_curves,
    low_data_summary,
    model_bars,
    phenotype_scatters,
)
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS, PHENOTYPES

LV = tuple(p.column for p in PHENOTYPES if p.group == "LV")


def _share(png: bytes, colour: str) -> float:
    wanted = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)])
    return float((np.abs(pixels(png) - wanted).max(axis=2) < 12).mean())


def _results(methods: tuple[str, ...] = ("Supervised", "MMCL"), seeds: tuple[int, ...] = (0, 1, 2)) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        {"method": method, "column": column, "metric": "auroc", "seed": seed, "train_size": size, "value": value}
        for k, method in enumerate(methods)
        for column in ("cad", "af")
        for size in (17, 170, 1700)
        for seed in seeds
        for value in (0.55 + 0.05 * np.log10(size) + 0.02 * k + rng.normal(0, 0.01),)
    ]
    table = pd.DataFrame(rows)
    return table.assign(low=table["value"] - 0.03, high=table["value"] + 0.03)


def test_figure_four_has_twenty_phenotypes_each_once():
    assert len(set(FIGURE_4_COLUMNS)) == len(FIGURE_4_COLUMNS) == 20
    assert set(FIGURE_4_COLUMNS) <= set(PHENOTYPE_COLUMNS)


def test_a_grid_holds_the_columns_that_somebody_measured(predictions):
    table = predictions(methods=("MMCL",), values=LV[:5], diseases=())
    few = pixels(phenotype_scatters(table[table["column"] != LV[4]], method="MMCL", seed=0))
    more = pixels(phenotype_scatters(table, method="MMCL", seed=0))
    assert more.shape[1] == few.shape[1]
    assert more.shape[0] > few.shape[0]
    unknown = table.assign(target=table["target"].where(table["column"] != LV[4]))
    assert pixels(phenotype_scatters(unknown, method="MMCL", seed=0)).shape == few.shape


def test_many_subjects_are_shown_by_density(predictions):
    tables = [predictions(methods=("MMCL",), values=LV[:1], diseases=(), subjects=n) for n in (1500, 1800)]
    # A tenth of the values is unknown: the first has fewer than 1,500 points, the second more.
    darkest = [_share(phenotype_scatters(table, method="MMCL", seed=0), "#00263d") for table in tables]
    assert darkest[0] == 0
    assert darkest[1] > 0


def test_the_regression_line_needs_targets_that_vary(predictions):
    table = predictions(methods=("MMCL",), values=LV[:1], diseases=())
    flat = table.assign(target=table["target"].where(table["target"].isna(), 50.0))
    assert _share(phenotype_scatters(table, method="MMCL", seed=0), VERMILION) > 0
    assert _share(phenotype_scatters(flat, method="MMCL", seed=0), VERMILION) == 0


def test_a_method_that_measured_nothing_is_refused(predictions):
    with pytest.raises(BadRun, match="no known values of 'BYOL', seed 0, on the split 'test'"):
        phenotype_scatters(predictions(), method="BYOL", seed=0)


def test_the_band_is_students_interval_of_the_mean_over_seeds():
    results = _results()
    row = low_data_summary(results).query("method == 'MMCL' and column == 'af' and train_size == 170").squeeze()
    values = results.query("method == 'MMCL' and column == 'af' and train_size == 170")["value"]
    expected = student.interval(0.95, 2, loc=values.mean(), scale=values.std(ddof=1) / np.sqrt(3))
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((values.mean(), *expected))
    assert row["seeds"] == 3


def test_the_band_of_one_seed_is_its_own_interval():
    results = _results(seeds=(4,))
    found = low_data_summary(results)
    np.testing.assert_allclose(found[["mean", "low", "high"]], results[["value", "low", "high"]])


def test_a_seed_without_a_value_is_not_passed_over():
    results = _results()
    results.loc[0, "value"] = np.nan
    assert np.isnan(low_data_summary(results)["mean"].iloc[0])
    assert low_data_curves(results)


def test_low_data_curves_have_a_panel_per_disease():
    results = _results()
    one, two = (pixels(low_data_curves(part)) for part in (results[results["column"] == "cad"], results))
    assert two.shape[1] - one.shape[1] == pytest.approx(2.4 * 220, abs=3)


def test_the_last_method_comes_out_in_the_same_colour_however_many_there_are():
    shares = [_share(low_data_curves(_results(methods)), BLUE) for methods in (("MMCL",), ("a", "MMCL"), (*"abcdefg", "MMCL"))]
    assert min(shares) > 0.5 * max(shares) > 0


def test_no_results_draw_no_curves():
    with pytest.raises(BadRun, match="no results by number of training subjects"):
        low_data_curves(_results().iloc[:0])


def test_bars_show_groups_and_diseases_in_panels_of_their_own(predictions):
    metrics = evaluate(predictions(methods=("ECG only", "TCL"), seeds=(0, 1), values=LV, diseases=("cad", "hf")))
    both = compare(metrics, published=(), shown=("mean_r2", "auroc"))
    one = pixels(model_bars(both[both["metric"] == "auroc"]))
    two = pixels(model_bars(both))
    assert two.shape[1] == one.shape[1]
    assert two.shape[0] - one.shape[0] == pytest.approx(2.4 * 220, abs=3)


def test_a_bar_grows_with_its_value(predictions):
    metrics = evaluate(predictions(methods=("TCL", "ECG only"), values=(), diseases=("cad",)))
    found = compare(metrics, published=())
    of_tcl = found["method"] == "TCL"
    shares = [_share(model_bars(found.assign(mean=found["mean"].where(~of_tcl, value))), BLUE) for value in (0.6, 0.7)]
    assert shares[1] > 1.5 * shares[0]


def test_a_comparison_without_groups_and_diseases_draws_no_bars(predictions):
    metrics = evaluate(predictions(values=("age_years",), diseases=()))
    with pytest.raises(BadRun, match="without R2 of groups and AUC of diseases"):
        model_bars(compare(metrics, published=()))
