"""`inspect` and `predict`: ECG files of any format, singly, by the folder or by the zip."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from cardiolens.cli.verbs import add_model, add_verb, exit_status, fail, refuse_output

IN_FULL = 3
"""So many files are shown lead by lead; of more, a line each."""

MANY = 100
"""From so many files on several processes pay, each of which takes seconds to start."""


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
    add_inputs(inspect)
    output = inspect.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON object per line")
    output.add_argument("--csv", type=Path, metavar="OUT", help="write one row per file")
    inspect.add_argument(
        "--picture", type=Path, metavar="OUT",
        help="draw the ECG on paper, 25 mm/s and 10 mm/mV: a .png or .svg of one file, or a folder for several",
    )  # fmt: skip
    _add_processes(inspect)

    predict = add_verb(
        verbs,
        "predict",
        _predict,
        "risks and MRI phenotypes from ECG files",
        "cardiolens predict ecg.xml\n"
        "  cardiolens predict records/ --csv out.csv\n"
        "  cardiolens predict ecg.csv --rate 500 --unit mV --sex F --age 61  # with reference ranges\n"
        "  cat ecg.xml | cardiolens predict - --json",
    )
    add_inputs(predict)
    add_model(predict)
    predict.add_argument("--sex", choices=("F", "M"), help="for reference ranges, of files that do not say it")
    predict.add_argument("--age", type=float, metavar="YEARS", help="for reference ranges, of files that do not say it")
    _add_processes(predict)
    output = predict.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON object per line")
    output.add_argument("--csv", type=Path, metavar="OUT", help="write one row per file")
    output.add_argument(
        "--parquet", type=Path, metavar="OUT", help="the same as a Parquet table, typed and with the model named"
    )


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """The files of a verb, and what may be said of those that do not say it themselves."""
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="an ECG file of a known format (docs/inputs.md), a folder or a zip of them; - is standard input (predict)",
    )
    add_declaration(parser)


def _add_processes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--processes", type=int, default=os.cpu_count() or 1, help="worker processes for many files (default: one per core)"
    )


def add_declaration(parser: argparse.ArgumentParser) -> None:
    """What files do not say of themselves."""
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


def declared(arguments: argparse.Namespace) -> object:
    """What `add_declaration` asked for."""
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

    _refuse_processes("inspect", arguments)
    refuse_output("inspect", "--csv", arguments.csv, suffixes=(".csv",))
    of_files, summary = declared(arguments), Summary()
    count = count_inputs(arguments, "inspect")
    _refuse_pictures(arguments, count)
    many = count > IN_FULL
    progress = terminal_progress() if many and (arguments.csv or not sys.stdout.isatty()) else QUIET
    settings = f"{of_files} {arguments.allow_missing_leads}"
    table = open_table(arguments.csv, settings=settings) if arguments.csv else None
    done = {row["source"] for row in table.rows_before} if table else set()
    summary.add_rows(table.rows_before if table else [])

    def inspections() -> Iterator[Inspection]:
        found = inspect_inputs(
            (ecg_input for ecg_input in list_inputs(arguments.files) if ecg_input.source not in done),
            declared=of_files,
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


def count_inputs(arguments: argparse.Namespace, verb: str) -> int:
    """How many files there are; ends the command where there are none."""
    from cardiolens.formats.collection import list_inputs

    count = sum(1 for _ in list_inputs(arguments.files))
    if not count:
        fail(verb, f"no files in {', '.join(path.name or str(path) for path in arguments.files[:3])}")
    return count


def _refuse_processes(verb: str, arguments: argparse.Namespace) -> None:
    if arguments.processes < 1:
        fail(verb, f"--processes takes 1 or more, found {arguments.processes}")


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
    refuse_output("predict", "--csv", arguments.csv, suffixes=(".csv",))
    refuse_output("predict", "--parquet", arguments.parquet, suffixes=(".parquet",))
    if arguments.age is not None and not 0 <= arguments.age <= 130:
        fail("predict", f"--age takes years, found {arguments.age:g}")
    _refuse_processes("predict", arguments)
    if Path("-") not in arguments.files:
        return _predict_files(arguments)
    if len(arguments.files) > 1:
        fail("predict", "- (standard input) stands alone")
    from cardiolens.formats import bounds
    from cardiolens.serving.held_files import held

    content = sys.stdin.buffer.read(bounds.MOST_BYTES + 1)
    if len(content) > bounds.MOST_BYTES:
        fail("predict", f"standard input holds more than {bounds.MOST_BYTES >> 20} MiB; name the file")
    with held({"standard_input": content}) as folder:
        arguments.files = [folder / "standard_input"]
        return _predict_files(arguments)


def _predict_files(arguments: argparse.Namespace) -> int:
    from cardiolens.bundles.hub import answering_bundle
    from cardiolens.progress import QUIET, terminal_progress
    from cardiolens.serving.answers import Answer, write_json
    from cardiolens.serving.answers_printed import print_answers
    from cardiolens.serving.many_files import answer_files
    from cardiolens.serving.predictor import Predictor, Refusal

    count = count_inputs(arguments, "predict")
    bundle = answering_bundle(arguments.model)
    predictor = Predictor.of_bundle(bundle)
    settings = {
        "declared": declared(arguments),
        "sex": arguments.sex,
        "age_years": arguments.age,
        "allow_missing_leads": arguments.allow_missing_leads,
    }
    if count > MANY and arguments.processes > 1:
        found = answer_files(bundle.path, arguments.files, processes=arguments.processes, **settings)
    else:
        found = predictor.iterate_files(arguments.files, **settings)
    refused = 0

    def answers() -> Iterator[Answer | Refusal]:
        nonlocal refused
        progress = terminal_progress() if count > IN_FULL else QUIET
        with progress.task("predicting", total=count, unit="files") as task:
            for answer in found:
                if isinstance(answer, Refusal):
                    refused += 1
                    print(f"cardiolens: {answer.reason}", file=sys.stderr)
                task.advance()
                yield answer

    if table := arguments.csv or arguments.parquet:
        from cardiolens.serving.prediction_table import write_csv, write_parquet

        if arguments.csv:
            write_csv(table, list(answers()))
        else:
            write_parquet(table, list(answers()), bundle, notice=predictor.notice)
        print(f"{count} rows in {table}; {refused} refused. {predictor.notice}", file=sys.stderr)
    elif arguments.json:
        write_json(sys.stdout, answers())
    else:
        for answer in answers():
            print_answers([answer])
    return exit_status(refused, count)
