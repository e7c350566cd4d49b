import argparse
import collections
import json
import pathlib
import pickle
import struct
import sys
import time
import tracemalloc
import types
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cardiolens.bundles.weights import MAX_HEADER_BYTES, read_published, read_safetensors, write_safetensors
from cardiolens.errors import BadWeights, NoSpace


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {"a.weight": torch.randn(3, 4, generator=generator), "a.count": torch.tensor(7)}


def safetensors_file(path: pathlib.Path, header: object, body: bytes = b"") -> pathlib.Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + body)
    return path


def test_what_is_written_is_read_back_to_the_bit(tmp_path, state):
    write_safetensors(tmp_path / "m.safetensors", state)
    back = read_safetensors(tmp_path / "m.safetensors")
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_half_precision_storage_is_read_as_float32_within_its_rounding(tmp_path, state):
    write_safetensors(tmp_path / "m.safetensors", state, half=True)
    back = read_safetensors(tmp_path / "m.safetensors")
    assert back["a.weight"].dtype == torch.float32
    torch.testing.assert_close(back["a.weight"], state["a.weight"], rtol=5e-4, atol=0)
    assert back["a.count"] == 7
    assert back["a.count"].dtype == torch.int64


@pytest.mark.parametrize("value", [float("nan"), 7e4])
def test_values_that_half_precision_cannot_hold_are_refused_before_anything_is_written(tmp_path, value):
    with pytest.raises(BadWeights, match=r"values in w that are not finite"):
        write_safetensors(tmp_path / "m.safetensors", {"w": torch.tensor([value])}, half=True)
    assert not list(tmp_path.iterdir())


def test_a_full_device_leaves_the_old_file_whole(tmp_path, state, monkeypatch):
    target = tmp_path / "m.safetensors"
    write_safetensors(target, state)
    before = target.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(NoSpace):
        write_safetensors(target, {"a.weight": torch.zeros(5)})
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("kept", [0, 4, 8, 60, -1])
def test_a_truncated_file_is_refused(tmp_path, state, kept):
    path = tmp_path / "m.safetensors"
    write_safetensors(path, state)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BadWeights, match=r"m\.safetensors: found"):
        read_safetensors(path)


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"[" * 100_000, "not JSON"),
        (b"[]", "without tensors"),
        ({"a": ENTRY | {"dtype": "F64"}}, "type F64"),
        ({"a": ENTRY | {"shape": [3]}}, "shape and size disagree"),
        ({"a": ENTRY | {"shape": [-2]}}, "shape and size disagree"),
        ({"a": ENTRY | {"shape": [True, 2]}}, "shape and size disagree"),
        ({"a": ENTRY, "b": ENTRY}, "overlap"),
        ({"a": ENTRY | {"data_offsets": [4, 12]}}, "overlap or leave gaps"),
        ({"a": ENTRY | {"data_offsets": [8, 0]}}, "disagree"),
        ({"a": {"shape": [2]}}, "without type"),
        ({}, "8 bytes of tensors where the header lists 0"),
    ],
    ids=["nested", "list", "dtype", "shape", "negative", "boolean", "overlap", "gap", "backwards", "incomplete", "unlisted"],
)
def test_a_header_that_lies_is_refused(tmp_path, header, said):
    with pytest.raises(BadWeights, match=said):
        read_safetensors(safetensors_file(tmp_path / "m.safetensors", header, bytes(8)))


def test_hostile_headers_cost_little_time_and_memory(tmp_path):
    many = {f"t{k}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for k in range(100_000)}
    short = dict(list(many.items())[:50_000])
    oversized = tmp_path / "oversized.safetensors"
    oversized.write_bytes(struct.pack("<Q", MAX_HEADER_BYTES + 1) + bytes(100))
    files = [
        safetensors_file(tmp_path / "many.safetensors", many),
        safetensors_file(tmp_path / "s.safetensors", short),
        oversized,
    ]
    tracemalloc.start()
    start = time.process_time()
    for path in files:
        with pytest.raises(BadWeights, match="header"):
            read_safetensors(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - start < 30
    assert peak < 100 << 20


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_flipped_bytes_give_a_typed_error_or_tensors(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "m.safetensors"
    write_safetensors(path, {"w": torch.arange(6.0), "n": torch.tensor(1)})
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    with suppress(BadWeights):
        read_safetensors(path)


def test_a_signal_encoder_file_loads_and_says_what_is_absent(tmp_path, published_encoder):
    torch.save({"model": published_encoder}, tmp_path / "signal_encoder_mmcl.pth")
    published = read_published(tmp_path / "signal_encoder_mmcl.pth")
    assert {key.split(".")[0] for key in published.state} == {"ecg_encoder"}
    assert "the ECG projector" in published.absent
    assert "a fine-tuned head" in published.absent
    assert "the ECG encoder" not in published.absent
    assert published.ignored == {}


def test_the_settings_and_optimiser_beside_the_weights_are_not_needed_and_do_no_harm(tmp_path, published_encoder):
    company = {
        "args": argparse.Namespace(lr=1e-5, out=pathlib.PurePosixPath("/somewhere"), counts=collections.defaultdict(int, a=1)),
        "best": np.float64(0.7),
        "epoch": 3,
        "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}},
    }
    extras = {"projector.0.weight": torch.ones(2), "predictor.3.bias": torch.ones(2)}
    torch.save(company | {"model": published_encoder | extras}, tmp_path / "checkpoint-399.pth")
    published = read_published(tmp_path / "checkpoint-399.pth")
    assert list(published.ignored.items()) == [("predictor.3.bias", 2), ("projector.0.weight", 2)]


def test_a_lightning_checkpoint_loads_without_importing_the_packages_of_its_settings(tmp_path, published_encoder, monkeypatch):
    package = types.ModuleType("omegaconf")
    package.AttributeDict = type("AttributeDict", (dict,), {"__module__": "omegaconf", "__qualname__": "AttributeDict"})
    package.Node = type("Node", (), {"__module__": "omegaconf", "__qualname__": "Node"})
    node = package.Node()
    node.content = {"kind": float}
    monkeypatch.setitem(sys.modules, "omegaconf", package)
    state = {f"encoder_ecg.{key}": value for key, value in published_encoder.items()}
    state |= {f"projection_head_ecg.layers.{k}.bias": torch.ones(2) for k in (0, 2)} | {"classifier.model.bias": torch.ones(2)}
    settings_object = package.AttributeDict(node=node)
    torch.save({"state_dict": state, "hyper_parameters": settings_object}, tmp_path / "last.ckpt")
    monkeypatch.delitem(sys.modules, "omegaconf")
    published = read_published(tmp_path / "last.ckpt")
    assert "omegaconf" not in sys.modules
    assert "the ECG projector" not in published.absent
    assert published.ignored == {"classifier.model.bias": 2}


class Harmful:
    def __init__(self, target: pathlib.Path) -> None:
        self.target = target

    def __reduce__(self):
        return (pathlib.Path.touch, (self.target,))


class HarmfulByName(Harmful):
    def __reduce__(self):
        return (eval, (f"open({str(self.target)!r}, 'w')",))


@pytest.mark.parametrize("harm", [Harmful, HarmfulByName])
@pytest.mark.parametrize("wrapped", [True, False], ids=["archive", "bare pickle"])
def test_a_pickle_that_would_run_code_is_refused_in_one_line_and_runs_nothing(tmp_path, published_encoder, harm, wrapped):
    path, planted = tmp_path / "weights.pth", tmp_path / "planted"
    content = {"model": published_encoder, "extra": harm(planted)}
    if wrapped:
        torch.save(content, path)
    else:
        path.write_bytes(pickle.dumps(content))
    with pytest.raises(BadWeights, match=r"weights\.pth: found") as refusal:
        read_published(path)
    assert "\n" not in str(refusal.value)
    assert not planted.exists()
    if not wrapped:
        pickle.loads(path.read_bytes())
        assert planted.exists(), "the planted pickle was harmless, so this test showed nothing"


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 not a zip"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(BadWeights, match="no checkpoint archive"):
        read_published(tmp_path / "w.pth")


def test_a_missing_file_is_named(tmp_path):
    for read in (read_published, read_safetensors):
        with pytest.raises(BadWeights, match=r"absent\.pth: found no readable file"):
            read(tmp_path / "absent.pth")


def test_an_archive_that_inflates_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 20))
    with pytest.raises(BadWeights, match="unpacks to more"):
        read_published(tmp_path / "w.pth")


def test_a_tensor_that_claims_more_than_it_stores_is_refused(tmp_path, published_encoder):
    torch.save({"model": published_encoder | {"pos_embed": torch.ones(1).expand(1, 10_000_000_000, 4)}}, tmp_path / "w.pth")
    with pytest.raises(BadWeights, match="no plain array"):
        read_published(tmp_path / "w.pth")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_flipped_bytes_of_a_checkpoint_give_a_typed_error_or_weights(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "w.pth"
    torch.save({"model": {"cls_token": torch.ones(1, 1, 4)}}, path)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw)
    with pytest.raises(BadWeights):
        read_published(path)
