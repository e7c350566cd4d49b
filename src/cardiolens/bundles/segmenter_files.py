"""A segmenter as files: `model.safetensors`, `config.json` with the digest of the weights, and `MODEL_CARD.md`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import torch

from cardiolens.atomic import full_disk_named, sha256, write_atomically
from cardiolens.bundles.segmenter import Segmenter, SegmenterConfig
from cardiolens.bundles.weights import read_safetensors, write_safetensors
from cardiolens.configs import from_json, to_json
from cardiolens.errors import BadBundle, BadOption, BadWeights
from cardiolens.nn.unet import UNet

SCHEMA_VERSION = 1
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "MODEL_CARD.md"
_MOST_CONFIG_BYTES = 1 << 20


def read_segmenter(path: Path) -> Segmenter:
    """The segmenter in folder `path`, checked, on the CPU; nothing in the folder is ever executed.

    Raises:
        BadBundle: a file is missing or changed, the schema is unknown, or the weights are those of another network.
    """
    config = _read_config(path / CONFIG)
    weights = path / WEIGHTS
    try:
        found = sha256(weights)
    except OSError:
        _refuse(path, f"no {WEIGHTS}", f"a segmenter of {WEIGHTS}, {CONFIG} and {CARD}")
    if found != config.weights_sha256:
        _refuse(weights, f"a file with SHA-256 {found[:12]}…", f"{config.weights_sha256[:12]}… as {CONFIG} says")
    try:
        state = read_safetensors(weights)
        net = UNet(config.unet)
        net.load_state_dict(state, strict=True)
    except BadWeights as error:
        raise BadBundle(path, found=f"{WEIGHTS} with {error.found}", expected=error.expected, remedy=_REMEDY) from error
    except RuntimeError as error:
        _refuse(weights, f"tensors of another network ({error})", f"those that {CONFIG} describes")
    if broken := [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]:
        _refuse(weights, f"values in {broken[0]} that are not finite", "finite weights")
    return Segmenter(config, net.eval())


def write_segmenter(path: Path, segmenter: Segmenter, *, card: str) -> Segmenter:
    """Write a segmenter into folder `path` in half precision, its description last, and give what was read back.

    Raises:
        BadWeights: a weight is not finite in half precision.
        NoSpace: the device is full; an older segmenter in the folder is refused from then on, not half used.
    """
    with full_disk_named(path):
        path.mkdir(parents=True, exist_ok=True)
    write_safetensors(path / WEIGHTS, segmenter.net.state_dict(), half=True)
    write_atomically(path / CARD, card.encode())
    config = replace(segmenter.config, weights_sha256=sha256(path / WEIGHTS))
    write_atomically(path / CONFIG, (json.dumps(to_json(config), indent=1, ensure_ascii=False) + "\n").encode())
    return read_segmenter(path)


def shipped_segmenter_path() -> Path:
    """The folder of the segmenter that comes with the package, trained on procedural scans.

    Raises:
        BadBundle: this installation has none.
    """
    path = Path(__file__).parent / "shipped_segmenter"
    if not (path / CONFIG).is_file():
        _refuse("cardiolens", "no shipped segmenter in this installation", "its folder bundles/shipped_segmenter")
    return path


_REMEDY = "fetch or write the segmenter again"


def _read_config(file: Path) -> SegmenterConfig:
    try:
        size = file.stat().st_size
        raw = file.read_bytes() if size <= _MOST_CONFIG_BYTES else b""
    except OSError:
        _refuse(file.parent, f"no {CONFIG}", f"a segmenter of {WEIGHTS}, {CONFIG} and {CARD}")
    try:
        stored = json.loads(raw)
        version = stored.get("schema_version")
    except (ValueError, RecursionError, AttributeError) as error:
        _refuse(file, f"no description of a segmenter ({error})", "the file that this program wrote")
    if version != SCHEMA_VERSION:
        _refuse(file, f"schema version {version}", f"version {SCHEMA_VERSION}")
    try:
        return from_json(SegmenterConfig, stored, source=file)
    except BadOption as error:
        _refuse(file, error.found, error.expected)


def _refuse(source: str | Path, found: str, expected: str) -> NoReturn:
    raise BadBundle(source, found=found[:300], expected=expected, remedy=_REMEDY)
