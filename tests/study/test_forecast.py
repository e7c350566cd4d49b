from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from cardiolens.recipes import smoke
from cardiolens.study import forecast as measured
from cardiolens.study.forecast import examples_per_second, forecast
from cardiolens.study.plan import PlannedRun, Study, Sweep
from cardiolens.study.runner import Asked, run_study
from cardiolens.training.examples import training_rows

CPU = torch.device("cpu")


def _of_epochs(config, epochs):
    return replace(config, training=replace(config.training, epochs=epochs, warmup_epochs=0.0))


MDM = PlannedRun("mdm", _of_epochs(smoke.mdm(), 1))
JOINT = _of_epochs(smoke.joint(), 3)
OTHER_SEED = replace(JOINT, training=replace(JOINT.training, seed=101))
SWEEP = Sweep("lr/mdm", PlannedRun("", JOINT, start=("mdm",)), {"training.base_lr": (1e-3, 1e-4)})
TUNED = PlannedRun("tuned/mdm/101", OTHER_SEED, ("mdm",), "lr/mdm", predicts=True)
STUDY = Study("tiny", (MDM, TUNED), (SWEEP,))


@pytest.fixture
def rates(monkeypatch):
    """Ten examples a second of masked modelling, four of fine-tuning; the runs that were measured."""
    asked = []

    def rate(config, cohort, device):
        asked.append(config.name)
        return 10.0 if config.name == MDM.config.name else 4.0

    monkeypatch.setattr(measured, "examples_per_second", rate)
    return asked


def test_a_run_takes_its_examples_over_the_measured_rate(tiny_cohort, tmp_path, rates):
    expected = {one.key: one for one in forecast(STUDY, tiny_cohort, CPU, tmp_path)}
    num_rows = len(training_rows(tiny_cohort, JOINT.method, JOINT.data))
    assert list(expected) == ["mdm", "lr/mdm/base_lr=0.001", "lr/mdm/base_lr=0.0001", "tuned/mdm/101"]
    assert (expected["mdm"].examples, expected["mdm"].seconds) == (num_rows, num_rows / 10)
    assert (expected["tuned/mdm/101"].examples, expected["tuned/mdm/101"].seconds) == (3 * num_rows, 3 * num_rows / 4)
    assert rates == [MDM.config.name, JOINT.name], "each kind of run is measured once"


def test_the_seed_of_the_sweep_is_trained_by_the_sweep(tiny_cohort, tmp_path, rates):
    both = replace(STUDY, runs=(*STUDY.runs, replace(TUNED, key="tuned/mdm/0", config=JOINT)))
    assert forecast(both, tiny_cohort, CPU, tmp_path) == forecast(STUDY, tiny_cohort, CPU, tmp_path)


def test_what_is_done_takes_no_time(tiny_cohort, tmp_path, rates):
    run_study(STUDY.only(["mdm"]), tiny_cohort, tmp_path, asked=Asked(tiny_cohort.path))
    assert [one.key for one in forecast(STUDY, tiny_cohort, CPU, tmp_path)] == [
        "lr/mdm/base_lr=0.001", "lr/mdm/base_lr=0.0001", "tuned/mdm/101",
    ]  # fmt: skip


def test_the_rate_is_that_of_the_steps_after_the_first(tiny_cohort, monkeypatch):
    # Nobody asks when the first step, which warms up, is over; the others take two seconds each.
    seconds = iter([0.0, *(100.0 * step + passed for step in (1, 2, 3) for passed in (0.0, 2.0))])
    monkeypatch.setattr(measured, "time", SimpleNamespace(perf_counter=lambda: next(seconds)))
    config = replace(MDM.config, training=replace(MDM.config.training, batch_size=4))
    assert examples_per_second(config, tiny_cohort, CPU) == 4 / 2
