import json
from dataclasses import replace

import pytest
import torch
from dying_disk import FullDisk
from tiny import TinyConfig, start_run, training_config

from cardiolens.errors import BadOption, BadRun, NoSpace
from cardiolens.training.config import DataConfig, RunConfig
from cardiolens.training.environment import describe_environment
from cardiolens.training.run import Run

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")
WEIGHTS = {"ecg_encoder.weight": torch.arange(6.0).reshape(2, 3), "counter": torch.tensor(3)}
RESULT = {"epochs": 3, "best_value": float("nan")}


def test_a_run_that_is_opened_is_the_run_that_was_started(tmp_path):
    run = start_run(tmp_path / "deep" / "run", clip_norm=float("inf"), patience=7.0)
    assert Run.open(run.path) == run
    assert isinstance(Run.open(run.path).config.method, TinyConfig)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"config": RunConfig("tiny", TinyConfig(noise=0.5), training_config())}, r"config\.method\.noise 0\.1 where 0\.5"),
        ({"config": RunConfig("tiny", TinyConfig(), training_config(epochs=4))}, r"config\.training\.epochs 3 where 4"),
        ({"cohort": "another"}, 'cohort "a cohort" where "another"'),
        ({"start": "abc"}, 'start "" where "abc"'),
    ],
)
def test_a_folder_with_another_run_is_refused_by_what_differs(tmp_path, changes, named):
    start_run(tmp_path)
    wanted = {"config": RunConfig("tiny", TinyConfig(), training_config()), "cohort": "a cohort", "start": ""} | changes
    with pytest.raises(BadRun, match=named):
        Run.start_or_resume(tmp_path, wanted.pop("config"), **wanted)


def test_stray_files_in_the_folder_do_not_matter(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / ".nfs0001").write_text("not mine either")
    run = start_run(tmp_path)
    run.finish(WEIGHTS, RESULT)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema_version": 2}', b'{"schema_version": 1}'])
def test_a_damaged_configuration_is_refused(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(BadRun):
        Run.open(tmp_path)


def test_a_setting_that_this_version_does_not_know_is_named(tmp_path):
    path = start_run(tmp_path).path / "config.json"
    stored = json.loads(path.read_text())
    stored["config"]["training"]["momentum"] = 0.9
    path.write_text(json.dumps(stored))
    with pytest.raises(BadOption, match="momentum"):
        Run.open(tmp_path)


def test_a_run_is_done_only_when_its_weights_are_whole(tmp_path):
    run = start_run(tmp_path)
    run.checkpoints.save({"step": 1}, step=1)
    assert not run.is_done
    with pytest.raises(BadRun, match=r"no done\.json"):
        run.weights()

    run.finish(WEIGHTS, RESULT)

    assert run.is_done
    assert all(torch.equal(run.weights()[name], tensor) for name, tensor in WEIGHTS.items())
    assert run.result == {"epochs": 3, "best_value": None}
    assert run.checkpoints.newest() is None


def test_weights_that_changed_after_the_end_are_refused(tmp_path):
    run = start_run(tmp_path)
    run.finish(WEIGHTS, RESULT)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(BadRun, match="others than"):
        run.weights()


def test_metrics_are_read_back_with_null_for_what_is_not_finite(tmp_path):
    run = start_run(tmp_path)
    run.append_metrics({"epoch": 1, "loss": float("nan")})
    run.append_metrics({"epoch": 2, "loss": 0.5})
    assert run.metrics() == [{"epoch": 1, "loss": None}, {"epoch": 2, "loss": 0.5}]


def test_lines_that_will_be_written_again_and_half_lines_are_dropped(tmp_path):
    run = start_run(tmp_path)
    for epoch in (1, 2, 3):
        run.append_metrics({"epoch": epoch})
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"epoch": 4, "lo')
    assert [line["epoch"] for line in run.metrics()] == [1, 2, 3]
    run.drop_metrics_after(2)
    run.append_metrics({"epoch": 3})
    assert [line["epoch"] for line in run.metrics()] == [1, 2, 3]


def test_damaged_metrics_are_refused(tmp_path):
    run = start_run(tmp_path)
    (tmp_path / "metrics.jsonl").write_bytes(b"{{{\n")
    with pytest.raises(BadRun, match="not JSON"):
        run.metrics()


def test_a_full_disk_is_one_line_wherever_it_strikes(tmp_path, monkeypatch):
    run = start_run(tmp_path / "run")
    for action in (
        lambda: run.append_metrics({"epoch": 1}),
        lambda: run.record_environment({}),
        lambda: run.finish(WEIGHTS, RESULT),
        lambda: start_run(tmp_path / "new"),
    ):
        with FullDisk(tmp_path, last=0).installed(monkeypatch), pytest.raises(NoSpace):
            action()
    assert not run.is_done


def test_every_process_leaves_what_it_computed_with_and_nothing_private(tmp_path):
    import getpass
    import socket

    run = start_run(tmp_path)
    environment = describe_environment(torch.device("cpu"))
    run.record_environment(environment)
    run.record_environment(environment)

    text = (tmp_path / "environment.json").read_text()
    stored = json.loads(text)
    assert stored["processes"] == [environment, environment]
    assert stored["processes"][0]["versions"]["torch"] == torch.__version__
    for private in (socket.gethostname(), str(tmp_path), f'"{getpass.getuser()}"', "/"):
        assert private not in text.replace("\\/", "/")


def test_balancing_needs_exactly_one_label_column():
    with pytest.raises(BadOption, match=r"data\.balanced"):
        RunConfig("tiny", TinyConfig(), training_config(), DataConfig(balanced=True))
    with pytest.raises(BadOption, match=r"data\.share"):
        replace(DataConfig(), share=0.0)
