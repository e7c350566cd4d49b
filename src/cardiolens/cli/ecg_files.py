"""`inspect` and `predict`: ECG files of any format, singly, by the folder or by the zip."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from cardiolens.cli.verbs import add_verb, fail

_IN_FULL = 3
"""So many files are shown lead by lead; of more, a line each."""


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`inspect` and `predict`."""
    inspect = add_verb(
        verbs,
        "inspect",
        _inspect,
        "what ECG files hold, and whether a model may be asked about them",
        "cardiolens inspect ecg.xml --picture ecg.png\n"
        "  cardiolens inspect archive/ --csv archive.csv                    # 100,000 files in a table\n"
        "  cardiolens inspect signal.npy --rate 500 --unit uV --lead-names I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6",
    )
    _add_inputs(inspect)
    output = inspect.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON object per line")
    output.add_argument("--csv", type=Path, metavar="OUT", help="write one row per file")
    inspect.add_argument(
        "--picture", type=Path, metavar="OUT",
        help="draw the ECG on paper, 25 mm/s and 10 mm/mV: a .png or .svg of one file, or a folder for several",
    )  # fmt: skip
    inspect.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="worker processes (default: one per core)")

    predict = add_verb(
        verbs,
        "predict",
        _predict,
        "risks and MRI phenotypes from ECG files",
        "cardiolens predict ecg.xml\n  cardiolens predict records/ --csv out.csv",
    )
    _add_inputs(predict)
    predict.add_argument("--model", type=Path, help="a bundle (default: the one that ships, trained on synthetic hearts)")
    output = predict.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON object per line")
    output.add_argument("--csv", type=Path, metavar="OUT", help="write one row per file")


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="an ECG file of a known format (docs/inputs.md), a folder or a zip of them",
    )
    parser.add_argument(
        "--rate", type=float, metavar="HZ", help="sampling rate of CSV, npy and Parquet files that do not say it"
    )
    parser.add_argument("--unit", metavar="UNIT", help="unit of CSV, npy and Parquet files that do not say it: V, mV, uV or nV")
    parser.add_argument(
        "--lead-names", metavar="NAMES", help="leads of CSV and npy files without names, in order: I,II,III,aVR,..."
    )
    parser.add_argument(
        "--allow-missing-leads", action="store_true", help="accept zeros for chest leads that were not recorded, and flag them"
    )


def _declared(arguments: argparse.Namespace) -> object:
    from cardiolens.formats.declaration import Declaration

    names = tuple(name.strip() for name in (arguments.lead_names or "").split(",") if name.strip())
    return Declaration(rate_hz=arguments.rate, unit=arguments.unit, leads=names)


def _inspect(arguments: argparse.Namespace) -> int:
    from cardiolens.formats.collection import list_inputs
    from cardiolens.progress import QUIET, terminal_progress
    from cardiolens.serving.inspection import Inspection, inspect_inputs
    from cardiolens.serving.inspection_output import (
        Summary,
        print_inspection,
        print_line,
        print_summary,
        write_csv,
        write_json_lines,
    )
    from cardiolens.serving.inspection_picture import is_picture_file

    if arguments.processes < 1:
        fail("inspect", f"--processes takes 1 or more, found {arguments.processes}")
    declared, summary = _declared(arguments), Summary()
    count = sum(1 for _ in list_inputs(arguments.files))
    if arguments.picture and is_picture_file(arguments.picture) and count > 1:
        fail("inspect", f"--picture {arguments.picture.name} holds one ECG, found {count} files; name a folder")
    many = count > _IN_FULL
    progress = terminal_progress() if many and (arguments.csv or not sys.stdout.isatty()) else QUIET

    def inspections() -> Iterator[Inspection]:
        found = inspect_inputs(
            list_inputs(arguments.files),
            declared=declared,
            allow_missing_leads=arguments.allow_missing_leads,
            pictures=arguments.picture,
            processes=arguments.processes if many else 1,
        )
        with progress.task("inspecting", total=count, unit="files") as task:
            for inspection in found:
                task.advance()
                yield summary.add(inspection)

    if arguments.csv:
        write_csv(arguments.csv, inspections())
        print(f"{summary.files:,} rows in {arguments.csv}")
        print_summary(summary)
    elif arguments.json:
        write_json_lines(sys.stdout, inspections())
    else:
        for inspection in inspections():
            (print_line if many else print_inspection)(inspection)
        if many:
            print_summary(summary)
    if summary.refused and summary.files == 1:
        return 2
    return 1 if summary.refused else 0


def _predict(arguments: argparse.Namespace) -> int:
    from cardiolens.serving.answers import print_answers, write_csv, write_json
    from cardiolens.serving.predictor import Predictor, Refusal

    predictor = Predictor.from_pretrained(arguments.model)
    answers = predictor.predict_files(
        arguments.files, declared=_declared(arguments), allow_missing_leads=arguments.allow_missing_leads
    )
    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    for refusal in refusals:
        print(f"cardiolens: {refusal.reason}", file=sys.stderr)
    if arguments.csv:
        write_csv(arguments.csv, answers)
        print(f"{len(answers)} rows in {arguments.csv}; {len(refusals)} refused. {predictor.notice}", file=sys.stderr)
    elif arguments.json:
        write_json(sys.stdout, answers)
    else:
        print_answers(answers)
    if refusals and len(answers) == 1:
        return 2
    return 1 if refusals else 0
