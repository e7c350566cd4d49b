"""The network of a bundle as an ONNX graph, and how a graph is asked. What the numbers mean is not known here."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float32
from numpy import ndarray
from torch import Tensor, nn

from cardiolens.nn.ecg_model import EcgModel
from cardiolens.notice import NOTICE

if TYPE_CHECKING:
    from onnx import ModelProto
    from onnxruntime import InferenceSession

ECG, SCALE, EMBEDDING = "ecg", "scale_mv", "embedding"
"""Names in the graph; a head's scores bear the head's name."""

# The first operator set with GELU; named, so that the same file comes out of every supported PyTorch.
_OPERATOR_SET = 20
_REGISTRATION = "torch.onnx._internal.exporter._registration"


class OneWindow(nn.Module):
    """What the graph holds: a batch of windows to the embedding, then every head's scores in order."""

    def __init__(self, model: EcgModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, ecg: Tensor, scale_mv: Tensor | None = None) -> tuple[Tensor, ...]:
        embedding = self.model.embed(ecg, scale_mv=scale_mv)
        return embedding, *self.model.heads(embedding).values()


def onnx_graph(model: EcgModel) -> ModelProto:
    """The network for any batch, with the inputs `ecg` and, where the model reads it, `scale_mv`.

    The same model gives the same bytes: the exporter's notes on how a graph came about, which name folders of this machine,
    are left out.
    """
    encoder = model.config.encoder
    # Two, since an exporter takes a batch of one for a size that never changes. Scales of one, since their logarithm is taken.
    inputs = {ECG: torch.zeros(2, encoder.num_leads, encoder.num_samples)}
    if model.config.scale_input:
        inputs[SCALE] = torch.ones(2, 3)
    outputs = {f"output.{k}": name for k, name in enumerate((EMBEDDING, *(head.name for head in model.config.heads)))}
    batch = torch.export.Dim("batch")
    with _without_foreign_noise():
        program = torch.onnx.export(
            OneWindow(model).eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes={name: {0: batch} for name in inputs},
            opset_version=_OPERATOR_SET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    graph = program.model_proto
    graph.doc_string, graph.producer_name, graph.producer_version = NOTICE, "cardiolens", version("cardiolens")
    del graph.graph.metadata_props[:]
    del graph.graph.value_info[:]
    for part in (*graph.graph.node, *graph.graph.initializer, *graph.graph.input, *graph.graph.output):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    _rename(graph, {name: name for name in inputs} | outputs)
    return graph


def _rename(graph: ModelProto, names: Mapping[str, str]) -> None:
    """Give the graph's inputs and outputs their `names`, and every other value one with a dot, which no head's has."""

    def renamed(name: str) -> str:
        # An empty name is an input that an operator goes without.
        return names.get(name, f"inside.{name}") if name else name

    for node in graph.graph.node:
        node.input[:] = [renamed(name) for name in node.input]
        node.output[:] = [renamed(name) for name in node.output]
    for part in (*graph.graph.initializer, *graph.graph.output):
        part.name = renamed(part.name)


@contextmanager
def _without_foreign_noise() -> Iterator[None]:
    """What PyTorch's exporter says on every model: its own deprecated call, a package it does not need, and that two inputs
    of the same batch bear one name for it."""
    log = logging.getLogger(_REGISTRATION)

    def is_ours(record: logging.LogRecord) -> bool:
        return "torchvision is not installed" not in record.getMessage()

    log.addFilter(is_ours)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "# The axis name: batch will not be used, since it shares", UserWarning)
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            yield
    finally:
        log.removeFilter(is_ours)


def quantised(graph: ModelProto) -> ModelProto:
    """The graph with int8 weights in the encoder's and the pooling's products by constants, one scale per output.

    Seven of the eight bits are used: with all of them, the sums of a processor without VNNI instructions can overflow. What
    is multiplied with them is rounded when it is computed, with one scale per batch. Only metadata of `graph` are changed.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # The exporter has folded constants and inferred shapes; without this mark, ONNX Runtime asks in its log for just that.
    onnx.helper.set_model_props(graph, {"onnx.quant.pre_process": "onnxruntime.quant"})
    with tempfile.TemporaryDirectory() as folder:
        smaller = Path(folder) / "int8.onnx"
        quantize_dynamic(
            graph,
            smaller,
            op_types_to_quantize=["MatMul"],
            # Not the heads, whose rounding would go straight into the scores: they are products of another kind, Gemm, until
            # this function turns them into these.
            nodes_to_quantize=[node.name for node in graph.graph.node if node.op_type == "MatMul"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(smaller)


def open_session(graph: ModelProto) -> InferenceSession:
    """The graph, ready to be asked on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run_session(
    session: InferenceSession, ecg: Float32[ndarray, "batch lead time"], scale_mv: Float32[ndarray, "batch group"]
) -> list[ndarray]:
    """The embedding, then every head's scores; the scales go to a graph that reads them."""
    wanted = {one.name for one in session.get_inputs()}
    return session.run(None, {name: array for name, array in ((ECG, ecg), (SCALE, scale_mv)) if name in wanted})
