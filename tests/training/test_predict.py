from dataclasses import replace

import numpy as np
import pytest
import torch
from small_methods import AUTOENCODER, run_config, supervised, supervised_image

from cardiolens.errors import BadOption, BadRun
from cardiolens.evaluation.predictions import check_predictions
from cardiolens.imaging.augmentation import resize_image
from cardiolens.training import predict as predict_module
from cardiolens.training.predict import predict_run
from cardiolens.training.run import Run
from cardiolens.training.train import train


@pytest.fixture(scope="module")
def tuned(tiny_cohort, tmp_path_factory):
    config = replace(run_config(supervised("cad", "rv"), epochs=1), name="MMCL")
    return train(config, tiny_cohort, tmp_path_factory.mktemp("runs") / "tuned")


@pytest.fixture(scope="module")
def tuned_on_pictures(tiny_cohort, tmp_path_factory):
    config = replace(run_config(supervised_image("cad", "rv"), epochs=1), name="CMR")
    return train(config, tiny_cohort, tmp_path_factory.mktemp("runs") / "pictures")


def test_the_table_is_what_evaluation_expects(tuned, tiny_cohort):
    table = check_predictions(predict_run(tuned, tiny_cohort, "test"))
    rows = tiny_cohort.rows("test")
    assert len(table) == len(rows) * len(tuned.config.method.columns)
    assert set(table["method"]) == {"MMCL"}
    assert set(table["seed"]) == {3}
    for column, task in (("cad", "cad"), (tuned.config.method.columns[2], "rv")):
        part = table[table["column"] == column]
        assert list(part["subject"]) == list(tiny_cohort.subjects["subject"].iloc[rows])
        np.testing.assert_array_equal(part["target"], tiny_cohort.values([column])[rows, 0])
        assert set(part["task"]) == {task}


def test_a_score_is_the_mean_over_both_windows_in_the_unit_of_its_column(tuned, tiny_cohort):
    table = predict_run(tuned, tiny_cohort, "test")
    method = tuned.config.method.build(seed=0)
    method.load_state_dict(tuned.weights())
    method.eval()
    row = int(tiny_cohort.rows("test")[1])
    ecg = torch.from_numpy(tiny_cohort.ecg[row].astype(np.float32))[None]
    with torch.inference_mode():
        pooled = [method.ecg_pool(method.ecg_encoder(ecg[..., start : start + 2500])) for start in (0, 2500)]
        scores = sum(torch.cat(list(method.heads(features).values()), dim=1) for features in pooled)[0] / 2
    subject = table[table["subject"] == tiny_cohort.subjects["subject"].iloc[row]]
    expected = scores * method.target_sd + method.target_mean
    np.testing.assert_allclose(subject["score"], expected, rtol=1e-4)
    assert 20 < subject["score"].iloc[1] < 400, "a volume in mL"


def test_the_scales_reach_a_model_that_reads_them(tiny_cohort, tmp_path):
    method = replace(supervised("cad", "rv"), scale_input=True)
    run = train(run_config(method, epochs=1), tiny_cohort, tmp_path / "run")
    rows = predict_module.first_visits(tiny_cohort, "test")
    parts = predict_module._model(run, method)
    as_recorded = predict_module.predict_scores(*parts, tiny_cohort, rows)
    louder = predict_module.predict_scores(*parts, replace(tiny_cohort, ecg_scale=2 * tiny_cohort.ecg_scale), rows)
    assert np.abs(louder - as_recorded).max() > 1e-3


def test_a_model_of_pictures_answers_with_what_the_whole_picture_gives(tuned_on_pictures, tiny_cohort):
    table = check_predictions(predict_run(tuned_on_pictures, tiny_cohort, "test"))
    rows = tiny_cohort.rows("test")
    assert len(table) == len(rows) * len(tuned_on_pictures.config.method.columns)
    assert set(table["method"]) == {"CMR"}
    method = tuned_on_pictures.config.method.build(seed=0)
    method.load_state_dict(tuned_on_pictures.weights())
    method.eval()
    with torch.inference_mode():
        cmr = resize_image(torch.from_numpy(tiny_cohort.cmr[rows].astype(np.float32)) / 255, 64)
        scores = torch.cat(list(method.heads(method.image_encoder(cmr)).values()), dim=1)
    expected = scores * method.target_sd + method.target_mean
    np.testing.assert_allclose(table["score"], expected.T.ravel(), rtol=1e-4, atol=1e-5)
    assert table["score"].iloc[-1] > 1, "in its unit"


def test_a_model_of_pictures_answers_at_the_first_visit_that_has_one(tuned_on_pictures, tiny_cohort):
    rows = tiny_cohort.rows("test")
    subjects = tiny_cohort.subjects.copy()
    subjects.loc[rows[1], "subject"] = subjects.loc[rows[0], "subject"]
    subjects.loc[rows[[0, 2]], "has_cmr"] = False
    cohort = replace(tiny_cohort, subjects=subjects)
    table = check_predictions(predict_run(tuned_on_pictures, cohort, "test"))
    whole = predict_run(tuned_on_pictures, tiny_cohort, "test")
    scores, before = (each.loc[each["column"] == "cad", "score"].to_numpy() for each in (table, whole))
    assert list(predict_module.first_visits(cohort, "test", images=True)) == list(rows[[1, *range(3, len(rows))]])
    np.testing.assert_allclose(scores, before[[1, *range(3, len(rows))]], rtol=1e-4, atol=1e-5)
    with pytest.raises(BadOption, match="0 subjects with MRI"):
        predict_run(tuned_on_pictures, replace(cohort, subjects=subjects.assign(has_cmr=False)), "test")


def test_the_size_of_a_batch_does_not_matter(tuned, tiny_cohort, monkeypatch):
    together = predict_run(tuned, tiny_cohort, "test")
    monkeypatch.setattr(predict_module, "BATCH_SIZE", 1)
    one_by_one = predict_run(tuned, tiny_cohort, "test")
    np.testing.assert_allclose(together["score"], one_by_one["score"], rtol=1e-5, atol=1e-6)


def test_a_subject_counts_once_and_an_unknown_target_is_nan(tuned, tiny_cohort):
    rows = tiny_cohort.rows("test")
    subjects = tiny_cohort.subjects.copy()
    subjects.loc[rows[1], "subject"] = subjects.loc[rows[0], "subject"]
    subjects.loc[rows[2], "cad"] = np.nan
    table = check_predictions(predict_run(tuned, replace(tiny_cohort, subjects=subjects), "test"))
    cad = table[table["column"] == "cad"]
    assert len(cad) == len(rows) - 1
    assert np.isnan(cad["target"].iloc[1])


def test_pre_training_predicts_nothing(tiny_cohort, tmp_path):
    run = Run.start_or_resume(tmp_path / "mdm", run_config(AUTOENCODER), cohort="")
    with pytest.raises(BadRun, match="predicts nothing"):
        predict_run(run, tiny_cohort, "test")


def test_a_half_done_run_is_refused(tiny_cohort, tmp_path):
    run = Run.start_or_resume(tmp_path / "cad", run_config(supervised("cad")), cohort="")
    with pytest.raises(BadRun, match=r"no done\.json"):
        predict_run(run, tiny_cohort, "test")
