import contextlib
import itertools
import math
import signal
from dataclasses import asdict

import pytest
import torch
from dying_disk import DyingDisk, Killed
from tiny import NUM_EXAMPLES, Tiny, TinyBatches, TinyConfig, start_run, training_config

from cardiolens.errors import BadRun
from cardiolens.progress import QuietProgress
from cardiolens.training.checkpoint import Checkpoints, DamagedCheckpoint
from cardiolens.training.config import KeptWeights, Precision
from cardiolens.training.fitting import Member
from cardiolens.training.loop import FitResult, fit, fit_together

pytestmark = pytest.mark.usefixtures("no_waiting_for_the_disk")
WALL_CLOCK = {"seconds", "examples_per_second"}
STEPS_PER_EPOCH = len(TinyBatches())


def _fit(folder, *, before=lambda epoch, batch: None, before_validation=lambda epoch, batch: None, **changes):
    run = start_run(folder, **changes)
    method = run.config.method.build(seed=0)
    result = fit(
        method,
        TinyBatches(before=before),
        TinyBatches(seed=1, before=before_validation),
        run.config.training,
        run,
        progress=QuietProgress(),
    )
    return method, result, run


def _interrupt_at(epoch, batch, number=signal.SIGINT):
    seen = []

    def before(now_epoch, now_batch):
        if (now_epoch, now_batch) == (epoch, batch) and not seen:
            seen.append(True)
            signal.raise_signal(number)

    return before


def _assert_same_weights(one: torch.nn.Module, other: torch.nn.Module):
    for (name, a), b in zip(one.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def _metrics(run):
    return [{name: value for name, value in line.items() if name not in WALL_CLOCK} for line in run.metrics()]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return _fit(tmp_path_factory.mktemp("uninterrupted"))


@pytest.mark.parametrize("epoch", range(3))
@pytest.mark.parametrize("batch", range(STEPS_PER_EPOCH))
def test_a_run_stopped_at_any_step_ends_with_the_same_bits(tmp_path, uninterrupted, epoch, batch):
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, before=_interrupt_at(epoch, batch))
    torch.rand(epoch + batch)  # what other code draws meanwhile is of no consequence

    method, result, run = _fit(tmp_path)

    _assert_same_weights(method, uninterrupted[0])
    assert result == uninterrupted[1]
    assert _metrics(run) == _metrics(uninterrupted[2])


@pytest.mark.parametrize("epoch", range(3))
def test_a_run_stopped_while_it_validates_ends_with_the_same_bits(tmp_path, uninterrupted, epoch):
    calls = []

    def before_validation(_, batch):
        calls.append(batch)
        if len(calls) == epoch * STEPS_PER_EPOCH + 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, before_validation=before_validation)
    method, _, run = _fit(tmp_path)

    _assert_same_weights(method, uninterrupted[0])
    assert _metrics(run) == _metrics(uninterrupted[2])


def test_a_run_killed_at_any_step_goes_on_from_its_last_checkpoint_with_the_same_bits(tmp_path, uninterrupted):
    class Killed(BaseException):
        pass

    def kill_once_at(step):
        def before(epoch, batch):
            if epoch * STEPS_PER_EPOCH + batch == step and step not in done:
                done.add(step)
                raise Killed

        return before

    done = set()
    for step in (3, 5, 8, 10):
        with pytest.raises(Killed):
            _fit(tmp_path, before=kill_once_at(step), checkpoint_every_steps=2)
    method, _, run = _fit(tmp_path, checkpoint_every_steps=2)

    _assert_same_weights(method, uninterrupted[0])
    assert _metrics(run) == _metrics(uninterrupted[2])


def test_a_run_whose_newest_checkpoint_is_damaged_ends_with_the_same_bits(tmp_path, uninterrupted):
    with pytest.raises(KeyboardInterrupt):
        _fit(tmp_path, before=_interrupt_at(2, 2), checkpoint_every_steps=2)
    newest = max((tmp_path / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.warns(DamagedCheckpoint):
        method, _, run = _fit(tmp_path, checkpoint_every_steps=2)

    _assert_same_weights(method, uninterrupted[0])
    assert _metrics(run) == _metrics(uninterrupted[2])


def test_a_process_that_dies_at_any_file_operation_can_be_resumed_to_the_same_bits(tmp_path, monkeypatch):
    saved, save = [], Checkpoints.save
    monkeypatch.setattr(Checkpoints, "save", lambda self, state, *, step: saved.append(step) or save(self, state, step=step))

    def run_to_the_end(folder):
        run = start_run(folder, epochs=2, checkpoint_every_steps=1)
        method, batches = TinyConfig().build(seed=0), TinyBatches(batch_size=NUM_EXAMPLES)
        result = fit(method, batches, batches, run.config.training, run, progress=QuietProgress())
        run.finish(method.state_dict(), asdict(result))
        return run

    whole = run_to_the_end(tmp_path / "whole")
    assert saved
    for last in itertools.count():
        folder = tmp_path / str(last)
        disk = DyingDisk(folder, last=last)
        with disk.installed(monkeypatch), contextlib.suppress(Killed):
            run_to_the_end(folder)
        if not disk.died:
            break
        run = run_to_the_end(folder)
        assert (folder / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()
        assert _metrics(run) == _metrics(whole)
        assert sorted(path.name for path in folder.iterdir()) == [
            "config.json",
            "done.json",
            "metrics.jsonl",
            "model.safetensors",
        ]
    assert last > 30, "it dies in the configuration, the metrics, the checkpoint, the weights and the mark"


def test_when_checkpoints_are_written_changes_nothing(tmp_path, uninterrupted):
    method, _, _ = _fit(tmp_path, checkpoint_every_seconds=0.0)
    _assert_same_weights(method, uninterrupted[0])


def test_epochs_shorter_than_a_checkpoint_takes_do_not_end_in_one_each(tmp_path, monkeypatch):
    written, save = [], Checkpoints.save

    def slow(self, state, *, step):
        path = save(self, state, step=step)
        self.seconds_to_write = 1e6
        written.append(step)
        return path

    monkeypatch.setattr(Checkpoints, "save", slow)
    _fit(tmp_path, epochs=6)
    assert written == [STEPS_PER_EPOCH]


def test_a_signal_in_the_last_moment_goes_through_after_the_weights_are_written(tmp_path):
    written = []

    def when_over(member, result):
        signal.raise_signal(signal.SIGINT)
        written.append(result.epochs)

    run = start_run(tmp_path)
    member = Member(run.config.method.build(seed=0), TinyBatches(), None, run.config.training, run)
    with pytest.raises(KeyboardInterrupt):
        fit_together([member], progress=QuietProgress(), when_over=when_over)
    assert written == [run.config.training.epochs]


def test_sigterm_leaves_a_checkpoint_too(tmp_path, uninterrupted):
    with pytest.raises(SystemExit) as stopped:
        _fit(tmp_path, before=_interrupt_at(1, 1, signal.SIGTERM))
    assert stopped.value.code == 143
    _assert_same_weights(_fit(tmp_path)[0], uninterrupted[0])


def test_the_ambient_generator_neither_matters_nor_changes(tmp_path, uninterrupted):
    torch.manual_seed(1234)
    before = torch.random.get_rng_state()
    method, _, _ = _fit(tmp_path)
    _assert_same_weights(method, uninterrupted[0])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_method_is_told_after_every_step_how_much_of_the_training_lay_before_it(tmp_path):
    class Told(Tiny):
        def __init__(self):
            super().__init__(TinyConfig())
            self.progress = []

        def after_step(self, progress):
            self.progress.append(progress)

    run = start_run(tmp_path)
    method = Told()
    fit(method, TinyBatches(), None, run.config.training, run, progress=QuietProgress())
    assert method.progress == pytest.approx([step / (3 * STEPS_PER_EPOCH) for step in range(3 * STEPS_PER_EPOCH)])


def test_accumulated_parts_give_the_gradient_of_the_whole_batch(tmp_path):
    class Plain(Tiny):
        def __init__(self, config):
            super().__init__(config)
            # Both depend on the part that a row is in.
            self.normed, self.dropped = torch.nn.Linear(3, 3), torch.nn.Identity()

    def weights(accumulation):
        run = start_run(tmp_path / str(accumulation), accumulation=accumulation)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            method = Plain(TinyConfig())
        fit(method, TinyBatches(), None, run.config.training, run, progress=QuietProgress())
        return torch.cat([parameter.detach().flatten() for parameter in method.parameters()])

    torch.testing.assert_close(weights(1), weights(3), rtol=1e-4, atol=1e-6)


def test_no_step_waits_for_a_number_from_the_device(tmp_path, monkeypatch):
    fetched = []
    for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__"):
        original = getattr(torch.Tensor, name)

        def counted(tensor, *arguments, _original=original, _name=name):
            fetched.append(_name)
            return _original(tensor, *arguments)

        monkeypatch.setattr(torch.Tensor, name, counted)
    at_step = []
    run = start_run(tmp_path, epochs=1)
    batches = TinyBatches(before=lambda epoch, batch: at_step.append(list(fetched)))
    fit(TinyConfig().build(seed=0), batches, None, run.config.training, run, progress=QuietProgress())

    assert at_step[-1] == at_step[0]
    assert len(fetched) > len(at_step[-1]), "the counter counts"


def test_one_line_per_epoch_tells_means_over_examples_and_the_rate(uninterrupted):
    lines = uninterrupted[2].metrics()
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert [line["step"] for line in lines] == [4, 8, 12]
    assert lines[-1]["lr"] == 0.0
    assert {"train_loss", "train_score", "select_loss", "select_score", "select_error"} <= lines[0].keys()


def test_validation_weighs_examples_and_not_batches(tmp_path):
    _, _, run = _fit(tmp_path, epochs=1)
    method = TinyConfig().build(seed=0)
    whole = TinyBatches(seed=1, batch_size=NUM_EXAMPLES)
    _fit_again = start_run(tmp_path / "again", epochs=1)
    fit(method, TinyBatches(), whole, _fit_again.config.training, _fit_again, progress=QuietProgress())
    assert _fit_again.metrics()[0]["select_loss"] == pytest.approx(run.metrics()[0]["select_loss"], rel=1e-5)


def test_the_method_keeps_the_weights_that_validation_liked_best(tmp_path):
    class Scripted(Tiny):
        def __init__(self, errors):
            super().__init__(TinyConfig())
            self.errors, self.weights = iter(errors), []

        def validation_metrics(self, scores, target, known):
            self.weights.append(self.head.weight.detach().clone())
            return {"error": next(self.errors)}

    def kept(**changes):
        run = start_run(tmp_path / str(len(changes)), **changes)
        method = Scripted([0.5, 0.2, 0.4])
        result = fit(method, TinyBatches(), TinyBatches(), run.config.training, run, progress=QuietProgress())
        return [torch.equal(method.head.weight, weight) for weight in method.weights], result

    weights, result = kept()
    assert weights == [False, True, False]
    assert (result.best_epoch, result.best_value, result.selected_by) == (2, 0.2, "error")
    assert kept(keep=KeptWeights.LAST)[0] == [False, False, True]


def test_training_stops_when_patience_runs_out_and_stays_stopped(tmp_path):
    changes = {"epochs": 40, "base_lr": 0.5, "patience": 1.0}
    _, result, run = _fit(tmp_path, **changes)
    assert result.stopped_early
    assert result.epochs == len(run.metrics()) < 40
    assert _fit(tmp_path, **changes)[1] == result


def test_validation_happens_every_few_epochs_and_after_the_last(tmp_path):
    _, _, run = _fit(tmp_path, epochs=5, validate_every=2)
    assert [line["epoch"] for line in run.metrics() if "select_error" in line] == [2, 4, 5]


def test_without_validation_the_last_weights_stay(tmp_path):
    run = start_run(tmp_path)
    method = TinyConfig().build(seed=0)
    result = fit(method, TinyBatches(), None, run.config.training, run, progress=QuietProgress())
    assert result == FitResult(3, 12, False, None, None, "error")


def test_a_loss_that_is_no_longer_finite_ends_the_run_with_one_line(tmp_path):
    with pytest.raises(BadRun, match=r"loss of .* lower training\.base_lr"):
        _fit(tmp_path, base_lr=1e30, clip_norm=math.inf, warmup_epochs=0.0)


def test_bf16_trains_in_bf16_with_float32_weights(tmp_path):
    seen = set()

    class Watched(Tiny):
        def forward(self, batch):
            seen.add(self.ecg_encoder(batch.ecg.flatten(1)).dtype)
            return super().forward(batch)

    run = start_run(tmp_path, precision=Precision.BF16)
    method = Watched(TinyConfig())
    fit(method, TinyBatches(), TinyBatches(), run.config.training, run, progress=QuietProgress())
    assert seen == {torch.bfloat16}
    assert {parameter.dtype for parameter in method.parameters()} == {torch.float32}


def test_gradients_longer_than_the_limit_are_cut(tmp_path, monkeypatch):
    lengths = []
    original = torch.nn.utils.clip_grad_norm_

    def watched(parameters, limit):
        norm = original(parameters, limit)
        lengths.append(torch.stack([parameter.grad.norm() for parameter in parameters]).norm().item())
        return norm

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", watched)
    _fit(tmp_path, clip_norm=0.01)
    assert max(lengths) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(
    "changes",
    [{"epochs": 0}, {"base_lr": 0.0}, {"warmup_epochs": 4.0}, {"accumulation": 5}, {"clip_norm": 0.0}, {"validate_every": 0}],
)
def test_impossible_settings_are_named(changes):
    from cardiolens.errors import BadOption

    with pytest.raises(BadOption, match=f"training.{next(iter(changes))}"):
        training_config(**changes)
