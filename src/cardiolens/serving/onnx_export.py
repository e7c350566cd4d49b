"""A bundle as one ONNX file: the network from a cleaned window to raw scores, and in words what belongs around it.

Reading, cleaning (which solves in double precision), windows and calibration stay outside; the file's metadata hold their
settings, and docs/export.md their formulas. Applicability is no part of it. Needs the extra `onnx`.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from cardiolens.atomic import write_atomically
from cardiolens.bundles.bundle import WEIGHTS, Bundle
from cardiolens.configs import to_json
from cardiolens.errors import BadBundle, BadOption
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.progress import QUIET, Progress
from cardiolens.serving.onnx_graph import (
    ECG,
    EMBEDDING,
    SCALE,
    OneWindow,
    onnx_graph,
    open_session,
    quantised,
    run_session,
)
from cardiolens.signals.cleaning import clean
from cardiolens.signals.windows import window_starts
from cardiolens.synthetic.generator import make_subject
from cardiolens.tasks import TaskKind
from cardiolens.training.predict import embed_and_score

if TYPE_CHECKING:
    from onnx import ModelProto

METADATA_KEY = "cardiolens"
"""Under which the file's metadata hold the contract, as JSON."""
CONTRACT_VERSION = 1
MOST_DIFFERENCE = 1e-4
"""From PyTorch, of any number that a file with float32 weights gives."""
BATCHES = (1, 2, 7)
"""Sizes at which it is compared."""
LOSS_ECGS = 32
"""Synthetic ECGs that the loss by int8 is measured on."""

_PACKAGES = ("onnx", "onnxruntime", "onnxscript")
_SEED = 32


@dataclass(frozen=True)
class HeadLoss:
    """How far int8 moves the scores of one head."""

    head: str
    """Its name."""
    unit: str
    """Log odds, or standard deviations of the training split."""
    largest: float
    """Difference from float32, of any column and ECG."""
    root_mean_square: float
    """Over all columns and ECGs."""


@dataclass(frozen=True)
class OnnxReport:
    """What was written, and how well it does."""

    path: Path
    """The file."""
    size_bytes: int
    """Its size."""
    float_bytes: int
    """Its size with float32 weights."""
    largest_difference: float
    """From PyTorch, of any number in `BATCHES`, with float32 weights."""
    losses: tuple[HeadLoss, ...] = ()
    """One per head for int8; empty for float32."""


def export_onnx(bundle: Bundle, path: Path, *, int8: bool = False, progress: Progress = QUIET) -> OnnxReport:
    """Write the bundle's network to `path`, compared with PyTorch on synthetic ECGs before the file gets its name.

    Inputs: `ecg` (batch, 12, window) float32, one cleaned window each, and for a model that reads scales `scale_mv`
    (batch, 3) float32, of the whole ECG. Outputs: `embedding` (batch, width), and per head its raw scores (batch, column).
    With `int8` the weights of matrix products take a byte each, and answers depend a little on what else is in a batch.

    Raises:
        BadOption: the extra `onnx` is not installed, or `path` cannot become a file.
        BadBundle: the graph differs from PyTorch by more than `MOST_DIFFERENCE`, or a head bears a name of the graph.
        NoSpace: the device is full.
    """
    _refuse_without_extra()
    _refuse_target(path)
    _refuse_taken_names(bundle)
    with progress.task("export", total=4 if int8 else 3) as task:
        model = bundle.model()
        graph = onnx_graph(model)
        task.advance()
        ecgs = _synthetic_ecgs(bundle, LOSS_ECGS if int8 else max(BATCHES))
        task.advance()
        difference = _largest_difference(model, graph, ecgs)
        if not difference <= MOST_DIFFERENCE:
            raise BadBundle(
                bundle.path,
                found=f"an ONNX graph whose numbers lie up to {difference:.2g} from PyTorch's",
                expected=f"at most {MOST_DIFFERENCE:g}",
                remedy="install the versions in constraints.txt and export again",
            )
        task.advance()
        content, losses = _described(graph, bundle, "float32"), ()
        float_bytes = len(content)
        if int8:
            graph = quantised(graph)
            losses = _losses(bundle, model, graph, ecgs)
            content = _described(graph, bundle, "int8")
            task.advance()
        write_atomically(path, content)
    return OnnxReport(path, len(content), float_bytes, difference, losses)


def _refuse_without_extra() -> None:
    for package in _PACKAGES:
        try:
            import_module(package)
        except ImportError as error:
            raise BadOption(
                "export", found=f"no {package}", expected=", ".join(_PACKAGES), remedy="pip install 'cardiolens[onnx]'"
            ) from error


def _refuse_target(path: Path) -> None:
    if path.is_dir():
        raise BadOption(path, found="a folder", expected="the name of a file", remedy="name one, such as model.onnx")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise BadOption(path, found="no folder there that may be written", expected="one", remedy="make it, or mend its rights")


def _refuse_taken_names(bundle: Bundle) -> None:
    for card in bundle.config.heads:
        if card.name in (ECG, SCALE, EMBEDDING):
            raise BadBundle(
                bundle.path, found=f"a head {card.name}", expected="a name other than the graph's own",
                remedy="rename the label column and train again",
            )  # fmt: skip


@dataclass(frozen=True)
class _CleanedEcgs:
    """Whole ECGs: (ECG, lead, time) and (ECG, group), float32."""

    ecg: np.ndarray
    scale_mv: np.ndarray


def _synthetic_ecgs(bundle: Bundle, count: int) -> _CleanedEcgs:
    contract = bundle.config.input
    cleaned = []
    for index in range(count):
        signal = make_subject(seed=_SEED, index=index, with_mri=False).recording.signal_mv
        # Ten seconds are less than an encoder of a longer window sees at once.
        repeated = np.tile(signal, (1, math.ceil(contract.window / signal.shape[1])))
        cleaned.append(clean(repeated, contract.cleaning))
    return _CleanedEcgs(np.stack([one.signal for one in cleaned]), np.stack([one.scale_mv for one in cleaned]))


def _largest_difference(model: EcgModel, graph: ModelProto, ecgs: _CleanedEcgs) -> float:
    session, window, largest = open_session(graph), OneWindow(model), []
    for count in BATCHES:
        ecg, scale_mv = ecgs.ecg[:count, :, : model.config.encoder.num_samples], ecgs.scale_mv[:count]
        with torch.inference_mode():
            expected = window(torch.from_numpy(ecg), torch.from_numpy(scale_mv))
        found = run_session(session, ecg, scale_mv)
        largest += [np.abs(ours - theirs.numpy()).max() for ours, theirs in zip(found, expected, strict=True)]
    # Unlike Python's, NumPy's maximum of a NaN is NaN.
    return float(np.max(largest))


def _losses(bundle: Bundle, model: EcgModel, graph: ModelProto, ecgs: _CleanedEcgs) -> tuple[HeadLoss, ...]:
    """Each ECG's scores, means over its windows as in every answer; a window at a time, since a batch shares its scales."""
    window = bundle.config.input.window
    session, starts = open_session(graph), window_starts(ecgs.ecg.shape[2], window)
    with torch.inference_mode():
        expected = embed_and_score(model, torch.from_numpy(ecgs.ecg), torch.from_numpy(ecgs.scale_mv))[1].numpy()
    found = []
    for index in range(len(ecgs.ecg)):
        own = slice(index, index + 1)
        each = [run_session(session, ecgs.ecg[own, :, start : start + window], ecgs.scale_mv[own])[1:] for start in starts]
        found.append(np.mean([np.concatenate(scores, axis=1)[0] for scores in each], axis=0))
    difference, losses, first = np.abs(np.stack(found) - expected), [], 0
    for card in bundle.config.heads:
        own = difference[:, first : first + len(card.columns)]
        first += len(card.columns)
        unit = "log odds" if card.kind is TaskKind.CLASSIFICATION else "standard deviations"
        losses.append(HeadLoss(card.name, unit, float(own.max()), float(np.sqrt((own**2).mean()))))
    return tuple(losses)


def _described(graph: ModelProto, bundle: Bundle, precision: str) -> bytes:
    import onnx

    config = bundle.config
    contract = to_json(config.input)
    if not math.isfinite(config.input.cleaning.clip_sd):
        # JSON has no infinity; null clips nothing.
        contract["cleaning"]["clip_sd"] = None
    contract = {
        "contract_version": CONTRACT_VERSION,
        "name": config.name,
        "training_data": config.training_data,
        "notice": config.notice,
        "license": config.license,
        "weights_sha256": config.files[WEIGHTS],
        "precision": precision,
        **contract,
        "heads": [to_json(card) for card in config.heads],
    }
    text = json.dumps(contract, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    onnx.helper.set_model_props(graph, {METADATA_KEY: text})
    return graph.SerializeToString()
