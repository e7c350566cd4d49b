"""`prepare`: cohorts on disk."""

from __future__ import annotations

import argparse
from pathlib import Path

from cardiolens.cli.prepare import add_sources, tell
from cardiolens.cli.verbs import Parser, add_verb, fail
from cardiolens.notice import NOTICE
from cardiolens.progress import Progress


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`prepare` with its sources."""
    prepare = verbs.add_parser("prepare", help="make a cohort on disk", description="Make a cohort on disk.")
    sources = prepare.add_subparsers(dest="source", metavar="SOURCE", required=True, parser_class=Parser)
    synthetic = add_verb(
        sources,
        "synthetic",
        _prepare_synthetic,
        "synthetic subjects: one heart behind each ECG and MRI",
        "cardiolens prepare synthetic --subjects 3000 --seed 1 --out cohorts/synthetic-3000\n"
        "  cardiolens prepare synthetic --subjects 20 --files release       # as files, laid out as UK Biobank's\n"
        "  cardiolens prepare synthetic --check                             # how near published people they are",
    )
    synthetic.add_argument("--subjects", type=int, help="how many (with --check 400 by default)")
    synthetic.add_argument("--seed", type=int, default=0, help="subject k of a seed is always the same (default 0)")
    synthetic.add_argument("--out", type=Path, metavar="COHORT", help="a cohort's folder; an interrupted one is completed")
    synthetic.add_argument("--no-mri", action="store_true", help="ECG and labels only")
    synthetic.add_argument("--volumes", action="store_true", help="also stacks at end-diastole and end-systole")
    synthetic.add_argument("--cine", action="store_true", help="also the cine of the middle slice")
    synthetic.add_argument("--processes", type=int, default=2, help="worker processes (default 2)")
    synthetic.add_argument("--files", type=Path, metavar="DIR", help="write CardioSoft XML, DICOM and tables instead")
    synthetic.add_argument("--layout", choices=("nested", "flat"), default="nested", help="folders of --files")
    synthetic.add_argument(
        "--check", type=Path, nargs="?", const=Path("synthetic_check.html"), metavar="PAGE",
        help="compare with published people, on a page (default synthetic_check.html); status 1 where a range is missed",
    )  # fmt: skip
    add_sources(sources)


def _prepare_synthetic(arguments: argparse.Namespace) -> int:
    from cardiolens.progress import terminal_progress

    chosen = [name for name in ("out", "files", "check") if getattr(arguments, name) is not None]
    if len(chosen) != 1:
        fail("prepare synthetic", f"takes one of --out, --files and --check, found {' and '.join(chosen) or 'none'}")
    progress = terminal_progress()
    if arguments.check:
        return _check_synthetic(arguments, progress)
    if arguments.subjects is None:
        fail("prepare synthetic", "needs --subjects")
    if arguments.files:
        from cardiolens.cohorts.release.folder import Layout, write_release

        folder = write_release(
            arguments.files, subjects=arguments.subjects, seed=arguments.seed, with_mri=not arguments.no_mri,
            layout=Layout(arguments.layout), progress=progress,
        )  # fmt: skip
        print(f"{arguments.subjects} synthetic subjects as files in {folder}. {NOTICE}")
        return 0
    from cardiolens.cohorts.prepare_synthetic import prepare_synthetic

    cohort = prepare_synthetic(
        arguments.out, subjects=arguments.subjects, seed=arguments.seed, processes=arguments.processes, progress=progress,
        with_mri=not arguments.no_mri, with_volumes=arguments.volumes, with_cine=arguments.cine,
    )  # fmt: skip
    tell(cohort)
    return 0


def _check_synthetic(arguments: argparse.Namespace, progress: Progress) -> int:
    from cardiolens.study.checking.examples import find_examples
    from cardiolens.study.checking.page import check_synthetic, write_page

    subjects = 400 if arguments.subjects is None else arguments.subjects
    result = check_synthetic(subjects=subjects, seed=arguments.seed, progress=progress)
    page = write_page(arguments.check, result, find_examples(seed=arguments.seed))
    for finding in result.missed:
        print(f"missed: {finding.name}, {finding.among}: {finding.found}, published {finding.expected} {finding.allowed}")
    print(f"{len(result.findings) - len(result.missed)} of {len(result.findings)} hold; look at {page}. {NOTICE}")
    return 1 if result.missed else 0
