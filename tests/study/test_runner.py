import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from cardiolens.evaluation.predictions import concat_predictions, read_predictions
from cardiolens.parallel import Workers
from cardiolens.recipes import smoke
from cardiolens.study import runner
from cardiolens.study.plan import PlannedRun, Study, Sweep
from cardiolens.study.runner import Asked, run_study, unfinished
from cardiolens.training.config import Precision
from cardiolens.training.run import Run
from dask_cluster import dask_cluster


def _short(config):
    return replace(config, training=replace(config.training, epochs=1, warmup_epochs=0.0))


def _seeded(config, seed):
    return replace(config, name="MMCL", training=replace(config.training, seed=seed))


MDM = PlannedRun("mdm", _short(smoke.mdm()))
MMCL = PlannedRun("mmcl", _short(smoke.mmcl()), start=("mdm",))
JOINT = _short(smoke.joint())
SWEEP = Sweep("lr/mmcl", PlannedRun("", _seeded(JOINT, 0), start=("mmcl",)), {"training.base_lr": (1e-3, 1e-9)})
TUNED = tuple(PlannedRun(f"tuned/mmcl/{seed}", _seeded(JOINT, seed), ("mmcl",), "lr/mmcl", predicts=True) for seed in (0, 101))
STUDY = Study("tiny", (MDM, MMCL, *TUNED), (SWEEP,))


@pytest.fixture(scope="module")
def finished(tiny_cohort, tmp_path_factory):
    out = tmp_path_factory.mktemp("study")
    return out, run_study(STUDY, tiny_cohort, out, asked=Asked(tiny_cohort.path))


def test_every_run_is_done_from_what_it_builds_on(finished):
    _, runs = finished
    assert set(runs.places) == {
        "mdm",
        "mmcl",
        "tuned/mmcl/0",
        "tuned/mmcl/101",
        "lr/mmcl/base_lr=0.001",
        "lr/mmcl/base_lr=1e-09",
    }
    assert all(Run.open(place).is_done for place in runs.places.values())
    assert not Run.open(runs.places["mdm"]).start
    assert Run.open(runs.places["mmcl"]).start


def test_validation_chose_the_settings_of_the_final_runs(finished):
    _, runs = finished
    values = {lr: Run.open(runs.places[f"lr/mmcl/base_lr={lr:g}"]).result["best_value"] for lr in (1e-3, 1e-9)}
    assert runs.chosen["lr/mmcl"] == {"training.base_lr": max(values, key=values.get)}
    assert Run.open(runs.places["tuned/mmcl/101"]).config.training.base_lr == runs.chosen["lr/mmcl"]["training.base_lr"]


def test_what_a_sweep_has_trained_already_is_not_trained_again(finished):
    _, runs = finished
    best = f"lr/mmcl/base_lr={runs.chosen['lr/mmcl']['training.base_lr']:g}"
    assert runs.places[best] == runs.places["tuned/mmcl/0"]


def test_predictions_of_all_seeds_are_there(finished):
    _, runs = finished
    table = concat_predictions([read_predictions(path) for path in runs.predictions.values()])
    assert set(table["seed"]) == {0, 101}
    assert set(table["split"].cat.categories) == {"test"}


def test_a_finished_study_is_not_run_again(finished, tiny_cohort):
    out, runs = finished
    trained = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    again = run_study(STUDY, tiny_cohort, out, asked=Asked(tiny_cohort.path))
    assert again == runs
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == trained


def test_what_is_not_done_is_found_without_writing_anything(finished, tiny_cohort, tmp_path):
    out, runs = finished
    assert unfinished(STUDY, tiny_cohort, out) == []
    everything = [run.key for run in unfinished(STUDY, tiny_cohort, tmp_path)]
    assert sorted(everything) == sorted(runs.places)
    assert not list(tmp_path.iterdir())
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    shutil.rmtree(copy / "runs" / runs.places["tuned/mmcl/101"].name)
    (left,) = unfinished(STUDY, tiny_cohort, copy)
    assert left.key == "tuned/mmcl/101"
    assert left.config.training.base_lr == runs.chosen["lr/mmcl"]["training.base_lr"]
    (copy / "runs" / runs.places["lr/mmcl/base_lr=1e-09"].name / "done.json").unlink()
    # Until it is done nobody knows which rate the other two take.
    assert {run.key for run in unfinished(STUDY, tiny_cohort, copy)} == {"lr/mmcl/base_lr=1e-09", *(run.key for run in TUNED)}


def test_whoever_else_is_asked_about_gets_answers_of_their_own(finished, tiny_cohort):
    out, runs = finished
    others = run_study(STUDY, tiny_cohort, out, asked=Asked(tiny_cohort.path, "all"))
    assert others.places == runs.places
    counts = [len(read_predictions(found.predictions["tuned/mmcl/0"])) for found in (runs, others)]
    assert counts[0] < counts[1]


def test_a_folder_says_what_it_is(finished):
    _, runs = finished
    assert json.loads(runs.places["mmcl"].with_suffix(".json").read_text()) == {"key": "mmcl", "name": "MMCL", "start": ["mdm"]}


def test_two_processes_give_the_same_weights(finished, tiny_cohort, tmp_path):
    _, runs = finished
    part = STUDY.only(["tuned/mmcl/0"])
    other = run_study(part, tiny_cohort, tmp_path, asked=Asked(tiny_cohort.path), workers=Workers(2))
    one, two = (Run.open(found.places["tuned/mmcl/0"]).weights() for found in (runs, other))
    assert all(np.allclose(one[name], two[name], atol=1e-6) for name in one)


def _on_a_gpu(monkeypatch):
    """As if: groups are made and trained as one, on this CPU."""
    together = []
    monkeypatch.setattr(runner, "ensemble_pays", lambda device: True)
    as_one = runner.train_as_one
    monkeypatch.setattr(
        runner, "train_as_one", lambda wanted, *a, **k: (together.append(len(wanted)), as_one(wanted, *a, **k))[1]
    )
    return together


def test_seeds_and_rates_that_are_trained_as_one_end_as_if_trained_alone(tiny_cohort, tmp_path, monkeypatch):
    config = replace(JOINT, training=replace(JOINT.training, precision=Precision.FP32))
    runs = tuple(
        PlannedRun(f"{method}/{seed}", _seeded(config, seed), (method,), "lr", predicts=seed > 0)
        for method in ("mdm", "mmcl")
        for seed in (0, 101)
    )
    sweep = Sweep("lr", PlannedRun("", _seeded(config, 0), start=("mmcl",)), {"training.base_lr": (1e-3, 1e-9)})
    study = Study("both", (MDM, MMCL, *runs), (sweep,))
    alone = run_study(study, tiny_cohort, tmp_path / "alone", asked=Asked(tiny_cohort.path))
    together = _on_a_gpu(monkeypatch)
    as_one = run_study(study, tiny_cohort, tmp_path / "as_one", asked=Asked(tiny_cohort.path))
    assert together == [2, 2, 2], "the sweep, then the seeds from each of the two starts"
    assert {key: place.name for key, place in as_one.places.items()} == {key: place.name for key, place in alone.places.items()}
    assert as_one.chosen == alone.chosen
    for key in alone.places:
        one, two = (Run.open(found.places[key]).weights() for found in (alone, as_one))
        assert all(np.allclose(one[name], two[name], atol=1e-3) for name in one), key
    for key in alone.predictions:
        one, two = (read_predictions(found.predictions[key]) for found in (alone, as_one))
        np.testing.assert_allclose(one["score"], two["score"], rtol=1e-3, atol=1e-3)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")}
    run_study(study, tiny_cohort, tmp_path / "as_one", asked=Asked(tiny_cohort.path))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.safetensors")} == before


def test_a_run_that_stands_twice_in_a_plan_is_not_trained_beside_itself(tmp_path):
    one = runner.RunTask("one", JOINT, tmp_path, tmp_path / "place", (), (), "cpu")
    other = replace(one, key="other", config=_seeded(JOINT, 5), place=tmp_path / "other")
    again, elsewhere = replace(one, key="again"), replace(other, start=(tmp_path,), place=tmp_path / "elsewhere")
    tasks = [one, other, again, elsewhere]
    assert runner.grouped(tasks, torch.device("cuda")) == [(one, other), (elsewhere,), (again,)]
    assert runner.grouped(tasks, torch.device("cpu")) == [(task,) for task in tasks]


def test_a_cluster_gives_the_same_weights_though_one_of_its_workers_is_killed(finished, tiny_cohort, tmp_path):
    _, runs = finished
    with dask_cluster(tmp_path) as (address, processes):
        first, *_ = processes
        threading.Timer(4.0, first.kill).start()
        other = run_study(
            STUDY, tiny_cohort, tmp_path / "study", asked=Asked(tiny_cohort.path), workers=Workers(scheduler=address)
        )
    assert other.chosen == runs.chosen
    one, two = (Run.open(found.places["tuned/mmcl/101"]).weights() for found in (runs, other))
    assert all(np.allclose(one[name], two[name], atol=1e-6) for name in one)


_KILLED = """
import itertools, sys, time
from pathlib import Path
from test_runner import STUDY
from cardiolens.cohorts.store import Cohort
from cardiolens.study.runner import Asked, run_study, unfinished
from cardiolens.training.run import Run
finish, calls, last = Run.finish, itertools.count(1), int(sys.argv[3])
def waits_in_the_last(*arguments):
    while next(calls) >= last:
        time.sleep(1)
    return finish(*arguments)
Run.finish = waits_in_the_last
cohort = Cohort.open(Path(sys.argv[1]))
run_study(STUDY, cohort, Path(sys.argv[2]), asked=Asked(cohort.path))
"""


@pytest.mark.parametrize("when", [1, 4])
def test_a_study_killed_at_any_moment_goes_on_and_ends_with_the_same_bits(finished, tiny_cohort, tmp_path, when):
    _, runs = finished
    command = [sys.executable, "-c", _KILLED, str(tiny_cohort.path), str(tmp_path), str(when)]
    study = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)})
    # Killed while run number `when` is trained, which it never ends.
    try:
        while len(list((tmp_path / "runs").glob("*/metrics.jsonl"))) < when:
            assert study.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
    finally:
        study.kill()
        study.wait()
    finished_before = sum(
        Run.open(place).is_done for place in (tmp_path / "runs").iterdir() if (place / "config.json").exists()
    )
    assert finished_before < len(runs.places)
    again = run_study(STUDY, tiny_cohort, tmp_path, asked=Asked(tiny_cohort.path))
    assert again.chosen == runs.chosen
    one, two = (Run.open(found.places["tuned/mmcl/101"]).weights() for found in (runs, again))
    assert all(np.array_equal(one[name], two[name]) for name in one)
