"""Counts against counts by hand."""

import json

import pytest
import torch

from cardiolens.account.ceilings import measure_ceilings
from cardiolens.account.stages import STAGES, make_stage
from cardiolens.account.step import count_step, measure_step, repeated
from cardiolens.batch import Batch, StepOutput
from cardiolens.cli import main
from cardiolens.methods.method import Method, ParameterGroup, Selection
from cardiolens.training.config import Precision

CPU = torch.device("cpu")


class _Product(Method):
    """One matrix product of each ECG with 7 columns."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(60, 7))

    @property
    def selects_by(self):
        return Selection("loss", higher_is_better=False)

    def forward(self, batch):
        return StepOutput((batch.ecg.flatten(1) @ self.weight).square().mean())

    def parameter_groups(self, weight_decay):
        return [ParameterGroup((self.weight,), 1.0, weight_decay, "all")]


@pytest.fixture
def batch():
    return Batch(torch.randn(4, 12, 5), torch.ones(4, 3), torch.arange(4))


def test_operations_of_a_matrix_product_are_those_by_hand(batch):
    cost = count_step(_Product(), batch, Precision.FP32)
    # Forward and the gradient of the weights; the ECG wants none.
    assert cost.flop_per_sample == 2 * (2 * 60 * 7)
    assert cost.parameters == 420
    assert cost.state_bytes == 4 * 4 * 420
    assert cost.input_bytes_per_sample == 12 * 5 * 4 + 3 * 4 + 8
    # The ECG for the weights' gradient, and the product for that of the square.
    assert cost.saved_bytes_per_sample == 60 * 4 + 7 * 4


def test_a_rate_is_that_of_whole_steps(batch):
    rate = measure_step(_Product(), batch, Precision.FP32, seconds=0.01)
    assert rate.steps >= 3
    assert rate.samples_per_second == pytest.approx(4 / rate.seconds)
    assert rate.peak_bytes is None
    assert len(repeated(lambda: None, CPU, seconds=0.0)) == 3


def test_a_block_counts_once():
    calls = []
    assert len(repeated(lambda: calls.append(1), CPU, seconds=0.0, block=5)) == 3
    assert len(calls) == 2 + 3 * 5


@pytest.mark.parametrize(("name", "gigaflop", "tolerance"), [("mdm", 5.4, 0.05), ("mmcl", 32.0, 0.10)])
def test_the_papers_stages_cost_what_is_known_of_them(name, gigaflop, tolerance):
    stage = make_stage(name, CPU, batch_size=2)
    cost = count_step(stage.method, stage.batch, Precision.FP32)
    assert cost.flop_per_sample / 1e9 == pytest.approx(gigaflop, rel=tolerance)


def test_every_stage_can_be_stepped():
    for name in STAGES:
        stage = make_stage(name, CPU, batch_size=2)
        assert len(stage.batch) == 2
        assert stage.method.train()(stage.batch).loss.isfinite()


def test_ceilings_are_rates():
    found = measure_ceilings(CPU, Precision.FP32, seconds=0.02, side=64)
    assert found.flop_per_second > 1e6
    assert found.bytes_per_second > 1e6


def test_the_verb_prints_and_writes(tmp_path, capsys):
    out = tmp_path / "account.json"
    said = ["benchmark", "--stage", "mdm", "--precision", "fp32", "--batch-size", "2", "--seconds", "0.1", "--device", "cpu"]
    assert main([*said, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "mdm" in shown
    assert "Research use only" in shown
    (row,) = json.loads(out.read_text())["stages"]
    speed = row["flop_per_sample"] * row["samples_per_second"]
    assert row["share_of_ceiling"] == pytest.approx(speed / row["ceilings"]["flop_per_second"])


@pytest.mark.parametrize("wrong", [["--seconds", "0"], ["--seconds", "nan"], ["--threads", "0"], ["--batch-size", "0"]])
def test_numbers_that_measure_nothing_are_refused(wrong, capsys):
    with pytest.raises(SystemExit):
        main(["benchmark", *wrong])
    assert "--seconds takes" in capsys.readouterr().err
