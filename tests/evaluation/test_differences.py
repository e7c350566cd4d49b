import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from cardiolens.errors import BadRun
from cardiolens.evaluation.delong import auroc_difference
from cardiolens.evaluation.differences import DIFFERENCE_COLUMNS, differences, holm, shared_subjects
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.regression import pearson_r
from cardiolens.evaluation.seeds import over_seeds
from cardiolens.imaging.phenotype_table import PHENOTYPES

RV = tuple(p.column for p in PHENOTYPES if p.group == "RV")
BOUND = 3.5


def _found(predictions: pd.DataFrame, **how: object) -> pd.DataFrame:
    settings = {"reference": "MMCL", "rng": np.random.default_rng(0), "resamples": 400} | how
    return differences(predictions, **settings)


def _row(table: pd.DataFrame, method: str, column: str, metric: str) -> pd.Series:
    chosen = table[(table["method"] == method) & (table["column"] == column) & (table["metric"] == metric)]
    assert len(chosen) == 1, table
    return chosen.iloc[0]


def _table(scores: dict[str, np.ndarray], target: np.ndarray, column: str) -> pd.DataFrame:
    subjects = [f"{k:012x}" for k in range(len(target))]
    names = {"run": "r", "task": "t", "column": column, "split": "test", "subject": subjects, "target": target}
    return pd.concat(
        [
            pd.DataFrame(names | {"method": m, "seed": k, "score": one})
            for m, rows in scores.items()
            for k, one in enumerate(rows)
        ]
    )


def test_the_differences_are_those_of_the_means_over_seeds(predictions):
    table = predictions(seeds=(0, 1, 2), values=(*RV, "lvedv_ml", "age_years"))
    found, means = _found(table), over_seeds(evaluate(table), split="test").set_index(["method", "column", "metric"])["mean"]
    assert tuple(found.columns) == DIFFERENCE_COLUMNS
    wanted = {("cad", "auroc"), ("RV", "mean_r"), ("lvedv_ml", "r"), ("age_years", "r")}
    assert set(zip(found["column"], found["metric"], strict=True)) == wanted
    assert set(found["method"]) == {"supervised", "MDM"}
    for _, row in found.iterrows():
        pair = (row["column"], row["metric"])
        assert row["difference"] == pytest.approx(means[(row["method"], *pair)] - means[("MMCL", *pair)])
        assert row["low"] < row["difference"] < row["high"]
        assert (row["p"] < 0.05) == (row["low"] * row["high"] > 0)
    assert set(found["seeds"]) == {3}


def test_explained_variance_is_compared_where_it_is_asked_for(predictions):
    table = predictions(seeds=(0, 1), values=RV, diseases=())
    means = over_seeds(evaluate(table), split="test").set_index(["method", "column", "metric"])["mean"]
    row = _row(_found(table, metrics=("mean_r2",)), "MDM", "RV", "mean_r2")
    assert row["difference"] == pytest.approx(means[("MDM", "RV", "mean_r2")] - means[("MMCL", "RV", "mean_r2")])


def test_areas_have_the_variance_of_placements_averaged_over_seeds():
    rng = np.random.default_rng(1)
    positive = rng.random(50) < 0.4
    scores = {name: np.round(rng.normal(size=(seeds, 50)) + positive, 1) for name, seeds in (("a", 3), ("b", 2))}
    by_case, by_control = np.zeros(positive.sum()), np.zeros((~positive).sum())
    for name, sign in (("a", 1), ("b", -1)):
        for row in scores[name]:
            wins = np.array([[(x > y) + 0.5 * (x == y) for y in row[~positive]] for x in row[positive]])
            by_case += sign * wins.mean(axis=1) / len(scores[name])
            by_control += sign * wins.mean(axis=0) / len(scores[name])
    of_cases, of_controls = by_case.var(ddof=1) / len(by_case), by_control.var(ddof=1) / len(by_control)
    freedom = (of_cases + of_controls) ** 2 / (of_cases**2 / (len(by_case) - 1) + of_controls**2 / (len(by_control) - 1))
    reach = student.ppf(0.975, freedom) * np.sqrt(of_cases + of_controls)
    row = _row(_found(_table(scores, positive.astype(float), "gout"), reference="b"), "a", "gout", "auroc")
    assert row["difference"] == pytest.approx(by_case.mean())
    assert (row["low"], row["high"]) == pytest.approx((by_case.mean() - reach, by_case.mean() + reach))
    assert (row["seeds"], row["n"]) == (2, 50)


def test_the_error_of_a_mean_r_agrees_with_the_influence_of_its_subjects(predictions):
    table = predictions(methods=("MDM", "MMCL"), seeds=(0, 1), values=RV, diseases=(), subjects=500)
    influence = {}
    for method, sign in (("MDM", 0.5), ("MMCL", -0.5)):
        for seed in (0, 1):
            one = table[(table["method"] == method) & (table["seed"] == seed)]
            score, target = (
                one.pivot_table(index="subject", columns="column", values=v, dropna=False) for v in ("score", "target")
            )
            influence[method, seed] = sign * pearson_r(score.to_numpy(), target.to_numpy()).influence.mean(axis=1)
    expected = np.sqrt((sum(influence.values()) ** 2).sum())
    row = _row(_found(table, resamples=2000), "MDM", "RV", "mean_r")
    assert (row["high"] - row["low"]) / (2 * norm.ppf(0.975)) == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize(("cases", "controls"), [(12, 120), (60, 200)])
def test_intervals_of_areas_cover_the_true_difference_as_often_as_they_say(cases, controls):
    rng = np.random.default_rng(2)
    positive, repeats, covered = np.arange(cases + controls) < cases, 400, 0
    # What a run adds to a method: the noise of its seed takes the area from that of the method to a lower one.
    shift, noise = np.sqrt(2) * norm.ppf([0.78, 0.70]), 0.5
    truth = np.diff(norm.cdf(shift / np.sqrt(2 * (1 + noise**2))))[0]
    for _ in range(repeats):
        shared = rng.normal(size=len(positive))
        first, second = (
            np.sqrt(0.5) * (shared + rng.normal(size=len(positive))) + delta * positive
            + noise * rng.normal(size=(3, len(positive)))
            for delta in shift
        )  # fmt: skip
        found = auroc_difference(second, first, positive).difference
        covered += found.low <= truth <= found.high
    assert abs(covered / repeats - 0.95) < BOUND * np.sqrt(0.95 * 0.05 / repeats)


def test_intervals_of_r_cover_the_true_difference_as_often_as_they_say():
    rng = np.random.default_rng(3)
    repeats, subjects, covered = 200, 100, 0
    # A seed's noise of variance 0.25 beside the method's own variance of one.
    truth = (0.5 - 0.7) / np.sqrt(1.25)
    for _ in range(repeats):
        target, shared = rng.normal(size=(2, subjects))
        scores = {}
        for method, r in (("a", 0.5), ("b", 0.7)):
            own = r * target + np.sqrt(1 - r**2) * (0.8 * shared + 0.6 * rng.normal(size=subjects))
            scores[method] = own + 0.5 * rng.normal(size=(2, subjects))
        row = _found(_table(scores, target, "age_years"), reference="b", rng=rng, resamples=200).iloc[0]
        covered += row["low"] <= truth <= row["high"]
    assert abs(covered / repeats - 0.95) < BOUND * np.sqrt(0.95 * 0.05 / repeats)


def test_pairing_narrows_what_is_left_open(predictions):
    table = predictions(methods=("MMCL",), values=("lvedv_ml",))
    near = table.assign(method="near", score=table["score"] + np.random.default_rng(4).normal(0, 0.5, len(table)))
    alone = evaluate(table).set_index("metric").loc["r"]
    row = _row(_found(pd.concat([table, near])), "near", "lvedv_ml", "r")
    assert row["high"] - row["low"] < 0.5 * (alone["high"] - alone["low"])


def test_a_method_against_its_double_differs_by_nothing_and_has_no_p(predictions):
    table = predictions(methods=("MMCL",), values=RV)
    found = _found(pd.concat([table, table.assign(method="double")]))
    assert (found["difference"].abs() < 1e-12).all()
    assert found[["low", "high", "p", "p_holm"]].isna().all(axis=None)


def test_unknown_targets_are_not_counted(predictions):
    table = predictions(methods=("MDM", "MMCL"), values=("lvedv_ml",))
    half = set(table["subject"].unique()[:60])
    unknown = table.assign(target=table["target"].where(table["subject"].isin(half)))
    pd.testing.assert_frame_equal(_found(unknown), _found(table[table["subject"].isin(half)]))


def test_only_columns_that_both_predict_are_compared(predictions):
    table = predictions(methods=("MDM", "MMCL"), values=RV)
    found = _found(table[(table["method"] == "MMCL") | (table["column"] != RV[0])])
    assert set(found.loc[found["metric"] == "r", "column"]) == set(RV[1:])
    assert "RV" not in set(found["column"])
    assert _found(table[(table["method"] == "MMCL") | (table["column"] == "cad")])["metric"].tolist() == ["auroc"]


def test_columns_may_have_different_numbers_of_seeds(predictions):
    table = predictions(methods=("MDM", "MMCL"), seeds=(0, 1, 2), diseases=("cad", "af"), values=("lvedv_ml", "age_years"))
    fewer = table[(table["method"] == "MMCL") | (table["seed"] < 2) | table["column"].isin(("cad", "lvedv_ml"))]
    found, all_seeds = _found(fewer), _found(table)
    assert dict(zip(found["column"], found["seeds"], strict=True)) == {"cad": 3, "af": 2, "lvedv_ml": 3, "age_years": 2}
    means = over_seeds(evaluate(fewer), split="test").set_index(["method", "column", "metric"])["mean"]
    for column, metric in (("af", "auroc"), ("age_years", "r")):
        expected = means[("MDM", column, metric)] - means[("MMCL", column, metric)]
        assert _row(found, "MDM", column, metric)["difference"] == pytest.approx(expected)
    for column, metric in (("cad", "auroc"), ("lvedv_ml", "r")):
        one, other = (_row(each, "MDM", column, metric)[["low", "high"]] for each in (found, all_seeds))
        assert one.tolist() == pytest.approx(other.tolist())


def test_nothing_known_leaves_no_number(predictions):
    found = _found(predictions(methods=("MDM", "MMCL"), values=RV).assign(target=np.nan))
    assert found[["difference", "low", "high", "p"]].isna().all(axis=None)
    assert set(found["n"]) == {0}


def test_the_same_generator_gives_the_same_table(predictions):
    table = predictions(values=RV)
    pd.testing.assert_frame_equal(_found(table), _found(table))


def test_adjusted_p_values_are_holms():
    found = holm(np.array([0.01, np.nan, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.03, np.nan, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.9, 0.6])), [1.0, 1.0])
    assert len(holm(np.array([]))) == 0


def test_the_whole_table_is_adjusted_together(predictions):
    found = _found(predictions(diseases=("cad", "af"), values=("lvedv_ml",)))
    np.testing.assert_array_equal(found["p_holm"], holm(found["p"].to_numpy()))
    assert (found["p_holm"] > found["p"]).any()


def test_other_subjects_on_one_side_are_refused(predictions):
    table = predictions(methods=("MDM", "MMCL"), values=())
    one = table["subject"].iloc[0]
    with pytest.raises(BadRun, match="'MDM' and 'MMCL' with different subjects or targets for 'cad'"):
        _found(table[(table["method"] == "MMCL") | (table["subject"] != one)])


def test_seeds_on_other_subjects_or_with_other_targets_are_refused(predictions):
    table = predictions(methods=("MDM", "MMCL"), seeds=(0, 1), values=())
    of_one_seed = (table["subject"] == table["subject"].iloc[0]) & (table["seed"] == 1)
    with pytest.raises(BadRun, match="seeds of 'MDM' that speak of different subjects for 'cad'"):
        _found(table[~of_one_seed])
    with pytest.raises(BadRun, match="seeds of 'MDM' with different targets"):
        _found(table.assign(target=np.where(of_one_seed, 1 - table["target"], table["target"])))


def test_two_tasks_that_predict_the_same_column_are_refused(predictions):
    table = predictions(methods=("MDM", "MMCL"), values=())
    with pytest.raises(BadRun, match="two tasks of 'MDM'"):
        _found(pd.concat([table, table[table["method"] == "MDM"].assign(task="joint")]))


@pytest.mark.parametrize(("reference", "split"), [("BYOL", "test"), ("MMCL", "select")])
def test_a_reference_that_says_nothing_is_refused(predictions, reference, split):
    with pytest.raises(BadRun, match=f"on the split '{split}'; expected '{reference}', to compare with"):
        _found(predictions(), reference=reference, split=split)


def test_methods_are_compared_on_the_subjects_that_all_of_them_answer():
    rows = [("A", "cad", "x"), ("A", "cad", "y"), ("B", "cad", "x"), ("A", "af", "y")]
    table = pd.DataFrame(rows, columns=["method", "column", "subject"]).astype("category")
    kept = shared_subjects(table)
    assert kept.to_numpy().tolist() == [["A", "cad", "x"], ["B", "cad", "x"], ["A", "af", "y"]]
