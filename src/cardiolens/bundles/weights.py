"""Weights as files: safetensors, ours, and the pickled checkpoints of the published code.

Nothing that a file names is ever executed. safetensors headers are checked before a byte of a tensor is read; a pickled
checkpoint goes through PyTorch's restricted unpickler, and whatever foreign class it mentions becomes an inert blank.
"""

from __future__ import annotations

import json
import math
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from cardiolens.atomic import write_atomically
from cardiolens.bundles.published_keys import convert_published, our_key
from cardiolens.errors import BadWeights

MAX_HEADER_BYTES = 4 << 20
MAX_TENSORS = 10_000
MAX_FILE_BYTES = 8 << 30

_ITEM_BYTES = {"U8": 1, "F16": 2, "BF16": 2, "F32": 4, "I64": 8}
_WRITABLE = (torch.float16, torch.float32, torch.bfloat16, torch.int64, torch.uint8)
PARTS = {
    "ecg_encoder": "the ECG encoder",
    "image_encoder": "the image encoder",
    "decoder": "the masked autoencoder's decoder",
    "ecg_pool.attention": "the attention pooling",
    "ecg_pool.norm": "the norm after pooling",
    "ecg_projector": "the ECG projector",
    "image_projector": "the image projector",
    "heads": "a fine-tuned head",
}
"""What published files may hold: the beginning of our names, and the part in words."""
# A checkpoint may mention these beside its tensors (settings, paths, scores). None of it is needed: each class becomes a
# blank of ours, so that the foreign one is never imported.
_BLANKED_PACKAGES = frozenset(
    {"argparse", "lightning", "lightning_fabric", "numpy", "omegaconf", "pathlib", "pytorch_lightning", "typing"}
)
_BLANKED_NAMES = frozenset(
    {"collections.defaultdict", *(f"builtins.{name}" for name in ("bool", "dict", "float", "int", "list", "object", "str"))}
)


@dataclass(frozen=True)
class PublishedWeights:
    """What a published checkpoint holds, under our names."""

    state: dict[str, Tensor]
    """float32 (int64 counters), ready for `load_state_dict` of the part whose prefix it carries."""
    absent: tuple[str, ...]
    """The parts that the file does not hold, in words: what starts from scratch."""
    ignored: dict[str, int]
    """The file's own keys that have no place in our modules, in order, and how many numbers each holds."""


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file; half precision becomes float32.

    The header is checked first, so a hostile file costs at most its own size in memory.

    Raises:
        BadWeights: truncated, oversized, inconsistent, or a type other than U8, F16, BF16, F32 and I64.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    _check_layout(path)
    try:
        stored = load(path.read_bytes())
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        _refuse(path, f"a file that does not read ({error})")
    return {name: t.to(torch.float32) if t.is_floating_point() else t for name, t in stored.items()}


def write_safetensors(path: Path, state: Mapping[str, Tensor], *, half: bool = False) -> None:
    """Write a state dict atomically; with `half`, floating point is stored as float16 (relative error below 0.0005).

    Raises:
        BadWeights: a value is not finite or, with `half`, beyond 65,504.
        NoSpace: the device is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, safetensors_bytes(state, source=path, half=half))


def safetensors_bytes(state: Mapping[str, Tensor], *, source: Path, half: bool = False) -> bytes:
    """What `write_safetensors` writes; the same tensors give the same bytes. `source` names the file in errors."""
    from safetensors.torch import save

    stored = {}
    for name, tensor in state.items():
        tensor = tensor.detach().cpu()
        tensor = tensor.to(torch.float16) if half and tensor.is_floating_point() else tensor
        assert tensor.dtype in _WRITABLE, f"{name} is {tensor.dtype}"
        if not torch.isfinite(tensor).all():
            _refuse(source, f"values in {name} that are not finite{' in half precision' if half else ''}", "finite weights")
        # A copy of its own: two names may share one memory, which the format does not allow.
        stored[name] = tensor.clone(memory_format=torch.contiguous_format)
    # One entry only: the format's writer puts several in random order.
    return save(stored, metadata={"format": "pt"})


def read_published(path: Path) -> PublishedWeights:
    """A checkpoint of MMCL-ECG-CMR or mae (signal, image, contrastive, autoencoder or fine-tuned) under our names.

    Settings, optimiser states and other company of the weights may be there or not; they are never needed and never run.

    Raises:
        BadWeights: not a checkpoint that torch.save wrote, damaged, mentioning code, or without a known encoder.
    """
    loaded = _load_inert(path)
    tensors = _tensors(loaded.get("model", loaded.get("state_dict", loaded)) if isinstance(loaded, dict) else loaded, path)
    state = convert_published(tensors, source=str(path))
    absent = tuple(part for prefix, part in PARTS.items() if not any(key.startswith(f"{prefix}.") for key in state))
    ignored = {name: tensors[name].numel() for name in sorted(tensors) if our_key(name) is None}
    return PublishedWeights(state, absent, ignored)


def _check_layout(path: Path) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            opening = file.read(8)
            length = struct.unpack("<Q", opening)[0] if len(opening) == 8 else -1
            if not 2 <= length <= MAX_HEADER_BYTES or size > MAX_FILE_BYTES:
                _refuse(path, "no safetensors header" if length < 2 else f"a header of {length} bytes in {size}")
            raw = file.read(length)
    except OSError as error:
        _refuse(path, f"no readable file ({error.strerror})")
    if len(raw) < length:
        _refuse(path, f"a file cut off after {size} bytes")
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):
        _refuse(path, "a header that is not JSON")
    if not isinstance(header, dict) or len(header) > MAX_TENSORS:
        _refuse(path, f"a header of {len(header)} entries" if isinstance(header, dict) else "a header without tensors")
    header.pop("__metadata__", None)
    if (end := _laid_out_bytes(path, header)) != size - 8 - length:
        _refuse(path, f"{size - 8 - length} bytes of tensors where the header lists {end}")


def _laid_out_bytes(path: Path, header: dict[str, Any]) -> int:
    spans = []
    for name, entry in header.items():
        match entry:
            case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(start), int(stop)]} if dtype in _ITEM_BYTES:
                fits = len(shape) <= 8 and all(type(n) is int and 0 <= n <= MAX_FILE_BYTES for n in shape)
                if not fits or stop - start != math.prod(shape) * _ITEM_BYTES[dtype]:
                    _refuse(path, f"tensor {name[:80]!r} whose shape and size disagree")
                spans.append((start, stop))
            case {"dtype": str(dtype)} if dtype not in _ITEM_BYTES:
                _refuse(path, f"tensor {name[:80]!r} of type {dtype[:20]}", f"only {', '.join(_ITEM_BYTES)}")
            case _:
                _refuse(path, f"tensor {name[:80]!r} without type, shape and place")
    end = 0
    for start, stop in sorted(spans):
        if start != end:
            _refuse(path, "tensors that overlap or leave gaps")
        end = stop
    return end


def _load_inert(path: Path) -> object:
    """What torch.save stored, with a blank in place of every foreign class."""
    _check_archive(path)
    try:
        mentioned = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        blanked = [name for name in mentioned if name.split(".")[0] in _BLANKED_PACKAGES or name in _BLANKED_NAMES]
        if refused := sorted(set(mentioned) - set(blanked)):
            _refuse(path, f"a pickle that asks to run {', '.join(refused)[:200]}", "weights alone")
        blanks = [(_BlankDict if name.lower().endswith("dict") else _Blank, name) for name in blanked]
        with torch.serialization.safe_globals(blanks):
            return torch.load(path, map_location="cpu", weights_only=True)
    except BadWeights:
        raise
    except Exception as error:
        # A damaged pickle fails in as many ways as there are bytes; each means the same to the user.
        raise _bad(path, f"a damaged checkpoint ({type(error).__name__})") from error


class _Blank:
    """Stands for an object of a foreign class and keeps nothing of it."""

    def __new__(cls, *_: object) -> Any:
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


class _BlankDict(_Blank):
    """Stands for a foreign dictionary; the restricted unpickler fills plain ones only."""

    def __new__(cls, *_: object) -> Any:
        return {}


def _check_archive(path: Path) -> None:
    """Refuse what is no plain archive: its entries, read into memory, must not outgrow the file."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or unpacked > path.stat().st_size:
            _refuse(path, "an archive that unpacks to more than its size")
    except OSError as error:
        _refuse(path, f"no readable file ({error.strerror})")
    except (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, UnicodeDecodeError, EOFError):
        _refuse(path, "no checkpoint archive: a bare pickle can run programs and is never opened")


def _tensors(stored: object, path: Path) -> dict[str, Tensor]:
    if not isinstance(stored, dict):
        _refuse(path, f"a {type(stored).__name__} in place of a state dict")
    tensors = {name: value for name, value in stored.items() if isinstance(name, str) and isinstance(value, Tensor)}
    for name, tensor in tensors.items():
        whole = tensor.layout is torch.strided and not tensor.is_quantized and tensor.device.type == "cpu"
        # A stride of zero can claim terabytes from a few bytes.
        if not whole or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            _refuse(path, f"tensor {name[:80]!r} that is no plain array")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            _refuse(path, f"values in {name[:80]!r} that are not finite")
    return {name: tensor.detach() for name, tensor in tensors.items()}


def _refuse(path: Path, found: str, expected: str = "a whole weight file") -> NoReturn:
    raise _bad(path, found, expected)


def _bad(path: Path, found: str, expected: str = "a whole weight file") -> BadWeights:
    return BadWeights(path, found=found, expected=expected, remedy="fetch or export the file again from a source you trust")
