"""`export`: a bundle as one ONNX file, for programs without PyTorch."""

from __future__ import annotations

import argparse
from pathlib import Path

from cardiolens.cli.verbs import add_model, add_verb, refuse_output
from cardiolens.notice import NOTICE


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`export`."""
    verb = add_verb(
        verbs, "export", _export, "write a bundle as one ONNX file, compared with PyTorch first (docs/export.md)",
        "cardiolens export --out model.onnx\n"
        "  cardiolens export --model runs/mine/bundle --out mine.onnx --int8    # a third of the size; says what it costs",
    )  # fmt: skip
    add_model(verb)
    verb.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write; ends in .onnx")
    verb.add_argument("--int8", action="store_true", help="store the weights of matrix products in 8 bits")


def _export(arguments: argparse.Namespace) -> int:
    refuse_output("export", "--out", arguments.out, suffixes=(".onnx",))
    from cardiolens.bundles.hub import answering_bundle
    from cardiolens.progress import terminal_progress
    from cardiolens.serving.onnx_export import BATCHES, LOSS_ECGS, MOST_DIFFERENCE, export_onnx

    bundle = answering_bundle(arguments.model)
    report = export_onnx(bundle, arguments.out, int8=arguments.int8, progress=terminal_progress())
    in_place_of = f", in place of {report.float_bytes / 1e6:.1f} MB in float32" if arguments.int8 else ""
    print(f"{arguments.out}: {bundle.config.name}, {report.size_bytes / 1e6:.1f} MB{in_place_of}")
    batches = ", ".join(map(str, BATCHES))
    print(
        f"float32 beside PyTorch: largest difference {report.largest_difference:.1e} in batches of {batches}"
        f" (allowed: {MOST_DIFFERENCE:g})"
    )
    for loss in report.losses:
        print(
            f"int8 beside PyTorch, {loss.head}: largest difference {loss.largest:.3f}, root mean square"
            f" {loss.root_mean_square:.3f} {loss.unit}, {LOSS_ECGS} synthetic ECGs"
        )
    print(f"{bundle.config.training_data}. {NOTICE}")
    return 0
