"""`demo`, `study` and `report`: the whole path on synthetic hearts, the paper's tables on a cohort, a report from files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cardiolens.cli.verbs import add_verb, fail
from cardiolens.notice import NOTICE

if TYPE_CHECKING:
    import torch

    from cardiolens.cohorts.store import Cohort
    from cardiolens.study.plan import Study


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`demo`, `study` and `report`."""
    demo = add_verb(
        verbs, "demo", _demo, "run the whole path on synthetic hearts and write a report", "cardiolens demo --out out/demo"
    )
    demo.add_argument("--out", type=Path, default=Path("out/demo"), help="folder for the cohort, runs and report")
    demo.add_argument("--subjects", type=int, default=600, help="synthetic subjects (default 600)")
    demo.add_argument("--seed", type=int, default=0, help="seed of cohort and training (default 0)")

    study = add_verb(
        verbs, "study", _study, "the papers' comparisons of methods on a cohort: tables and figures",
        "cardiolens study demo --cohort cohorts/mine --out studies/mine --dry-run     # runs and expected time\n"
        "  cardiolens study demo --cohort cohorts/mine --out studies/mine --only table_2,figure_5 --seeds 2\n"
        "  cardiolens study paper --cohort cohorts/ukb --out studies/ukb --jobs 4       # goes on where it was stopped\n"
        "  cardiolens study paper --cohort cohorts/ukb --out studies/ukb --only figure_6 --heat-maps 6000",
    )  # fmt: skip
    study.add_argument(
        "name",
        choices=("paper", "dual_phase", "demo"),
        help="the first paper, the second one, or both at sizes for two cores",
    )
    study.add_argument("--cohort", type=Path, required=True, help="what is trained on")
    study.add_argument("--out", type=Path, required=True, metavar="DIR", help="runs, tables and figures")
    study.add_argument("--test-cohort", type=Path, metavar="COHORT", help="ask about all of another cohort, not the test split")
    study.add_argument(
        "--only",
        metavar="PARTS",
        help="table_1 to table_5, figure_4 to figure_6, beyond, dual_phase; several by commas; what is done stays",
    )
    study.add_argument("--seeds", type=int, default=5, help="fine-tuning seeds (default 5)")
    study.add_argument(
        "--whole-search",
        action="store_true",
        help="the paper's whole grid of fine-tuning and the rates of contrastive learning, instead of fine-tuning rates alone",
    )
    study.add_argument(
        "--heat-maps", type=int, default=500, metavar="N", help="subjects that figure 6 is counted over (default 500)"
    )
    study.add_argument("--jobs", type=int, default=1, help="runs side by side (default 1)")
    study.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster instead, as tcp://node1:8786")
    study.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 ... (default: the GPU where there is one)")
    study.add_argument("--dry-run", action="store_true", help="print the runs that are left and how long they would take here")

    report = add_verb(
        verbs, "report", _report, "a run, a demo or a study as one page: results with intervals, calibration, subgroups",
        "cardiolens report runs/mass --cohort cohorts/mine --out reports/mass\n"
        "  cardiolens report studies/mine --out reports/mine --pdf\n"
        "  cardiolens report out/demo",
    )  # fmt: skip
    report.add_argument("folder", type=Path, help="a fine-tuned run, or the folder of a finished `study` or `demo`")
    report.add_argument("--cohort", type=Path, help="of a run: what it was trained on")
    report.add_argument("--test-cohort", type=Path, metavar="COHORT", help="of a run: ask about all of another cohort instead")
    report.add_argument("--out", type=Path, help="where to write (default: the same folder)")
    report.add_argument("--pdf", action="store_true", help="print the page to report.pdf too, by a Chromium found here")


def _demo(arguments: argparse.Namespace) -> int:
    from cardiolens.study.demo import run_demo

    run_demo(arguments.out, subjects=arguments.subjects, seed=arguments.seed)
    return 0


def _study(arguments: argparse.Namespace) -> int:
    import shlex
    import sys

    from cardiolens.cohorts.store import Cohort
    from cardiolens.evaluation.labels import counted
    from cardiolens.parallel import Workers
    from cardiolens.progress import terminal_progress
    from cardiolens.study.studies import allowed_by, choose_study, said_of
    from cardiolens.study.written import AskedStudy, do_study, seen_from
    from cardiolens.training.device import choose_device

    choose_device(arguments.device)
    if not 1 <= arguments.seeds <= 5 or arguments.jobs < 1:
        fail("study", f"--seeds takes 1 to 5 and --jobs 1 or more, found {arguments.seeds} and {arguments.jobs}")
    if arguments.heat_maps < 4:
        fail("study", f"--heat-maps takes 4 or more, as figure 6 shows four subjects; found {arguments.heat_maps}")
    parts = tuple(arguments.only.split(",")) if arguments.only else ()
    if arguments.dry_run:
        study, _ = choose_study(arguments.name, parts=parts, num_seeds=arguments.seeds, whole_search=arguments.whole_search)
        cohort = Cohort.open(arguments.cohort)
        study, left_out = allowed_by(study, cohort)
        for line in said_of(left_out):
            print(line)
        return _print_forecast(study, cohort, choose_device(arguments.device), arguments.out)
    other = arguments.test_cohort
    asked = AskedStudy(
        name=arguments.name,
        cohort=seen_from(arguments.out, arguments.cohort),
        test_cohort=None if other is None else seen_from(arguments.out, other),
        parts=parts,
        seeds=arguments.seeds,
        whole_search=arguments.whole_search,
        mapped=arguments.heat_maps,
        command=shlex.join(["cardiolens", *sys.argv[1:]]),
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    workers = Workers(arguments.jobs, arguments.scheduler)
    written, count = do_study(asked, arguments.out, workers=workers, device=arguments.device, progress=terminal_progress())
    for path in written:
        print(path)
    print(f"{counted(count, 'run')}. {NOTICE}")
    return 0


def _print_forecast(study: Study, cohort: Cohort, device: torch.device, out: Path) -> int:
    from cardiolens.study.forecast import forecast

    expected = forecast(study, cohort, device, out)
    for one in expected:
        print(f"{one.seconds:>10,.0f} s  {one.examples:>12,} examples  {one.key}")
    hours = sum(one.seconds for one in expected) / 3600
    print(
        f"{len(expected)} runs to do, {hours:.1f} h one after the other on this machine, less where runs stop early. {NOTICE}"
    )
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from cardiolens.progress import terminal_progress
    from cardiolens.study.written import report_folder

    page = report_folder(
        arguments.folder,
        arguments.out or arguments.folder,
        cohort=arguments.cohort,
        test_cohort=arguments.test_cohort,
        progress=terminal_progress(),
    )
    print(page)
    if arguments.pdf:
        from cardiolens.study.pdf import print_pdf

        print(print_pdf(page))
    return 0
