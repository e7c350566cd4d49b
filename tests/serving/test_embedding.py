"""The transformer: what it takes, what it refuses, and what scikit-learn asks of any transformer."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks

from cardiolens import EcgEmbedder
from cardiolens.formats.wfdb_record import write
from cardiolens.serving.embedding_model import EmbeddingModel
from cardiolens.serving.intake import Intake
from cardiolens.signals.cleaning import CleaningConfig
from cardiolens.synthetic.generator import make_subject

NOT_FITTED_ON = "fits on a table of 1 to 10 features, which is no ECG of 12 leads and 5 s: refused with a ValueError"
NOT_AN_ECG = dict.fromkeys(
    [
        "check_dict_unchanged",
        "check_dont_overwrite_parameters",
        "check_dtype_object",
        "check_estimators_dtypes",
        "check_estimators_fit_returns_self",
        "check_estimators_overwrite_params",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_fit2d_predict1d",
        "check_fit_check_is_fitted",
        "check_fit_idempotent",
        "check_fit_score_takes_y",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_n_features_in",
        "check_n_features_in_after_fitting",
        "check_pipeline_consistency",
        "check_readonly_memmap_input",
        "check_transformer_data_not_an_array",
        "check_transformer_general",
        "check_transformer_preserve_dtypes",
        "check_transformers_unfitted_stateless",
    ],
    NOT_FITTED_ON,
) | {
    "check_fit2d_1sample": "one ECG is enough; its refusal speaks of features, since ten are no ECG",
    "check_positive_only_tag_during_fit": "takes the refusal of a table that is no ECG for one of negative numbers",
}


class OnAnyTable(EcgEmbedder):
    """The transformer after the input contract: every row of a table of any width is made a signal of 12 leads and 5 s.

    With it scikit-learn's checks reach everything else: copies, pickles, order and subsets of rows, names, types.
    """

    example = None

    def _unfolded(self, flat):
        waves = np.sin(np.outer(np.arange(1, flat.shape[1] + 1), np.linspace(0, 20, 12 * 2500)))
        return list((np.tanh(np.nan_to_num(flat)) @ waves).astype(np.float32).reshape(-1, 12, 2500))

    def _ready(self, intake, ecg):
        return replace(self.example, recording=ecg, ecg=ecg.signal_mv)


@pytest.fixture
def on_any_table(untrained_bundle, recording, monkeypatch):
    monkeypatch.setattr(OnAnyTable, "example", Intake(CleaningConfig()).recording(recording))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two round differently by place, within 1e-6; scikit-learn asks for 1e-9
    yield OnAnyTable(untrained_bundle)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def recordings():
    return [make_subject(seed=5, index=k, with_mri=False).recording for k in range(12)]


@pytest.fixture(scope="module")
def ecgs(recordings):
    return np.stack([one.signal_mv for one in recordings])


@pytest.fixture
def embedder(untrained_bundle):
    return EcgEmbedder(untrained_bundle)


def _outcomes(estimator, expected):
    found = estimator_checks.check_estimator(estimator, expected_failed_checks=expected, on_fail=None, on_skip=None)
    return {status: {one["check_name"] for one in found if one["status"] == status} for status in ("failed", "xfail", "passed")}


def test_scikit_learns_checks_pass_but_those_whose_table_is_no_ecg(embedder):
    outcomes = _outcomes(embedder, NOT_AN_ECG)
    assert outcomes["failed"] == set()
    assert outcomes["xfail"] == set(NOT_AN_ECG)
    assert len(outcomes["passed"]) >= 17


def test_all_of_them_pass_where_any_table_is_an_ecg(on_any_table):
    outcomes = _outcomes(on_any_table, {})
    assert (outcomes["failed"], outcomes["xfail"]) == (set(), set())
    assert set(NOT_AN_ECG) <= outcomes["passed"]


@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@pytest.mark.parametrize(
    "name",
    [
        "check_dataframe_column_names_consistency",
        "check_get_feature_names_out_error",
        "check_global_output_transform_pandas",
        "check_set_output_transform",
        "check_set_output_transform_pandas",
        "check_transformer_get_feature_names_out",
        "check_transformer_get_feature_names_out_pandas",
    ],
)
def test_checks_of_names_pass_where_any_table_is_an_ecg(on_any_table, name):
    getattr(estimator_checks, name)("OnAnyTable", on_any_table)


def test_arrays_rows_recordings_and_files_give_the_same(embedder, recordings, ecgs, tmp_path):
    paths = [tmp_path / f"{k:02d}.hea" for k in range(len(recordings))]
    for path, one in zip(paths, recordings, strict=True):
        write(path, one)
    expected = embedder.fit_transform(ecgs)
    assert (expected.shape, expected.dtype) == ((12, 24), np.float32)
    same = [ecgs.reshape(12, -1), pd.DataFrame(ecgs.reshape(12, -1)).to_numpy(), torch.from_numpy(ecgs), recordings, list(ecgs)]
    for X in same:
        np.testing.assert_allclose(embedder.transform(X), expected, rtol=0, atol=1e-6)
    of_files = embedder.transform(paths)
    texts = [str(path) for path in paths]
    for X in (texts, pd.Series(texts), np.array(texts), pd.DataFrame({"ecg": texts}), np.array(texts, object)[:, None]):
        np.testing.assert_array_equal(embedder.transform(X), of_files)
    np.testing.assert_allclose(of_files, expected, atol=0.05)  # the files are rounded to microvolts


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_one_by_one_in_any_order_and_any_batch_the_numbers_are_those_of_the_verb(
    embedder, untrained_bundle, recordings, batch_size
):
    model = EmbeddingModel.from_pretrained(untrained_bundle)
    expected = model.embed([model.intake().recording(one) for one in recordings])
    embedder.set_params(batch_size=batch_size)
    order = np.random.default_rng(0).permutation(12)
    np.testing.assert_allclose(embedder.transform([recordings[k] for k in order]), expected[order], rtol=0, atol=1e-6)
    for k in range(0, 12, 5):
        np.testing.assert_allclose(embedder.transform(recordings[k : k + 1])[0], expected[k], rtol=0, atol=1e-6)


def test_ecgs_of_a_list_have_their_own_length(embedder, recordings):
    short = replace(recordings[0], signal_mv=recordings[0].signal_mv[:, :2600])
    both = embedder.transform([short, recordings[0]])
    np.testing.assert_allclose(both[1], embedder.transform([recordings[0]])[0], rtol=0, atol=1e-6)
    assert np.abs(both[0] - both[1]).max() > 1e-3


def test_another_rate_is_brought_to_500_hz(untrained_bundle, ecgs):
    slow = EcgEmbedder(untrained_bundle, rate_hz=250).fit_transform(ecgs[:2, :, ::2])
    np.testing.assert_allclose(slow, EcgEmbedder(untrained_bundle).transform(ecgs[:2]), atol=0.3)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((3, 2499 * 12), "5 s or more"),
        ((3, 12, 2499), "5 s or more"),
        ((3, 30001), "multiple of 12"),
        ((3, 10), "multiple of 12"),
        ((3, 8, 5000), "12 leads"),
        ((12 * 5000,), "2D array"),
        ((0, 12, 5000), "0 sample"),
    ],
)
def test_what_is_no_ecg_is_refused_at_once(embedder, shape, said):
    with pytest.raises(ValueError, match=said):
        embedder.fit(np.zeros(shape, np.float32))


def test_one_path_is_no_list_of_them(embedder):
    for path in ("1234567.xml", Path("1234567.xml")):
        with pytest.raises(ValueError, match="one path is given where a list of ECGs is expected") as raised:
            embedder.transform(path)
        assert "1234567" not in str(raised.value)


def test_an_ecg_that_cannot_be_used_is_named(embedder, ecgs, tmp_path):
    flat = ecgs.copy()
    flat[4, 7] = 0
    with pytest.raises(ValueError, match=r"X\[4\]: found .*V2"):
        embedder.fit_transform(flat)
    (tmp_path / "1234567_x.xml").write_text("no ECG")
    with pytest.raises(ValueError, match="id-") as raised:
        embedder.transform([tmp_path / "1234567_x.xml"])
    assert "1234567" not in str(raised.value)


def test_few_missing_samples_are_no_reason_to_refuse(embedder, ecgs):
    gappy = ecgs[:2].copy()
    gappy[0, 3, 100:110] = np.nan
    assert np.isfinite(embedder.fit_transform(gappy)).all()


@pytest.mark.parametrize("setting", [{"batch_size": 0}, {"rate_hz": 0.0}, {"rate_hz": np.inf}, {"rate_hz": np.nan}])
def test_a_setting_outside_its_range_is_refused_when_it_is_used(embedder, ecgs, setting):
    embedder.set_params(**setting)
    with pytest.raises(ValueError, match=next(iter(setting))):
        embedder.fit(ecgs)


def test_arrays_of_another_length_than_fitted_are_refused(embedder, ecgs):
    embedder.fit(ecgs)
    assert embedder.n_features_in_ == 12 * 5000
    with pytest.raises(ValueError, match="is expecting 60000 features"):
        embedder.transform(ecgs[:, :, :4000])


def test_columns_are_called_as_in_the_table(embedder, ecgs):
    with pytest.raises(NotFittedError):
        embedder.get_feature_names_out()
    table = embedder.set_output(transform="pandas").fit_transform(ecgs)
    assert list(table.columns) == [f"embedding_{k}" for k in range(24)]
    assert set(table.dtypes) == {np.dtype("float32")}


def test_copies_and_pickles_hold_settings_alone(embedder, ecgs):
    expected = embedder.fit_transform(ecgs)
    stored = pickle.dumps(embedder)
    assert len(stored) < 1000
    np.testing.assert_array_equal(pickle.loads(stored).transform(ecgs), expected)
    assert clone(embedder).get_params() == embedder.get_params()


def test_it_drops_into_a_pipeline(embedder, ecgs):
    answers = np.arange(12) % 2
    pipeline = make_pipeline(embedder, StandardScaler(), LogisticRegression())
    assert pipeline.fit(ecgs, answers).predict_proba(ecgs).shape == (12, 2)
    assert len(cross_val_score(pipeline, ecgs, answers, cv=2)) == 2
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 1.0]}, cv=2).fit(ecgs, answers)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(search)).predict(ecgs), search.predict(ecgs))
