"""A model as a folder: `model.safetensors`, `config.json`, `MODEL_CARD.md`, and more tensors where `config.json` lists them.

The folder is all that a prediction needs. It appears whole or not at all, and what was changed after it was written is
noticed: `config.json` holds the SHA-256 of the other files. A model without heads is allowed: it answers nothing, but training
starts from it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256 as sha256_of_bytes
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import torch
from torch import Tensor

from cardiolens.atomic import full_disk_named, sha256, sync, write_through
from cardiolens.bundles.bank import ReferenceBank
from cardiolens.bundles.config import BundleConfig, upgraded
from cardiolens.bundles.model_card import model_card
from cardiolens.bundles.weights import read_safetensors, safetensors_bytes
from cardiolens.configs import from_json, to_json
from cardiolens.errors import BadBundle, BadOption, BadWeights
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.nn.shared_space import SharedSpace
from cardiolens.privacy import display_name

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
CARD = "MODEL_CARD.md"
SHARED_SPACE = "shared_space.safetensors"
BANK = "bank.safetensors"
IMAGE_ENCODER = "image_encoder.safetensors"
OPTIONAL_FILES = (SHARED_SPACE, BANK, IMAGE_ENCODER)
"""Files of tensors that may lie beside the model's; `config.json` lists those that do. Read when they are asked for."""
BUNDLE_FILES = (WEIGHTS, CONFIG, CARD, *OPTIONAL_FILES)
"""Everything that a bundle can hold: tensors, JSON and Markdown, nothing that runs."""

_MOST_CONFIG_BYTES = 1 << 20


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory. `state` holds float32 whatever was stored."""

    config: BundleConfig
    state: dict[str, Tensor]
    path: Path

    def of_model(self) -> dict[str, Tensor]:
        """The tensors of the model; others say when it does not apply."""
        return {name: tensor for name, tensor in self.state.items() if not name.startswith(APPLICABILITY)}

    def shared_space(self) -> SharedSpace | None:
        """Where ECGs and MRI pictures are compared, with its weights, in evaluation mode; None where the bundle has none.

        Raises:
            BadBundle: tensors and description do not belong together.
        """
        if self.config.shared_space is None:
            return None
        try:
            # On no memory first: a description may claim sizes that the tensors do not have.
            with torch.device("meta"):
                space = SharedSpace(self.config.shared_space.space)
            space.load_state_dict(_read(self.path, SHARED_SPACE), strict=True, assign=True)
        except (RuntimeError, ValueError, OverflowError) as error:
            _refuse(self.path / SHARED_SPACE, f"tensors of another model ({error})", f"those that {CONFIG} describes")
        return space.eval()

    def bank(self) -> ReferenceBank | None:
        """Hearts to compare with; None where the bundle has none.

        Raises:
            BadBundle: tensors and description do not belong together.
        """
        if self.config.bank is None:
            return None
        try:
            return ReferenceBank.from_tensors(_read(self.path, BANK), self.config.bank.columns)
        except ValueError as error:
            _refuse(self.path / BANK, str(error), f"the bank that {CONFIG} describes")

    def model(self) -> EcgModel:
        """The model with its weights, in evaluation mode, on the CPU.

        Raises:
            BadBundle: tensors and description do not belong together.
        """
        try:
            _refuse_other_sizes(self.config, self.state, self.path)
            model = EcgModel(self.config.model)
            model.load_state_dict(self.of_model(), strict=True)
        except (RuntimeError, ValueError, OverflowError) as error:
            _refuse(self.path / WEIGHTS, f"tensors of another model ({error})", f"those that {CONFIG} describes")
        return model.eval()


def write_bundle(
    path: Path,
    config: BundleConfig,
    state: Mapping[str, Tensor],
    *,
    shared_space: SharedSpace | None = None,
    bank: ReferenceBank | None = None,
    beside: Mapping[str, Mapping[str, Tensor]] = MappingProxyType({}),
    half: bool = True,
) -> Bundle:
    """Write `EcgModel(config.model)` with weights `state` as a new folder; half precision unless told otherwise.

    `shared_space` and `bank` are what `config` describes by those names, `beside` holds the tensors of other files by their
    name, one of OPTIONAL_FILES. The folder is read back before it gets its name, so a bundle that cannot be read is never left
    behind. Gives what was read: with `half`, the rounded weights.

    Raises:
        BadBundle: `path` holds something already, or the state is not that of the model.
        BadWeights: a weight is not finite, or not in half precision.
        NoSpace: the device is full.
    """
    path = Path(os.path.abspath(path))
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        _refuse(path, "something there already", "a new folder", "choose another name or remove it")
    Bundle(config, dict(state), path).model()
    tensors = {WEIGHTS: state, **beside}
    if shared_space is not None:
        tensors[SHARED_SPACE] = shared_space.state_dict()
    if bank is not None:
        tensors[BANK] = bank.tensors()
    contents = {name: safetensors_bytes(held, source=path / name, half=half) for name, held in tensors.items()}
    config = replace(config, files=_checksums(contents))
    contents[CARD] = model_card(config).encode()
    config = replace(config, files=_checksums(contents))
    contents[CONFIG] = (json.dumps(to_json(config), indent=1, ensure_ascii=False) + "\n").encode()
    fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with full_disk_named(path):
            fresh.mkdir(parents=True)
            for name, content in contents.items():
                write_through(fresh / name, content)
            sync(fresh)
            bundle = read_bundle(fresh)
            fresh.replace(path)
            sync(path.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return replace(bundle, path=path)


def read_bundle(path: Path) -> Bundle:
    """The bundle in folder `path`, checked: description, checksums, and that the tensors fill the described model.

    Nothing in the folder is ever executed.

    Raises:
        BadBundle: a file is missing or changed, the schema is unknown, or the parts do not belong together.
    """
    config = read_config(path)
    for name, expected in config.files.items():
        try:
            found = sha256(path / name)
        except OSError:
            _refuse(path, f"no {name}", f"a bundle of {WEIGHTS}, {CONFIG} and {CARD}")
        if found != expected:
            _refuse(path / name, f"a file with SHA-256 {found[:12]}…", f"{expected[:12]}… as {CONFIG} says")
    state = _read(path, WEIGHTS)
    if broken := [name for name, tensor in state.items() if not torch.isfinite(tensor).all()]:
        _refuse(path / WEIGHTS, f"values in {broken[0]} that are not finite", "finite weights")
    bundle = Bundle(config, state, path)
    bundle.model()
    _refuse_other_distances(bundle)
    return bundle


def read_config(path: Path) -> BundleConfig:
    """The description of the bundle in folder `path`, of any schema version ever written; its tensors are not looked at.

    Raises:
        BadBundle: it is missing, damaged or of an unknown schema.
    """
    file = path / CONFIG
    try:
        size = file.stat().st_size
        raw = file.read_bytes() if size <= _MOST_CONFIG_BYTES else b""
    except OSError:
        _refuse(path, f"no {CONFIG}", f"a bundle of {WEIGHTS}, {CONFIG} and {CARD}", "name the folder of a bundle")
    try:
        stored = json.loads(raw)
        if not isinstance(stored, dict):
            raise ValueError(f"a {type(stored).__name__} in place of settings")
        _refuse_run(path, stored)
        config = from_json(BundleConfig, upgraded(stored), source=file)
    except (ValueError, RecursionError) as error:
        _refuse(file, f"no description of a bundle ({error})", "the file that this program wrote")
    except BadOption as error:
        _refuse(file, error.found, error.expected)
    described = {WEIGHTS: True, CARD: True, SHARED_SPACE: config.shared_space, BANK: config.bank}
    expected = {name for name, card in described.items() if card is not None}
    if not expected <= set(config.files) <= {*expected, IMAGE_ENCODER}:
        listed = f"those of {' and '.join(sorted(expected))}, and of no others but {IMAGE_ENCODER}"
        _refuse(file, f"checksums of {', '.join(config.files)[:80] or 'nothing'}", listed)
    return config


def _refuse_run(path: Path, stored: dict[str, object]) -> None:
    if not {"config", "cohort", "start"} <= stored.keys():
        return
    shown = display_name(path)
    if (path / "bundle" / CONFIG).is_file():
        remedy = f"name its folder {shown}/bundle"
    else:
        remedy = f"it has no bundle: of a finished fine-tuning make one, cardiolens bundle {shown} --cohort COHORT --out BUNDLE"
    _refuse(path, "a run", "a bundle", remedy)


def _read(path: Path, name: str) -> dict[str, Tensor]:
    try:
        return read_safetensors(path / name)
    except BadWeights as error:
        raise BadBundle(path, found=f"{name} with {error.found}", expected=error.expected, remedy=_REMEDY) from error


def shipped_bundle_path() -> Path:
    """The folder of the bundle that comes with the package, trained on synthetic hearts.

    Raises:
        BadBundle: this installation has none.
    """
    path = Path(__file__).parent / "shipped"
    if not (path / CONFIG).is_file():
        _refuse(
            "cardiolens", "no shipped bundle in this installation", "its folder bundles/shipped", "name a bundle by --model"
        )
    return path


APPLICABILITY = "applicability."
"""How the names of the tensors begin that measure how far an ECG is from those the model learned from."""
_DISTANCE_AXES = {"mean": 1, "spread": 1, "whitening": 2}
"""The tensors of one distance, and how many axes of features each has."""
_REMEDY = "fetch or write the bundle again"


def _checksums(contents: Mapping[str, bytes]) -> dict[str, str]:
    return {name: sha256_of_bytes(content).hexdigest() for name, content in contents.items()}


def _refuse_other_sizes(config: BundleConfig, state: Mapping[str, Tensor], path: Path) -> None:
    """Compare the sizes that a description can inflate with the tensors, before a module is built from them."""
    encoder = config.model.encoder
    expected = {
        "ecg_encoder.positions": (1, encoder.num_patches + 1, encoder.width),
        "ecg_encoder.patch_embedding.weight": (encoder.width, encoder.patch),
        "ecg_encoder.blocks.0.mlp.expand.weight": (int(encoder.width * encoder.mlp_ratio), encoder.width),
    }
    for head in config.model.heads:
        expected[f"heads.{head.name}.weight"] = (head.outputs * (2 if head.binary else 1), encoder.width)
    for name, shape in expected.items():
        found = tuple(state[name].shape) if name in state else None
        if found != shape:
            _refuse(
                path / WEIGHTS, f"{name} of shape {found}" if found else f"no {name}", f"shape {shape} as {CONFIG} describes"
            )
    depth = len({name.split(".")[2] for name in state if name.startswith("ecg_encoder.blocks.")})
    if depth != encoder.depth:
        _refuse(path / WEIGHTS, f"{depth} blocks", f"{encoder.depth} as {CONFIG} describes")


def _refuse_other_distances(bundle: Bundle) -> None:
    card = bundle.config.applicability
    found = {name: tuple(bundle.state[name].shape) for name in bundle.state.keys() - bundle.of_model().keys()}
    expected = {}
    for place in card.thresholds if card is not None else ():
        features = found.get(f"{APPLICABILITY}{place}.mean", ())[:1]
        expected |= {f"{APPLICABILITY}{place}.{part}": features * axes for part, axes in _DISTANCE_AXES.items()}
        points = f"{APPLICABILITY}{place}.points"
        if len(found.get(points, ())) == 2:
            expected[points] = found[points][:1] + features
    if wrong := sorted(
        name for name in found.keys() | expected.keys() if not found.get(name) or found[name] != expected.get(name)
    ):
        _refuse(
            bundle.path / WEIGHTS,
            f"{wrong[0]} of shape {found[wrong[0]]}" if wrong[0] in found else f"no {wrong[0]}",
            f"{', '.join(_DISTANCE_AXES)} over the same features for each threshold in {CONFIG}, and no other",
        )


def _refuse(source: str | Path, found: str, expected: str, remedy: str = _REMEDY) -> NoReturn:
    raise BadBundle(source, found=found[:300], expected=expected, remedy=remedy)
