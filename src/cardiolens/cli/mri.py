"""`phenotypes` and `tune-segmenter`: cardiac MRI in, 61 phenotypes out; the segmenter taught on one's own contours."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from cardiolens.cli.verbs import add_verb, exit_status, fail, refuse_output
from cardiolens.notice import NOTICE


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`phenotypes` and `tune-segmenter`."""
    phenotypes = add_verb(
        verbs,
        "phenotypes",
        _phenotypes,
        "61 phenotypes from short-axis cardiac MRI",
        "cardiolens phenotypes study/ --html study.html\n"
        "  cardiolens phenotypes archive/ --out table.csv --no-strain\n"
        "  cardiolens phenotypes sa.nii.gz --masks sa_seg.nii.gz --label-map ukbb --out table.csv",
    )
    phenotypes.add_argument(
        "studies",
        nargs="+",
        type=Path,
        metavar="STUDY",
        help="a folder or zip of DICOM files, a NIfTI file, or a folder of them",
    )
    phenotypes.add_argument("--out", type=Path, metavar="CSV", help="write one row per study")
    phenotypes.add_argument("--html", type=Path, metavar="PAGE", help="a page with contours, volumes and bull's eyes of each")
    phenotypes.add_argument("--json", action="store_true", help="one JSON object per line")
    phenotypes.add_argument("--no-strain", action="store_true", help="leave out strain, which takes most of the time")
    phenotypes.add_argument("--segmenter", type=Path, metavar="DIR", help="another segmenter than the one that ships")
    phenotypes.add_argument("--masks", type=Path, metavar="NIFTI", help="your own masks of one study, instead of a segmenter")
    phenotypes.add_argument(
        "--label-map",
        metavar="MAP",
        help="what the numbers in --masks mean: ukbb, acdc, or lv=3,myocardium=2,rv=1",
    )
    phenotypes.add_argument(
        "--spacing", metavar="MM", help="slice,row,column in mm for NIfTI files that have lost it, such as 10,1.8,1.8"
    )

    tune = add_verb(
        verbs,
        "tune-segmenter",
        _tune,
        "teach the segmenter on your own contours",
        "cardiolens tune-segmenter stacks.csv --label-map acdc --out runs/segmenter\n"
        "  (stacks.csv: columns image and masks, paths of NIfTI files beside it)",
    )
    tune.add_argument("manifest", type=Path, help="a CSV with the columns image and masks")
    tune.add_argument("--label-map", required=True, metavar="MAP", help="ukbb, acdc, or lv=3,myocardium=2,rv=1")
    tune.add_argument("--out", type=Path, required=True, help="the run's folder; an interrupted run goes on")
    tune.add_argument("--segmenter", type=Path, metavar="DIR", help="start from this one (default: the one that ships)")
    tune.add_argument("--epochs", type=int, default=20, help="passes over all slices (default 20)")
    tune.add_argument("--batch-size", type=int, default=16, help="slices per step (default 16)")
    tune.add_argument("--seed", type=int, default=0)


def _phenotypes(arguments: argparse.Namespace) -> int:
    from cardiolens.atomic import write_atomically
    from cardiolens.formats.cmr.study import list_studies
    from cardiolens.progress import terminal_progress
    from cardiolens.serving.phenotype_output import StudyPage, open_table, print_study, write_rows
    from cardiolens.serving.phenotyping import RefusedStudy, StudyPhenotypes

    if (arguments.masks is None) != (arguments.label_map is None):
        fail("phenotypes", "--masks and --label-map go together: which number is the left cavity is never guessed")
    refuse_output("phenotypes", "--out", arguments.out, suffixes=(".csv",))
    refuse_output("phenotypes", "--html", arguments.html, suffixes=(".html", ".htm"))
    studies = list(list_studies(arguments.studies))
    if arguments.masks is not None and len(studies) > 1:
        fail("phenotypes", f"--masks belong to one study, found {len(studies)}")
    page = StudyPage() if arguments.html else None
    settings = f"{arguments.no_strain} {arguments.segmenter} {arguments.masks} {arguments.label_map} {arguments.spacing}"
    table = open_table(arguments.out, settings=settings) if arguments.out else None
    # A page needs the pictures of all studies, a table alone can go on where it was.
    before = {row["source"]: row for row in table.rows_before} if table and page is None else {}
    refused = sum(bool(row["refused"]) for row in before.values())
    waiting = [study for study in studies if study.source not in before]

    def measured() -> Iterator[StudyPhenotypes | RefusedStudy]:
        nonlocal refused
        many = len(studies) > 1
        progress = terminal_progress()
        with progress.task("measuring", total=len(studies), done=len(before), unit="studies") as task:
            for study in _measured(arguments, waiting, None if many else progress):
                if page is not None:
                    page.add(study)
                task.advance()
                refused += isinstance(study, RefusedStudy)
                yield study if isinstance(study, RefusedStudy) else study.phenotypes

    if table:
        if not before:
            table.start_again()
        write_rows(table, measured())
        print(f"{len(studies)} rows in {arguments.out}; {refused} refused. {NOTICE}")
    else:
        for told in measured():
            _print_json(told) if arguments.json else print_study(told)
    if page is not None:
        write_atomically(arguments.html, page.html().encode())
        print(f"look at {arguments.html}", file=sys.stderr)
    return exit_status(refused, len(studies))


def _measured(arguments: argparse.Namespace, studies: list, progress: object) -> Iterator[object]:
    from cardiolens.bundles.segmenter_files import read_segmenter, shipped_segmenter_path
    from cardiolens.errors import BadInput
    from cardiolens.formats.cmr.label_map import parse_label_map
    from cardiolens.formats.cmr.study import read_study
    from cardiolens.progress import QUIET
    from cardiolens.serving.phenotyping import PhenotypeRules, RefusedStudy, label_by_masks, label_by_segmenter, measure_study

    rules = PhenotypeRules(strain=None) if arguments.no_strain else PhenotypeRules()
    label_map = parse_label_map(arguments.label_map) if arguments.label_map else None
    segmenter = None if label_map else read_segmenter(arguments.segmenter or shipped_segmenter_path())
    spacing = _spacing(arguments.spacing)
    for one in studies:
        try:
            study = read_study(one, declared_spacing_mm=spacing)
            labelled = (
                label_by_masks(study, arguments.masks, label_map)
                if label_map
                else label_by_segmenter(study, segmenter, progress=progress or QUIET)
            )
            yield measure_study(study, *labelled, rules=rules)
        except BadInput as error:
            yield RefusedStudy(one.source, str(error))


def _spacing(text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        slice_mm, row_mm, column_mm = (float(part) for part in text.split(","))
    except ValueError:
        fail("phenotypes", f"--spacing takes three numbers such as 10,1.8,1.8, found {text}")
    if not min(slice_mm, row_mm, column_mm) > 0:
        fail("phenotypes", f"--spacing takes three numbers above 0, found {text}")
    return slice_mm, row_mm, column_mm


def _print_json(study: object) -> None:
    import json

    print(json.dumps(study.to_json(), ensure_ascii=False), flush=True)


def _tune(arguments: argparse.Namespace) -> int:
    from cardiolens.bundles.segmenter_files import read_segmenter, shipped_segmenter_path, write_segmenter
    from cardiolens.formats.cmr.label_map import parse_label_map
    from cardiolens.progress import terminal_progress
    from cardiolens.recipes.segmenter_finetune import finetune, finetune_segmenter, finetuned_card
    from cardiolens.serving.labelled_manifest import read_labelled_stacks

    start = read_segmenter(arguments.segmenter or shipped_segmenter_path())
    stacks = read_labelled_stacks(arguments.manifest, parse_label_map(arguments.label_map))
    config = finetune(start, seed=arguments.seed, epochs=arguments.epochs, batch_size=arguments.batch_size)
    run, taught = finetune_segmenter(config, start, stacks, arguments.out, progress=terminal_progress())
    folder = run.path / "segmenter"
    write_segmenter(folder, taught, card=finetuned_card(run, taught))
    print(f"segmenter: {folder}; try: cardiolens phenotypes STUDY --segmenter {folder}. {NOTICE}")
    return 0
