import numpy as np
import pandas as pd
import pytest

from cardiolens.errors import BadCohort
from cardiolens.evaluation.comparison import (
    ORACLE_METHOD,
    compare,
    comparison_table,
    oracle_predictions,
    with_differences,
)
from cardiolens.evaluation.differences import differences, holm
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.published import MMCL
from cardiolens.evaluation.rendering import Mark, as_text
from cardiolens.imaging.phenotype_table import PHENOTYPES

LV = tuple(p.column for p in PHENOTYPES if p.group == "LV")


def _metrics(values: dict[str, tuple[float, ...]]) -> pd.DataFrame:
    rows = [
        {"method": method, "seed": seed, "task": "cad", "split": "test", "column": "cad", "metric": "auroc", "value": value}
        for method, of_seeds in values.items()
        for seed, value in enumerate(of_seeds)
    ]
    return pd.DataFrame(rows).assign(low=0.5, high=0.9, n=100, events=pd.array([9] * len(rows), dtype="Int64"))


def _marks(metrics: pd.DataFrame) -> dict[str, Mark]:
    table = comparison_table(compare(metrics, published=()))
    return {row[0].text: row[1].mark for block in table.blocks for row in block.rows}


def test_the_best_is_bold_and_the_second_underlined():
    found = _marks(_metrics({"a": (0.70,), "b": (0.74,), "c": (0.72,)}))
    assert found == {"a": Mark.NONE, "b": Mark.BEST, "c": Mark.SECOND}


def test_methods_that_read_alike_are_marked_alike():
    found = _marks(_metrics({"a": (0.7401,), "b": (0.7404,), "c": (0.72,)}))
    assert found == {"a": Mark.BEST, "b": Mark.BEST, "c": Mark.SECOND}


def test_one_method_alone_is_not_called_best():
    assert _marks(_metrics({"a": (0.7,)})) == {"a": Mark.NONE}


def test_a_method_without_a_value_has_a_dash_and_no_mark():
    table = comparison_table(compare(_metrics({"a": (np.nan,), "b": (0.7,), "c": (0.6,)}), published=()))
    cells = {row[0].text: row[1] for row in table.blocks[0].rows}
    assert (cells["a"].text, cells["a"].mark) == ("–", Mark.NONE)
    assert cells["b"].mark is Mark.BEST


def test_one_seed_shows_its_interval_and_several_their_spread():
    table = comparison_table(compare(_metrics({"one": (0.7,), "three": (0.70, 0.72, 0.74)}), published=()))
    one, three = (row[1] for row in table.blocks[0].rows)
    assert (one.text, one.detail) == ("0.700", "(0.50 to 0.90)")
    assert (three.text, three.detail) == ("0.720 ± 0.020", "")


def test_columns_stand_in_the_papers_order_with_n_and_cases(predictions):
    metrics = evaluate(predictions(diseases=("gout", "dm", "cad"), values=(*LV, "age_years")))
    table = comparison_table(compare(metrics, published=()))
    assert [cell.text for cell in table.header] == ["Method", "CAD", "DM", "gout", "LV", "age_years"]
    assert table.header[1].detail == "(30 of 120)"


def test_a_phenotype_stands_alone_where_its_group_is_incomplete(predictions):
    compared = compare(evaluate(predictions(diseases=(), values=LV[:2])), published=())
    assert set(compared["column"]) == set(LV[:2])


def test_published_values_show_only_where_something_was_measured(predictions):
    compared = compare(evaluate(predictions(values=())), published=(MMCL,))
    published = compared[compared["origin"] == "published"]
    assert list(zip(published["column"], published["mean"], published["sd"], strict=True)) == [("cad", 0.73, 0.003)]
    assert published["rank"].isna().all()


def test_explained_variance_stands_beside_r_where_it_is_asked_for(predictions):
    metrics = evaluate(predictions(values=(*LV, "age_years")))
    table = comparison_table(compare(metrics, published=(), shown=("mean_r2", "mean_r", "r2")))
    assert [cell.text for cell in table.header] == ["Method", "LV, mean R²", "LV, mean r", "age_years"]


def test_differences_stand_in_a_block_of_their_own_with_interval_and_adjusted_p(predictions):
    table = predictions(diseases=("cad", "af"), values=LV, methods=("supervised", "MDM", "MMCL"))
    found = differences(table, reference="MMCL", rng=np.random.default_rng(0), resamples=50)
    # Those to another method, of a method or of a column that is not compared have no place.
    other = found.assign(reference="BYOL")
    plain = compare(evaluate(table[table["column"] != "af"]), published=())
    both = with_differences(plain, pd.concat([other, found.assign(method="BYOL"), found]), reference="MMCL")
    block = comparison_table(both).blocks[1]
    assert block.heading == "Difference to MMCL"
    assert [row[0].text for row in block.rows] == ["supervised", "MDM"]
    row = found[(found["method"] == "MDM") & (found["column"] == "cad")].iloc[0]
    cell = block.rows[1][1]
    assert cell.text == f"−{-row['difference']:.3f}"
    assert f"(−{-row['low']:.3f} to " in cell.detail
    shown = both[both["origin"] == "difference"]
    np.testing.assert_array_equal(shown["p_holm"], holm(shown["p"].to_numpy()))
    assert len(shown) == 4
    assert "adjusted by Holm" in comparison_table(both).note
    pd.testing.assert_frame_equal(both.loc[both["origin"] != "difference", plain.columns], plain)


def test_a_comparison_without_such_differences_comes_back_as_it_is(predictions):
    table = predictions(methods=("MDM", "MMCL"))
    found = differences(table, reference="MMCL", rng=np.random.default_rng(0), resamples=50)
    plain = compare(evaluate(table), published=())
    assert with_differences(plain, found, reference="MDM") is plain


def test_the_oracle_ranks_by_the_true_risk(predictions):
    rng = np.random.default_rng(0)
    risk = rng.random(400)
    subjects = pd.DataFrame(
        {
            "subject": [f"{k:012x}" for k in range(400)],
            "split": np.where(np.arange(400) < 300, "test", "train"),
            "cad": pd.array(np.where(np.arange(400) == 0, None, rng.random(400) < risk), dtype="Float64"),
            "true_risk_cad": risk,
            "true_risk_af": risk,
        }
    )
    compared = compare(evaluate(predictions()), oracle=oracle_predictions(subjects), published=())
    row = compared[compared["origin"] == "oracle"].squeeze()
    assert row["method"] == ORACLE_METHOD
    assert row["n"] == 299
    assert row["mean"] == pytest.approx(5 / 6, abs=0.06)  # of a uniform risk
    assert "Truth of this synthetic cohort, which chance may exceed" in as_text(comparison_table(compared))
    assert "a method may lie above it" in comparison_table(compared).note
    assert "a method may lie above it" not in comparison_table(compared[compared["origin"] != "oracle"]).note


def test_a_real_cohort_has_no_oracle():
    with pytest.raises(BadCohort, match="no true risks"):
        oracle_predictions(pd.DataFrame({"subject": ["a"], "split": ["test"], "cad": [1.0]}))


def test_the_oracle_reads_phenotypes_without_an_error_and_strains_as_the_wall_moves(tiny_cohort):
    oracle = evaluate(oracle_predictions(tiny_cohort.subjects)[lambda rows: rows["split"] == "train"])
    r = oracle[oracle["metric"] == "mean_r"].set_index("column")["value"]
    assert r["LV"] == pytest.approx(1)
    assert 0.6 < r["Ecc"] < 0.99
    assert 0.6 < r["Err"] < 0.99
