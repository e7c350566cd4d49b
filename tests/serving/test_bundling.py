from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from cardiolens.bundles.bundle import read_bundle
from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.errors import BadOption, BadRun
from cardiolens.evaluation.applicability import IN_WORDS
from cardiolens.evaluation.metrics import evaluate
from cardiolens.recipes import smoke
from cardiolens.recipes.selection import aimed_at
from cardiolens.serving.bundling import bundle_run
from cardiolens.serving.cohort_words import cohort_in_words
from cardiolens.serving.evaluate import bundle_predictions, bundle_risks, evaluated_bundle
from cardiolens.serving.refit import refit_bundle
from cardiolens.training.predict import predict_run
from cardiolens.training.train import train


@pytest.fixture(scope="module")
def tuned(tiny_cohort, tmp_path_factory):
    config = aimed_at(smoke.joint(), tiny_cohort, ["cad", "lv"])
    return train(config, tiny_cohort, tmp_path_factory.mktemp("runs") / "joint")


@pytest.fixture(scope="module")
def bundle(tuned, tiny_cohort, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundles") / "joint"
    return bundle_run(tuned, tiny_cohort, path, name="smoke", training_data=cohort_in_words(tiny_cohort))


def test_a_bundle_carries_its_cards_calibration_and_origin(bundle, tiny_cohort):
    config = bundle.config
    assert [card.name for card in config.heads] == ["cad", "lv"]
    calibrate = tiny_cohort.subjects[tiny_cohort.subjects["split"] == "calibrate"]
    assert config.head("cad").prevalence == (pytest.approx(calibrate["cad"].mean()),)
    train_rows = tiny_cohort.subjects[tiny_cohort.subjects["split"] == "train"]
    assert config.head("lv").mean[0] == pytest.approx(train_rows["lvedv_ml"].mean(), rel=1e-5)
    assert config.provenance["cohort"] == tiny_cohort.fingerprint
    assert "events among" in config.provenance["calibration.cad"]
    assert "synthetic hearts" in config.training_data


def test_the_bundle_predicts_as_the_run_it_came_from(bundle, tuned, tiny_cohort):
    from_run = predict_run(tuned, tiny_cohort, "test")
    from_bundle = bundle_predictions(bundle, tiny_cohort, split="test")
    assert list(from_run["column"]) == list(from_bundle["column"])
    # Half precision rounds the weights.
    np.testing.assert_allclose(from_run["score"], from_bundle["score"], rtol=2e-2, atol=2e-2)


def test_a_model_that_reads_voltage_keeps_doing_so_in_its_bundle(tiny_cohort, tmp_path):
    config = aimed_at(smoke.joint(), tiny_cohort, ["lv"])
    config = replace(config, method=replace(config.method, scale_input=True))
    run = train(config, tiny_cohort, tmp_path / "run")
    made = bundle_run(run, tiny_cohort, tmp_path / "bundle", name="reading", training_data="")
    assert read_bundle(made.path).config.model.scale_input
    from_run, from_bundle = predict_run(run, tiny_cohort, "test"), bundle_predictions(made, tiny_cohort, split="test")
    np.testing.assert_allclose(from_run["score"], from_bundle["score"], rtol=2e-2, atol=2e-2)


def test_a_bundle_that_is_there_is_opened_and_not_made_again(bundle, tuned, tiny_cohort):
    again = bundle_run(tuned, tiny_cohort, bundle.path, name="another name", training_data="")
    assert again.config == read_bundle(bundle.path).config


def test_a_bundle_is_measured_on_any_split_of_a_cohort(bundle, tiny_cohort):
    metrics = evaluated_bundle(bundle.path, tiny_cohort, split="all").metrics
    assert {"cad", "lvm_g", "LV"} <= set(metrics["column"])
    assert metrics.loc[metrics["metric"] == "r", "n"].eq(len(tiny_cohort.subjects)).all()
    with pytest.raises(BadOption, match="choose one"):
        evaluated_bundle(bundle.path, tiny_cohort, split="tests")


def test_a_bundles_own_risks_are_asked_whether_they_are_calibrated_and_in_whom(bundle, tiny_cohort):
    found = evaluated_bundle(bundle.path, tiny_cohort, split="all")
    predictions = bundle_predictions(bundle, tiny_cohort, split="all")
    (risks,) = (one for one in bundle_risks(bundle.config.heads, predictions) if one.column == "cad")
    of_cad = predictions[predictions["column"] == "cad"]
    card = next(card for card in bundle.config.heads if "cad" in card.columns)
    calibration = card.calibration[card.columns.index("cad")]
    np.testing.assert_allclose(risks.probability[0], calibration.probability(of_cad["score"].to_numpy()))
    assert {"calibration_slope", "observed_to_expected"} <= set(found.calibration["metric"])
    assert {"auroc", "r"} <= set(found.subgroups["metric"])
    few = found.subgroups["events"].between(1, 9).fillna(False)
    assert found.subgroups.loc[few, "value"].isna().all()
    pd.testing.assert_frame_equal(found.metrics, evaluate(predictions))


def test_a_pre_training_run_makes_no_bundle(tiny_cohort, tmp_path):
    run = train(smoke.mdm(), tiny_cohort, tmp_path / "mdm")
    with pytest.raises(BadRun, match="MaskedAutoencoder"):
        bundle_run(run, tiny_cohort, tmp_path / "bundle", name="", training_data="")


def test_a_bundle_carries_intervals_and_knows_what_it_learned_from(bundle, tiny_cohort):
    config = bundle.config
    held_out = tiny_cohort.rows("calibrate")
    assert all(band.subjects == len(held_out) for band in config.head("lv").bands)
    assert config.head("cad").calibration[0].variance is not None
    assert list(config.applicability.thresholds) == list(IN_WORDS)
    assert config.applicability.subjects == len(tiny_cohort.rows("validation"))


def test_a_bundle_is_calibrated_again_on_other_people_with_the_same_weights(bundle, tmp_path):
    others = prepare_synthetic(tmp_path / "others", subjects=80, seed=21, with_mri=False)
    again = refit_bundle(bundle, others, tmp_path / "again", provenance={"command": "refit"})
    assert all(torch.equal(again.state[name], tensor) for name, tensor in bundle.of_model().items())
    assert again.config.head("lv").bands != bundle.config.head("lv").bands
    assert again.config.provenance["command"] == "refit"
    assert again.config.provenance["cohort"] == bundle.config.provenance["cohort"]


def test_fine_tunings_that_disagree_widen_the_interval_of_a_risk(tuned, bundle, tiny_cohort, tmp_path):
    other = replace(tuned.config, training=replace(tuned.config.training, seed=7))
    sibling = train(other, tiny_cohort, tmp_path / "sibling")
    wider = bundle_run(tuned, tiny_cohort, tmp_path / "wider", name="two", training_data="", siblings=[sibling])
    scores = [table.loc[table["column"] == "cad", "score"] for table in _held_out(tuned, sibling, tiny_cohort)]
    apart = (scores[0] - scores[0].mean()).to_numpy() - (scores[1] - scores[1].mean()).to_numpy()
    assert wider.config.head("cad").calibration[0].seed_sd == pytest.approx(np.sqrt((apart**2).mean() / 2))
    limits = [one.config.head("cad").limits(np.array([[0.3]]))[0.95] for one in (bundle, wider)]
    assert limits[1][0] < limits[0][0] < limits[0][1] < limits[1][1]


def _held_out(*runs_and_cohort):
    *runs, cohort = runs_and_cohort
    return [predict_run(run, cohort, "calibrate") for run in runs]
