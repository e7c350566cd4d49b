import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_methods import AUTOENCODER, run_config, supervised
from torch.testing import assert_close

from cardiolens.cohorts.loader import Loader
from cardiolens.errors import BadRun
from cardiolens.training import together
from cardiolens.training.config import Precision
from cardiolens.training.ensemble import MAY_DIFFER, can_step_together
from cardiolens.training.fitting import Fitting
from cardiolens.training.run import Run
from cardiolens.training.together import MOST_AT_ONCE, in_groups, train_all
from cardiolens.training.train import Wanted, train, train_as_one

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")
WALL_CLOCK = {"seconds", "examples_per_second"}
METHOD = supervised("lv", "cad")


@pytest.fixture(scope="module")
def cohort(tiny_cohort):
    """Sixteen subjects to select by: of two, every correlation is a tie of plus or minus one."""
    split = tiny_cohort.subjects["split"].to_numpy(str).copy()
    split[np.flatnonzero(split == "train")[:14]] = "select"
    return replace(tiny_cohort, subjects=tiny_cohort.subjects.assign(split=split))


@pytest.fixture(scope="module")
def pretrained(tiny_cohort, tmp_path_factory):
    return train(run_config(AUTOENCODER, epochs=1), tiny_cohort, tmp_path_factory.mktemp("mdm") / "mdm").path


def _configs(*changes, **shared):
    return [run_config(METHOD, **({"epochs": 3, "base_lr": 3e-3, "weight_decay": 0.1} | shared | one)) for one in changes]


def _wanted(folder, configs):
    return [Wanted(config, folder / str(index)) for index, config in enumerate(configs)]


def _assert_alike(run, other, *, rtol=1e-4, atol=2e-5):
    """Weights after all steps and numbers of every epoch: rounding of float32 grows a little with each step of Adam."""
    weights = run.weights()
    for name, tensor in other.weights().items():
        its, ours = _decided(name, tensor), _decided(name, weights[name])
        assert_close(ours, its, rtol=rtol, atol=atol, msg=lambda text, name=name: f"{name}: {text}")
    assert run.config == other.config
    ours, theirs = run.metrics(), other.metrics()
    assert [line.keys() for line in ours] == [line.keys() for line in theirs]
    for line, its in zip(ours, theirs, strict=True):
        for name in line.keys() - WALL_CLOCK:
            # A split of six has no AUC of a rare disease: null in both.
            undefined = its[name] is None
            assert line[name] == (None if undefined else pytest.approx(its[name], rel=1e-3, abs=1e-4)), name
    ended, its_end = run.result, other.result
    assert ended.pop("best_value") == pytest.approx(its_end.pop("best_value"), abs=1e-4)
    assert ended == its_end


def _decided(name, tensor):
    """Without the bias of attention's keys: no output depends on it, so its gradient is rounding, of which Adam makes steps."""
    if name.endswith(("qkv.bias", "in_proj_bias")):
        query, _, value = tensor.chunk(3)
        return torch.cat([query, value])
    return tensor


def _alone(folder, wanted, cohort, **options):
    return [train(one.config, cohort, folder / f"alone-{one.out.name}", **options) for one in wanted]


def test_each_ends_as_it_would_have_alone(cohort, tmp_path, pretrained):
    configs = _configs(
        {"seed": 0}, {"seed": 101}, {"seed": 0, "base_lr": 3e-4}, {"weight_decay": 0.0, "betas": (0.8, 0.9), "clip_norm": 0.1}
    )
    wanted = _wanted(tmp_path, configs)
    runs = train_as_one(wanted, cohort, start_from=pretrained)
    for run, alone in zip(runs, _alone(tmp_path, wanted, cohort, start_from=pretrained), strict=True):
        _assert_alike(run, alone)
        assert {path.name for path in run.path.iterdir()} == {path.name for path in alone.path.iterdir()}
        assert train(run.config, cohort, run.path, start_from=pretrained) == run
    one, other = runs[0].weights(), runs[1].weights()
    assert not torch.allclose(one["ecg_pool.attention.in_proj_weight"], other["ecg_pool.attention.in_proj_weight"], rtol=0.1)


def test_bf16_and_parts_of_batches_go_together_too(cohort, tmp_path):
    wanted = _wanted(tmp_path, _configs({"seed": 1}, {"seed": 2}, precision=Precision.BF16, accumulation=3, epochs=1))
    for run, alone in zip(train_as_one(wanted, cohort), _alone(tmp_path, wanted, cohort), strict=True):
        # Adam's first steps follow the signs of gradients, and bf16 leaves those of small ones open.
        for name, tensor in alone.weights().items():
            assert_close(run.weights()[name], tensor, rtol=0, atol=2e-2)


def test_one_that_stops_early_leaves_and_the_others_go_on(cohort, tmp_path, monkeypatch):
    configs = _configs({"seed": 0}, {"seed": 1, "patience": 0.0, "base_lr": 0.03, "warmup_epochs": 0.0}, {"seed": 2}, epochs=6)
    finished = []
    finish = Run.finish
    monkeypatch.setattr(
        Run, "finish", lambda run, *written: (finished.append(run.config.training.seed), finish(run, *written))[1]
    )
    wanted = _wanted(tmp_path, configs)
    runs = train_as_one(wanted, cohort)
    monkeypatch.undo()
    assert [run.result["stopped_early"] for run in runs] == [False, True, False]
    assert runs[1].result["epochs"] < 6
    assert finished == [1, 0, 2]
    for place in (0, 2):
        _assert_alike(runs[place], *_alone(tmp_path, [wanted[place]], cohort))
    stopped = _alone(tmp_path, [wanted[1]], cohort)[0].result
    assert {name: stopped[name] for name in ("epochs", "steps", "best_epoch")} == {
        name: runs[1].result[name] for name in ("epochs", "steps", "best_epoch")
    }


def test_epochs_and_validations_may_differ(cohort, tmp_path):
    wanted = _wanted(tmp_path, _configs({"epochs": 2}, {"validate_every": 2}, {"seed": 7}))
    for run, alone in zip(train_as_one(wanted, cohort), _alone(tmp_path, wanted, cohort), strict=True):
        _assert_alike(run, alone)


class _Killed(BaseException):
    pass


def _after(monkeypatch, num_batches, what):
    epoch_of, handed_out = Loader.epoch, []

    def counted(self, *arguments, **settings):
        for batch in epoch_of(self, *arguments, **settings):
            handed_out.append(batch)
            if len(handed_out) == num_batches:
                what()
            yield batch

    monkeypatch.setattr(Loader, "epoch", counted)


def _kill():
    raise _Killed


@pytest.mark.parametrize("num_batches", [1, 7, 10, 12, 20])
def test_stopped_anywhere_they_go_on_together_or_alone(cohort, tmp_path, monkeypatch, num_batches):
    wanted = _wanted(tmp_path, _configs({"seed": 0}, {"seed": 1}))
    with monkeypatch.context() as patch:
        _after(patch, num_batches, lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            train_as_one(wanted, cohort)
    assert not any((one.out / "done.json").exists() for one in wanted)
    train(wanted[1].config, cohort, wanted[1].out)
    runs = train_as_one(wanted, cohort)
    for run, alone in zip(runs, _alone(tmp_path, wanted, cohort), strict=True):
        _assert_alike(run, alone)


@pytest.mark.parametrize("num_batches", [3, 9, 14, 28])
def test_killed_anywhere_those_whose_checkpoints_lie_behind_catch_up(cohort, tmp_path, monkeypatch, num_batches):
    configs = _configs({"seed": 0, "checkpoint_every_steps": 2}, {"seed": 1, "checkpoint_every_steps": 3}, {"seed": 2})
    wanted = _wanted(tmp_path, configs)
    with monkeypatch.context() as patch:
        patch.setattr("cardiolens.training.fitting.Fitting.checkpoint_after_epoch", lambda self: None)
        _after(patch, num_batches, _kill)
        with pytest.raises(_Killed):
            train_as_one(wanted, cohort)
    runs = train_as_one(wanted, cohort)
    for run, alone in zip(runs, _alone(tmp_path, wanted, cohort), strict=True):
        _assert_alike(run, alone)


def test_one_that_diverges_is_named_and_the_others_keep_what_they_have(cohort, tmp_path):
    wanted = _wanted(tmp_path, _configs({"seed": 0}, {"seed": 1, "base_lr": 1e30, "warmup_epochs": 0.0}))
    with pytest.raises(BadRun, match=r"1: found a loss of"):
        train_as_one(wanted, cohort)
    assert list((tmp_path / "0" / "checkpoints").iterdir())
    assert not (tmp_path / "1" / "checkpoints").exists()


def test_what_runs_beside_each_training_is_ended_though_the_end_of_one_fails(cohort, tmp_path, monkeypatch):
    wanted = _wanted(tmp_path, _configs({"seed": 0}, {"seed": 1}, {"seed": 2}))
    ended = []
    leave = Fitting.__exit__

    def leave_with_an_error(one, *error):
        leave(one, *error)
        ended.append(one.config.seed)
        raise OSError(one.run.path)

    with monkeypatch.context() as patch:
        patch.setattr(Fitting, "__exit__", leave_with_an_error)
        _after(patch, 5, _kill)
        with pytest.raises(OSError, match=str(tmp_path)):
            train_as_one(wanted, cohort)
    assert sorted(ended) == [0, 1, 2]


def test_runs_of_other_settings_at_a_folder_are_refused_before_any_training(cohort, tmp_path):
    wanted = _wanted(tmp_path, _configs({"seed": 0}, {"seed": 1}))
    train_as_one([replace(wanted[0], out=wanted[1].out)], cohort)
    with pytest.raises(BadRun, match=r"training\.seed 0 where 1"):
        train_as_one(wanted, cohort)
    assert not (tmp_path / "0" / "metrics.jsonl").exists()


def test_what_changes_the_computation_keeps_runs_apart():
    config = run_config(METHOD)
    others = {
        "batch_size": replace(config, training=replace(config.training, batch_size=4)),
        "precision": replace(config, training=replace(config.training, precision=Precision.BF16)),
        "smoothing": replace(config, method=replace(METHOD, label_smoothing=0.0)),
        "share": replace(config, data=replace(config.data, share=0.5)),
    }
    assert not any(can_step_together(config, other) for other in others.values())
    assert not can_step_together(run_config(AUTOENCODER), run_config(AUTOENCODER, seed=4))
    assert can_step_together(config, replace(config, name="other", training=replace(config.training, seed=9, base_lr=0.1)))
    assert {"seed", "base_lr", "weight_decay"} <= set(MAY_DIFFER)


def test_groups_hold_what_goes_together_and_not_too_many():
    configs = [run_config(method, seed=seed) for seed in range(MOST_AT_ONCE + 1) for method in (METHOD, AUTOENCODER)]
    groups = in_groups(configs)
    assert sorted(place for group in groups for place in group) == list(range(len(configs)))
    assert groups[0] == list(range(0, 2 * MOST_AT_ONCE, 2))
    assert [len(group) for group in groups].count(1) == MOST_AT_ONCE + 2


def test_processes_give_the_same_bits_as_one_after_the_other(tiny_cohort, tmp_path):
    wanted = _wanted(tmp_path, _configs({"seed": 0}, {"seed": 1}, epochs=1))
    side_by_side = train_all(wanted, tiny_cohort, processes=2)
    for run, alone in zip(side_by_side, _alone(tmp_path, wanted, tiny_cohort), strict=True):
        assert (run.path / "model.safetensors").read_bytes() == (alone.path / "model.safetensors").read_bytes()


def test_a_gpu_takes_them_as_one_and_a_cpu_does_not(cohort, tmp_path, monkeypatch):
    as_one = []
    monkeypatch.setattr(together, "train_as_one", lambda wanted, *_, **__: as_one.append(len(wanted)))
    wanted = _wanted(tmp_path, _configs({"seed": 0}, {"seed": 1}, epochs=1))
    train_all(wanted, cohort)
    assert as_one == []
    assert together.ensemble_pays(torch.device("cuda"))
    monkeypatch.setattr(together, "ensemble_pays", lambda device: True)
    train_all(wanted, cohort)
    assert as_one == [2]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_each_ends_as_it_would_have_alone(cohort, tmp_path):
    wanted = _wanted(tmp_path, _configs({"seed": 0}, {"seed": 101, "base_lr": 1e-3}))
    runs = train_as_one(wanted, cohort, device=torch.device("cuda"))
    for run, alone in zip(runs, _alone(tmp_path, wanted, cohort, device=torch.device("cuda")), strict=True):
        _assert_alike(run, alone, rtol=1e-3, atol=1e-3)
