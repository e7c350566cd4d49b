import json
import logging
import re
import sys
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch

import cardiolens.serving.onnx_export as exporting
from cardiolens.bundles.bundle import read_bundle, write_bundle
from cardiolens.bundles.config import HeadCard, InputContract
from cardiolens.cli import main
from cardiolens.configs import from_json
from cardiolens.errors import BadBundle, BadOption
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.serving.onnx_export import METADATA_KEY, export_onnx
from cardiolens.serving.onnx_graph import OneWindow
from cardiolens.serving.predictor import Predictor
from cardiolens.signals.cleaning import CleaningConfig, clean
from cardiolens.signals.windows import window_starts
from cardiolens.uncertainty import RiskMap


@pytest.fixture(scope="module", autouse=True)
def few_ecgs():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "LOSS_ECGS", 7)
        yield


@pytest.fixture(scope="module")
def plain(untrained_bundle):
    return read_bundle(untrained_bundle)


@pytest.fixture(scope="module")
def exported(plain, tmp_path_factory):
    return export_onnx(plain, tmp_path_factory.mktemp("onnx") / "model.onnx")


@pytest.fixture(scope="module")
def reading(plain, tmp_path_factory):
    """A bundle that reads scales, does not clip, and calibrates one disease by knots."""
    torch.manual_seed(0)
    cleaning = replace(plain.config.input.cleaning, clip_sd=float("inf"))
    first, *others = plain.config.heads
    config = replace(
        plain.config,
        model=replace(plain.config.model, scale_input=True),
        input=replace(plain.config.input, cleaning=cleaning),
        heads=(replace(first, calibration=(RiskMap(1.0, 0.0, knots=((-1.0, 0.1), (1.0, 0.6))),)), *others),
    )
    layer = {key: torch.randn(value.shape) / 10 for key, value in EcgModel(config.model).state_dict().items() if "scale" in key}
    return write_bundle(tmp_path_factory.mktemp("reading") / "reading", config, plain.state | layer)


@pytest.fixture(scope="module")
def exported_reading(reading, tmp_path_factory):
    return export_onnx(reading, tmp_path_factory.mktemp("onnx") / "model.onnx")


def _session(report):
    return onnxruntime.InferenceSession(report.path, providers=["CPUExecutionProvider"])


def _contract(session) -> dict:
    return json.loads(session.get_modelmeta().custom_metadata_map[METADATA_KEY])


def _numbers(bundle, recording) -> dict[str, float]:
    answer = Predictor(bundle.config, bundle.model())(recording)
    return {r.name: r.probability for r in answer.risks} | {p.column: p.value for p in answer.phenotypes}


@pytest.mark.parametrize("batch", [1, 3, 17])
def test_any_batch_gives_the_numbers_of_pytorch(reading, exported_reading, batch):
    draw = torch.Generator().manual_seed(batch)
    ecg, scale_mv = torch.randn(batch, 12, 2500, generator=draw), torch.rand(batch, 3, generator=draw) + 0.05
    with torch.inference_mode():
        expected = OneWindow(reading.model())(ecg, scale_mv)
    found = _session(exported_reading).run(None, {"ecg": ecg.numpy(), "scale_mv": scale_mv.numpy()})
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4)


def test_the_graph_names_its_inputs_and_outputs(exported, exported_reading):
    heads = ["cad", "af", "dm", "phenotypes"]
    for report, inputs in ((exported, ["ecg"]), (exported_reading, ["ecg", "scale_mv"])):
        session = _session(report)
        assert [one.name for one in session.get_inputs()] == inputs
        assert [one.name for one in session.get_outputs()] == ["embedding", *heads]
        assert session.get_inputs()[0].shape == ["batch", 12, 2500]


def test_the_file_is_enough_for_the_answers_of_the_predictor(plain, exported, recording):
    session = _session(exported)
    contract = _contract(session)
    assert "Research use only" in contract["notice"]
    assert from_json(InputContract, {key: contract[key] for key in ("leads", "rate_hz", "window", "cleaning")}, source="file")
    cleaned = clean(recording.signal_mv, CleaningConfig(**contract["cleaning"]))
    window = contract["window"]
    windows = [cleaned.signal[None, :, start : start + window] for start in window_starts(cleaned.signal.shape[1], window)]
    _, *scores = (np.mean(each, axis=0) for each in zip(*(session.run(None, {"ecg": one}) for one in windows), strict=True))
    answers = {}
    for stored, own in zip(contract["heads"], scores, strict=True):
        card = from_json(HeadCard, stored, source="file")
        answers |= dict(zip(card.columns, card.answers(own.astype(np.float64))[0], strict=True))
    expected = _numbers(plain, recording)
    np.testing.assert_allclose([answers[name] for name in expected], list(expected.values()), rtol=1e-4)


@pytest.mark.parametrize(("bundle", "report"), [("plain", "exported"), ("reading", "exported_reading")])
def test_the_program_in_the_documentation_gives_the_same_answers(request, bundle, report, recording, tmp_path, monkeypatch):
    page = (request.config.rootpath / "docs" / "export.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").write_bytes(request.getfixturevalue(report).path.read_bytes())
    longer = replace(recording, signal_mv=np.tile(recording.signal_mv, 2)[:, :6000].copy())
    longer.signal_mv[3, 100:110] = np.nan
    np.save(tmp_path / "ecg.npy", longer.signal_mv)
    names = {}
    exec(program, names)
    expected = _numbers(request.getfixturevalue(bundle), longer)
    np.testing.assert_allclose([names["answers"][name] for name in expected], list(expected.values()), rtol=1e-4)


def test_the_same_bundle_gives_the_same_bytes_and_names_no_folder(plain, exported, tmp_path):
    again = export_onnx(plain, tmp_path / "again.onnx").path.read_bytes()
    assert again == exported.path.read_bytes()
    assert b".py" not in again


def test_int8_is_smaller_and_says_what_it_costs(plain, exported, tmp_path, caplog):
    report = export_onnx(plain, tmp_path / "small.onnx", int8=True)
    assert report.path.stat().st_size == report.size_bytes < report.float_bytes == exported.size_bytes
    assert [(loss.head, loss.unit) for loss in report.losses] == [
        ("cad", "log odds"), ("af", "log odds"), ("dm", "log odds"), ("phenotypes", "standard deviations"),
    ]  # fmt: skip
    assert all(0 < loss.root_mean_square <= loss.largest < 0.5 for loss in report.losses)
    assert _contract(_session(report))["precision"] == "int8"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_head_named_like_the_graph_or_its_inside_does_no_harm(plain, tmp_path):
    for name in ("embedding", "linear"):
        rename = {"cad": name}
        config = replace(
            plain.config,
            heads=tuple(replace(card, name=rename.get(card.name, card.name)) for card in plain.config.heads),
            model=replace(
                plain.config.model,
                heads=tuple(replace(head, name=rename.get(head.name, head.name)) for head in plain.config.model.heads),
            ),
        )
        state = {key.replace("heads.cad.", f"heads.{name}."): value for key, value in plain.state.items()}
        bundle = replace(plain, config=config, state=state)
        if name == "embedding":
            with pytest.raises(BadBundle, match="a head embedding"):
                export_onnx(bundle, tmp_path / "model.onnx")
        else:
            assert export_onnx(bundle, tmp_path / "model.onnx").largest_difference < 1e-4


def test_a_graph_that_differs_is_never_written(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "MOST_DIFFERENCE", -1.0)
    with pytest.raises(BadBundle, match="PyTorch"):
        export_onnx(plain, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_target_that_cannot_be_a_file_is_refused(plain, tmp_path, monkeypatch):
    with pytest.raises(BadOption, match="found a folder"):
        export_onnx(plain, tmp_path)
    with pytest.raises(BadOption, match="rights"):
        export_onnx(plain, tmp_path / "absent" / "model.onnx")
    monkeypatch.setattr(exporting.os, "access", lambda *_: False)
    with pytest.raises(BadOption, match="rights"):
        export_onnx(plain, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_without_the_extra_one_line_says_what_to_install(capsys, untrained_bundle, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["export", "--model", str(untrained_bundle), "--out", str(tmp_path / "model.onnx")]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "pip install 'cardiolens[onnx]'" in line


def test_the_command_prints_sizes_parity_loss_and_notice(capsys, untrained_bundle, tmp_path):
    assert main(["export", "--model", str(untrained_bundle), "--out", str(tmp_path / "model.onnx"), "--int8"]) == 0
    shown = capsys.readouterr()
    for said in ("MB in float32", "largest difference", "log odds", "standard deviations", "Research use only"):
        assert said in shown.out
    assert "torchvision" not in shown.err
