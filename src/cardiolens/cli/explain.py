"""`explain`: what carries an answer about one ECG."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cardiolens.cli.ecg_files import add_declaration, declared
from cardiolens.cli.verbs import add_model, add_verb, refuse_output

_SUFFIXES = (".html", ".htm", ".png", ".json")


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`explain`."""
    explain = add_verb(
        verbs,
        "explain",
        _explain,
        "which leads and times carry an answer, and which hearts resemble the ECG",
        "cardiolens explain ecg.xml --for LVEF\n"
        "  cardiolens explain ecg.xml --for cad --out cad.png\n"
        "  cardiolens explain ecg.xml --for LVM --model runs/mine/bundle --mri examination/ --out lvm.html",
    )
    explain.add_argument("file", type=Path, metavar="FILE", help="an ECG file of a known format (docs/inputs.md)")
    explain.add_argument(
        "--for", dest="target", default="LVEF", metavar="NAME", help="a phenotype or disease: LVEF, lvm_g, cad ... (LVEF)"
    )
    add_model(explain)
    explain.add_argument("--mri", type=Path, metavar="PATH", help="a short-axis cine MRI of the same person: a map over it")
    explain.add_argument(
        "--out", type=Path, default=Path("explanation.html"), help=f"{', '.join(_SUFFIXES)} (default explanation.html)"
    )
    add_declaration(explain)


def _explain(arguments: argparse.Namespace) -> int:
    import json

    refuse_output("explain", "--out", arguments.out, suffixes=_SUFFIXES)
    from cardiolens.atomic import write_atomically
    from cardiolens.bundles.hub import answering_bundle
    from cardiolens.bundles.segmenter_files import shipped_segmenter_path
    from cardiolens.serving.cohort_mri import CohortMri
    from cardiolens.serving.explanation import Explainer
    from cardiolens.serving.explanation_output import (
        explanation_html,
        explanation_json,
        saliency_in_words,
        saliency_png,
        value_in_words,
    )

    bundle = answering_bundle(arguments.model)
    explainer = Explainer(bundle)
    target = explainer.target(arguments.target)
    intake = explainer.predictor.intake(declared=declared(arguments), allow_missing_leads=arguments.allow_missing_leads)
    ecg = intake.any(arguments.file)
    picture = None
    if arguments.mri is not None:
        print("labelling the MRI ...", file=sys.stderr)
        picture = CohortMri(shipped_segmenter_path())(arguments.mri, None).picture
    explanation = explainer.explain(ecg, target, picture=picture)
    match arguments.out.suffix.lower():
        case ".png":
            content = saliency_png(explanation)
        case ".json":
            content = (json.dumps(explanation_json(explanation), ensure_ascii=False) + "\n").encode()
        case _:
            content = explanation_html(explanation, bundle.config).encode()
    write_atomically(arguments.out, content)
    print(f"{target.name} {value_in_words(explanation)}. {saliency_in_words(explanation.saliency)}")
    print(f"look at {arguments.out}. {explanation.answer.notice}")
    return 0
