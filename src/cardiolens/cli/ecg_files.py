"""`inspect` and `predict`: ECG files of any format, singly, by the folder or by the zip."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from cardiolens.cli.verbs import add_verb, exit_status, fail, refuse_output

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
    from cardiolens.serving.inspect_archive import inspect_inputs
    from cardiolens.serving.inspection import Inspection
    from cardiolens.serving.inspection_output import (
        Summary,
        open_table,
        print_inspection,
        print_line,
        print_summary,
        write_json_lines,
        write_rows,
    )

    if arguments.processes < 1:
        fail("inspect", f"--processes takes 1 or more, found {arguments.processes}")
    refuse_output("inspect", "--csv", arguments.csv)
    declared, summary = _declared(arguments), Summary()
    count = _count(arguments, "inspect")
    _refuse_pictures(arguments, count)
    many = count > _IN_FULL
    progress = terminal_progress() if many and (arguments.csv or not sys.stdout.isatty()) else QUIET
    settings = f"{declared} {arguments.allow_missing_leads}"
    table = open_table(arguments.csv, settings=settings) if arguments.csv else None
    done = {row["source"] for row in table.rows_before} if table else set()
    summary.add_rows(table.rows_before if table else [])

    def inspections() -> Iterator[Inspection]:
        found = inspect_inputs(
            (ecg_input for ecg_input in list_inputs(arguments.files) if ecg_input.source not in done),
            declared=declared,
            allow_missing_leads=arguments.allow_missing_leads,
            pictures=arguments.picture,
            processes=arguments.processes if many else 1,
        )
        with progress.task("inspecting", total=count, done=len(done), unit="files") as task:
            for inspection in found:
                task.advance()
                yield summary.add(inspection)

    if table:
        write_rows(table, inspections())
        print(f"{summary.files:,} rows in {arguments.csv}")
        print_summary(summary)
    elif arguments.json:
        write_json_lines(sys.stdout, inspections())
    else:
        for inspection in inspections():
            (print_line if many else print_inspection)(inspection)
        if many:
            print_summary(summary)
    return exit_status(summary.refused, summary.files)


def _count(arguments: argparse.Namespace, verb: str) -> int:
    from cardiolens.formats.collection import list_inputs

    count = sum(1 for _ in list_inputs(arguments.files))
    if not count:
        fail(verb, f"no files in {', '.join(path.name or str(path) for path in arguments.files[:3])}")
    return count


def _refuse_pictures(arguments: argparse.Namespace, count: int) -> None:
    from cardiolens.serving.inspection_picture import SUFFIXES, is_picture_file

    target: Path | None = arguments.picture
    if target is None:
        return
    if target.suffix and not target.is_dir():
        refuse_output("inspect", "--picture", target, suffixes=SUFFIXES)
    if is_picture_file(target) and count > 1:
        fail("inspect", f"--picture {target.name} holds one ECG, found {count} files; name a folder")


def _predict(arguments: argparse.Namespace) -> int:
    from cardiolens.progress import QUIET, terminal_progress
    from cardiolens.serving.answers import Answer, print_answers, write_csv, write_json
    from cardiolens.serving.predictor import Predictor, Refusal

    refuse_output("predict", "--csv", arguments.csv)
    count = _count(arguments, "predict")
    predictor = Predictor.from_pretrained(arguments.model)
    found = predictor.iterate_files(
        arguments.files, declared=_declared(arguments), allow_missing_leads=arguments.allow_missing_leads
    )
    refused = 0

    def answers() -> Iterator[Answer | Refusal]:
        nonlocal refused
        progress = terminal_progress() if count > _IN_FULL else QUIET
        with progress.task("predicting", total=count, unit="files") as task:
            for answer in found:
                if isinstance(answer, Refusal):
                    refused += 1
                    print(f"cardiolens: {answer.reason}", file=sys.stderr)
                task.advance()
                yield answer

    if arguments.csv:
        write_csv(arguments.csv, list(answers()))
        print(f"{count} rows in {arguments.csv}; {refused} refused. {predictor.notice}", file=sys.stderr)
    elif arguments.json:
        write_json(sys.stdout, answers())
    else:
        for answer in answers():
            print_answers([answer])
    return exit_status(refused, count)
