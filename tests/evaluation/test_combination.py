import numpy as np
import pandas as pd
import pytest
from made_up_log_odds import made_up_log_odds
from scipy.special import expit

from cardiolens.errors import BadRun
from cardiolens.evaluation.combination import LOG_ODDS_COLUMNS, Methods, disease_models, mean_log_odds


def test_subjects_of_unknown_target_have_scores_and_teach_nobody():
    table = made_up_log_odds(np.random.default_rng(0))
    someone, other = f"{500:08x}", f"{7:08x}"
    unknown = table.assign(target=table["target"].mask(table["subject"].isin((someone, other))))
    models = disease_models(unknown, Methods("MMCL"))[0]
    assert len(models.subject) == 400
    assert np.isnan(models.target[models.subject.index(someone)])
    assert models.fitted_n == 399
    assert np.isfinite(models.log_odds[("Tabular", "MMCL")]).all()


def test_models_are_each_alone_and_both_and_with_a_score_all():
    with_score, without = (
        disease_models(made_up_log_odds(np.random.default_rng(1), score=score), Methods("MMCL"))[0] for score in (True, False)
    )
    three, two = ("Tabular", "CHARGE-AF", "MMCL"), ("Tabular", "MMCL")
    assert list(with_score.log_odds) == [*((name,) for name in three), two, three[:2], three]
    assert with_score.added == ((two, two[:1]), (three, three[:2]))
    assert list(without.log_odds) == [("Tabular",), ("MMCL",), two]


def test_seeds_are_averaged_before_anything_else(predictions):
    table = predictions(methods=("MDM", "MMCL"), seeds=(0, 1, 2))
    mean = mean_log_odds(table)
    assert tuple(mean.columns) == LOG_ODDS_COLUMNS
    assert set(mean["column"]) == {"cad"}
    assert len(mean) == 2 * 120
    one = mean[mean["method"] == "MMCL"].set_index("subject")["score"]
    rows = table[(table["method"] == "MMCL") & (table["column"] == "cad")]
    np.testing.assert_allclose(one, rows.groupby("subject", sort=False)["score"].mean().loc[one.index])


def test_seeds_of_different_subjects_or_targets_are_refused(predictions):
    table = predictions(methods=("MMCL",), seeds=(0, 1), values=())
    with pytest.raises(BadRun, match="seeds of 'MMCL' with different subjects or targets for 'cad' on 'test'"):
        mean_log_odds(table.iloc[1:])
    with pytest.raises(BadRun, match="seeds of 'MMCL'"):
        mean_log_odds(table.assign(target=table["target"].mask(table.index == 3)))


def test_probabilities_are_not_taken_for_log_odds(predictions):
    table = predictions(methods=("MMCL",), values=())
    with pytest.raises(BadRun, match="'MMCL' that are all between 0 and 1"):
        mean_log_odds(table.assign(score=expit(table["score"])))


def test_nothing_in_common_is_refused():
    table = made_up_log_odds(np.random.default_rng(9), num=40)
    with pytest.raises(BadRun, match="no disease that 'Tabular' and 'MDM'"):
        disease_models(table, Methods("MDM"))
    with pytest.raises(BadRun, match="two rows"):
        disease_models(pd.concat([table, table]), Methods("MMCL"))
    other = table.assign(
        target=np.where((table["method"] == "MMCL") & (table.index % 2 == 0), 1 - table["target"], table["target"])
    )
    with pytest.raises(BadRun, match="different targets"):
        disease_models(other, Methods("MMCL"))
