"""Encoders handed from one run to the next, from a bundle, or from the published weight files."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from cardiolens.bundles.bundle import IMAGE_ENCODER
from cardiolens.bundles.weights import read_published, read_safetensors
from cardiolens.errors import BadWeights
from cardiolens.methods.method import Method
from cardiolens.training.run import MODEL

ENCODERS = ("ecg_encoder", "image_encoder")
_PICKLED = (".pt", ".pth", ".ckpt")


def weight_files(source: Path) -> tuple[Path, ...]:
    """The files that hold the weights of a run's or bundle's folder: the model's, and the image encoder's where it has its own.

    A file is its own.

    Raises:
        BadWeights: there is none.
    """
    file = source / MODEL if source.is_dir() else source
    if not file.is_file():
        raise BadWeights(
            source,
            found=f"no {MODEL}" if source.is_dir() else "no such file or folder",
            expected="a finished run, a bundle or a weight file",
            remedy="finish that run first or name another",
        )
    beside = source / IMAGE_ENCODER
    return (file, beside) if source.is_dir() and beside.is_file() else (file,)


def load_encoders(method: Method, source: Path) -> None:
    """Copy the encoders that both `method` and `source` have; projectors, poolings and heads stay fresh.

    Raises:
        BadWeights: they have none in common, or one differs in its tensors.
    """
    stored = {}
    for file in weight_files(source):
        stored |= read_published(file).state if file.suffix in _PICKLED else read_safetensors(file)
    own = method.state_dict()
    shared = [encoder for encoder in ENCODERS if _part(own, encoder) and _part(stored, encoder)]
    if not shared:
        found = ", ".join(encoder for encoder in ENCODERS if _part(stored, encoder)) or "no encoder"
        raise _unfit(source, found, f"{' or '.join(encoder for encoder in ENCODERS if _part(own, encoder))}")
    for encoder in shared:
        given, wanted = _part(stored, encoder), _part(own, encoder)
        for name in sorted(given.keys() | wanted.keys()):
            if name not in given or name not in wanted:
                raise _unfit(
                    source, f"{'no' if name not in given else 'an unknown'} tensor {name}", f"the tensors of {encoder}"
                )
            if given[name].shape != wanted[name].shape:
                raise _unfit(source, f"{name} of shape {tuple(given[name].shape)}", f"{tuple(wanted[name].shape)}")
        method.load_state_dict(given, strict=False)


def _part(state: dict[str, Tensor], encoder: str) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if name.startswith(f"{encoder}.")}


def _unfit(source: Path, found: str, expected: str) -> BadWeights:
    return BadWeights(source, found=found, expected=expected, remedy="start from weights of the same encoder settings")
