import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from cardiolens.bundles import bundle as bundle_module
from cardiolens.bundles.bundle import APPLICABILITY, CARD, CONFIG, WEIGHTS, read_bundle, shipped_bundle_path, write_bundle
from cardiolens.bundles.config import ApplicabilityCard
from cardiolens.bundles.model_card import model_card
from cardiolens.bundles.weights import read_safetensors, write_safetensors
from cardiolens.errors import BadBundle, BadWeights, NoSpace
from cardiolens.nn.ecg_model import EcgModel


@pytest.fixture
def state(tiny_config) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return EcgModel(tiny_config.model).state_dict()


@pytest.fixture
def written(tmp_path, tiny_config, state):
    return write_bundle(tmp_path / "model", tiny_config, state)


def rewrite_config(path, change) -> None:
    stored = json.loads((path / CONFIG).read_text())
    change(stored)
    (path / CONFIG).write_text(json.dumps(stored))


def test_a_bundle_reads_back_as_it_was_written(written, tiny_config):
    back = read_bundle(written.path)
    assert replace(back.config, files={}) == tiny_config
    assert back.state.keys() == written.state.keys()
    assert sorted(p.name for p in written.path.iterdir()) == sorted([WEIGHTS, CONFIG, CARD])
    assert [p.name for p in written.path.parent.iterdir()] == ["model"]


def test_tensors_are_stored_in_half_precision_and_answer_almost_as_before(written, tiny_config, state):
    exact = EcgModel(tiny_config.model).eval()
    exact.load_state_dict(state)
    ecg = torch.randn(3, 12, 20, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before, after = exact(ecg), read_bundle(written.path).model()(ecg)
    for name in before:
        torch.testing.assert_close(after[name], before[name], rtol=1e-2, atol=1e-3)
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert (written.path / WEIGHTS).stat().st_size < 2.5 * sum(t.numel() for t in state.values()) + 5000


@pytest.mark.parametrize(
    "broken",
    [
        lambda tensors: tensors.pop("applicability.voltage.mean"),
        lambda tensors: tensors.update({"applicability.voltage.spread": torch.ones(4)}),
        lambda tensors: tensors.update({"applicability.voltage.more": torch.ones(3)}),
        lambda tensors: tensors.update({"applicability.embedding.mean": torch.ones(3)}),
        lambda tensors: tensors.clear(),
    ],
)
def test_a_distance_that_is_not_whole_or_has_no_threshold_is_refused(tmp_path, tiny_config, state, broken):
    config = replace(tiny_config, applicability=ApplicabilityCard({"voltage": 1.5}, subjects=90))
    whole = {"mean": torch.zeros(3), "spread": torch.ones(3), "whitening": torch.eye(3)}
    whole = {f"{APPLICABILITY}voltage.{name}": tensor for name, tensor in whole.items()}
    assert write_bundle(tmp_path / "whole", config, state | whole).of_model().keys() == state.keys()
    broken(whole)
    with pytest.raises(BadBundle, match="applicability"):
        write_bundle(tmp_path / "broken", config, state | whole)


def test_a_distance_that_nobody_described_is_refused(tmp_path, tiny_config, state):
    with pytest.raises(BadBundle, match="applicability"):
        write_bundle(tmp_path / "model", tiny_config, state | {f"{APPLICABILITY}voltage.mean": torch.zeros(3)})


def test_the_writer_gives_back_the_rounded_weights_that_a_reader_gets(written):
    back = read_bundle(written.path).state
    assert all(torch.equal(back[name], written.state[name]) for name in back)


def test_the_model_card_lies_beside_the_tensors(written):
    assert (written.path / CARD).read_text() == model_card(written.config)


def test_the_same_model_gives_the_same_bytes(tmp_path, tiny_config, state):
    one, two = (write_bundle(tmp_path / name, tiny_config, state).path for name in ("one", "two"))
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in (WEIGHTS, CONFIG, CARD))


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, CARD])
def test_a_missing_file_is_named(written, name):
    (written.path / name).unlink()
    with pytest.raises(BadBundle, match=f"no {name}"):
        read_bundle(written.path)


@pytest.mark.parametrize("name", [WEIGHTS, CARD])
def test_a_file_changed_after_writing_is_noticed(written, name):
    raw = bytearray((written.path / name).read_bytes())
    raw[-1] ^= 1
    (written.path / name).write_bytes(raw)
    with pytest.raises(BadBundle, match=f"{name}: found a file with SHA-256"):
        read_bundle(written.path)


def change_schema(stored):
    stored["schema_version"] = 99


def misspell(stored):
    stored["colour"] = "red"


def rename_head(stored):
    stored["heads"][0]["name"] = "other"


def drop_a_calibration(stored):
    stored["heads"][0]["calibration"] = []


def break_a_scale(stored):
    stored["heads"][1]["sd"][0] = float("nan")


def climb_out(stored):
    stored["files"]["../../secret"] = "0" * 64


def inflate_the_encoder(stored):
    stored["model"]["encoder"]["depth"] = 10**9


def widen_a_head(stored):
    stored["model"]["heads"][1]["outputs"] = 3
    for key in ("columns", "names", "units"):
        stored["heads"][1][key].append("x")
    for key in ("mean", "sd"):
        stored["heads"][1][key].append(1.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (change_schema, "schema version 99, known are 1"),
        (misspell, "colour"),
        (rename_head, "head cards that do not describe"),
        (drop_a_calibration, "one entry per column"),
        (break_a_scale, "no scale"),
        (climb_out, "checksums of"),
        (inflate_the_encoder, "2 blocks; expected 1000000000"),
        (widen_a_head, r"heads\.p\.weight of shape \(2, 8\); expected shape \(3, 8\)"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_description_that_is_wrong_is_refused_with_the_reason(written, change, said):
    rewrite_config(written.path, change)
    with pytest.raises(BadBundle, match=said) as refusal:
        read_bundle(written.path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "content", ["", "[]", "[" * 100_000, '"' + "x" * (2 << 20) + '"'], ids=["empty", "list", "deep", "large"]
)
def test_a_description_that_is_no_description_is_refused(written, content):
    (written.path / CONFIG).write_text(content)
    with pytest.raises(BadBundle, match="no description of a bundle"):
        read_bundle(written.path)


def test_a_tensor_too_many_is_refused_even_with_right_checksums(written):
    state = read_safetensors(written.path / WEIGHTS) | {"stowaway": torch.zeros(1)}
    write_safetensors(written.path / WEIGHTS, state)
    digest = bundle_module.sha256(written.path / WEIGHTS)
    rewrite_config(written.path, lambda stored: stored["files"].update({WEIGHTS: digest}))
    with pytest.raises(BadBundle, match="stowaway"):
        read_bundle(written.path)


def test_writing_never_touches_what_is_there(written, tiny_config, state):
    with pytest.raises(BadBundle, match="something there already"):
        write_bundle(written.path, tiny_config, state)
    read_bundle(written.path)


def test_a_state_of_another_model_is_refused_and_nothing_is_written(tmp_path, tiny_config, state):
    del state["heads.d.bias"]
    with pytest.raises(BadBundle, match=r"heads\.d\.bias"):
        write_bundle(tmp_path / "model", tiny_config, state)
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_refused_and_nothing_is_written(tmp_path, tiny_config, state):
    state["heads.d.bias"] = state["heads.d.bias"] * np.nan
    with pytest.raises(BadWeights, match="not finite"):
        write_bundle(tmp_path / "model", tiny_config, state)
    assert not list(tmp_path.iterdir())


def test_a_full_device_leaves_nothing_behind(tmp_path, tiny_config, state, monkeypatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(NoSpace):
        write_bundle(tmp_path / "model", tiny_config, state)
    assert not list(tmp_path.iterdir())


def test_an_installation_without_the_shipped_bundle_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(bundle_module, "__file__", str(tmp_path / "bundle.py"))
    with pytest.raises(BadBundle, match=r"no shipped bundle in this installation.*--model"):
        shipped_bundle_path()


def test_a_folder_that_is_no_bundle_is_refused_by_name(tmp_path):
    shutil.rmtree(tmp_path)
    with pytest.raises(BadBundle, match=f"{tmp_path.name}: found no {CONFIG}"):
        read_bundle(tmp_path)


@pytest.mark.parametrize(
    ("with_bundle", "said"), [(True, r"name its folder \S+/bundle"), (False, "cardiolens bundle \\S+ --cohort")]
)
def test_a_run_in_place_of_a_bundle_is_called_a_run(written, tmp_path, with_bundle, said):
    run = tmp_path / "run"
    (run / "bundle").mkdir(parents=True)
    (run / CONFIG).write_text(json.dumps({"schema_version": 1, "config": {}, "cohort": "0a", "start": ""}))
    if with_bundle:
        shutil.copytree(written.path, run / "bundle", dirs_exist_ok=True)
    with pytest.raises(BadBundle, match=f"found a run; expected a bundle; .*{said}"):
        read_bundle(run)
