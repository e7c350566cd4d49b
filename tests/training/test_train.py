import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_methods import AUTOENCODER, CONTRASTIVE, DUAL_PHASE, run_config, supervised, supervised_image

from cardiolens.cohorts.loader import Loader
from cardiolens.cohorts.training_sets import draw_training_sets
from cardiolens.errors import BadOption, BadRun
from cardiolens.training import train as training_module
from cardiolens.training.config import DataConfig, Precision
from cardiolens.training.examples import training_rows
from cardiolens.training.run import Run
from cardiolens.training.train import train

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")


@pytest.fixture(scope="module")
def autoencoder(tiny_cohort, tmp_path_factory):
    return train(run_config(AUTOENCODER), tiny_cohort, tmp_path_factory.mktemp("runs") / "mdm")


def _interrupted_after(monkeypatch, num_batches):
    epoch_of = Loader.epoch
    handed_out = 0

    def interrupting(self, *arguments, **settings):
        nonlocal handed_out
        for batch in epoch_of(self, *arguments, **settings):
            handed_out += 1
            if handed_out == num_batches:
                signal.raise_signal(signal.SIGINT)
            yield batch

    monkeypatch.setattr(Loader, "epoch", interrupting)


@pytest.mark.parametrize("precision", list(Precision))
@pytest.mark.parametrize("num_batches", [1, 4, 6, 8])
def test_masked_autoencoding_stopped_anywhere_ends_with_the_same_file(
    tiny_cohort, tmp_path, monkeypatch, num_batches, precision
):
    config = run_config(AUTOENCODER, precision=precision)
    whole = train(config, tiny_cohort, tmp_path / "whole")
    with monkeypatch.context() as patch:
        _interrupted_after(patch, num_batches)
        with pytest.raises(KeyboardInterrupt):
            train(config, tiny_cohort, tmp_path / "stopped")
    resumed = train(config, tiny_cohort, tmp_path / "stopped")

    assert (resumed.path / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()
    assert len(resumed.metrics()) == 2


def test_a_done_run_is_returned_at_once(tiny_cohort, autoencoder, monkeypatch):
    monkeypatch.setattr(training_module, "fit_together", lambda *_, **__: pytest.fail("trained again"))
    assert train(autoencoder.config, tiny_cohort, autoencoder.path) == autoencoder


def test_a_done_run_of_other_settings_is_refused(tiny_cohort, autoencoder):
    with pytest.raises(BadRun, match=r"training\.seed 3 where 4"):
        train(run_config(AUTOENCODER, seed=4), tiny_cohort, autoencoder.path)


def test_other_starting_weights_make_another_run(tiny_cohort, autoencoder):
    with pytest.raises(BadRun, match="start"):
        train(autoencoder.config, tiny_cohort, autoencoder.path, start_from=autoencoder.path)


def test_the_seed_decides_the_weights_and_the_ambient_generator_does_not(tiny_cohort, autoencoder, tmp_path):
    torch.manual_seed(99)
    again = train(autoencoder.config, tiny_cohort, tmp_path / "again")
    other = train(run_config(AUTOENCODER, seed=4), tiny_cohort, tmp_path / "other")
    assert all(torch.equal(tensor, again.weights()[name]) for name, tensor in autoencoder.weights().items())
    assert not torch.equal(autoencoder.weights()["decoder.norm.weight"], other.weights()["decoder.norm.weight"])


def test_the_three_stages_follow_one_another(tiny_cohort, autoencoder, tmp_path):
    contrastive = train(run_config(CONTRASTIVE), tiny_cohort, tmp_path / "mmcl", start_from=autoencoder.path)
    tuned = train(run_config(supervised("lv", "cad")), tiny_cohort, tmp_path / "tuned", start_from=contrastive.path)
    assert tuned.is_done
    assert {"select_mean_metric", "select_lv_mean_r", "train_cad_loss"} <= tuned.metrics()[0].keys()
    # Its first block starts where the stage before ended and moves at a small rate.
    name = next(key for key in tuned.weights() if key.startswith("ecg_encoder.blocks.0") and tuned.weights()[key].ndim == 2)
    moved = (tuned.weights()[name] - contrastive.weights()[name]).abs().max()
    assert 0 < moved < 0.1 * contrastive.weights()[name].abs().max()


@pytest.mark.parametrize("method", [supervised("lv"), supervised_image("lv")], ids=lambda m: type(m).__name__)
def test_targets_are_scaled_by_the_subjects_that_are_trained_on_alone(tiny_cohort, tmp_path, method):
    run = train(run_config(method, data=DataConfig(share=0.5), epochs=1), tiny_cohort, tmp_path / "lv")
    rows = training_rows(tiny_cohort, run.config.method, run.config.data)
    values = tiny_cohort.values(run.config.method.columns)[rows]
    assert len(rows) < len(tiny_cohort.rows("train"))
    np.testing.assert_allclose(run.weights()["target_mean"], values.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(run.weights()["target_sd"], values.std(axis=0), rtol=1e-5)


@pytest.mark.parametrize("method", [AUTOENCODER, supervised("cad")], ids=lambda method: type(method).__name__)
def test_a_cohort_that_streams_from_the_disk_trains_the_same_weights_as_one_in_memory(
    tiny_cohort, tmp_path, monkeypatch, method
):
    resident = train(run_config(method), tiny_cohort, tmp_path / "resident")
    monkeypatch.setattr(training_module, "device_budget", lambda device: 0)
    streamed = train(run_config(method), tiny_cohort, tmp_path / "streamed")
    assert (streamed.path / "model.safetensors").read_bytes() == (resident.path / "model.safetensors").read_bytes()


def test_a_cohort_without_volumes_is_refused_where_they_are_needed(tiny_cohort, tmp_path):
    with pytest.raises(BadOption, match=r"no cmr_volumes\.npy"):
        train(run_config(DUAL_PHASE), tiny_cohort, tmp_path / "dual")


def test_a_run_keeps_no_path_of_this_machine(tiny_cohort, autoencoder):
    for name in ("config.json", "environment.json", "metrics.jsonl", "done.json"):
        text = (autoencoder.path / name).read_text()
        assert str(autoencoder.path.parent) not in text
        assert str(tiny_cohort.path.parent) not in text


def test_a_run_says_how_its_steps_were_computed(autoencoder):
    stored = json.loads((autoencoder.path / "environment.json").read_text())
    assert [process["step"] for process in stored["processes"]] == ["eager"]


def test_a_balanced_set_without_positives_is_refused_before_training(tiny_cohort, tmp_path):
    healthy = tiny_cohort.subjects.assign(dm=0.0)
    tiny_cohort = replace(tiny_cohort, subjects=healthy, training_sets=draw_training_sets(healthy, b"key", {}))
    config = run_config(supervised("dm"), data=DataConfig(balanced=True, share=0.1))
    with pytest.raises(BadOption, match="positive"):
        train(config, tiny_cohort, tmp_path / "dm")
    assert not Run.open(tmp_path / "dm").is_done


def test_checkpoints_that_a_killed_process_left_in_a_done_run_are_removed(tiny_cohort, autoencoder):
    autoencoder.checkpoints.save({}, step=1)
    train(autoencoder.config, tiny_cohort, autoencoder.path)
    assert not (autoencoder.path / "checkpoints").exists()
