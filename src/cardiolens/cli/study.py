"""`demo` and `report`: the whole path on synthetic hearts, and its report from files."""

from __future__ import annotations

import argparse
from pathlib import Path

from cardiolens.cli.verbs import add_verb


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`demo` and `report`."""
    demo = add_verb(
        verbs, "demo", _demo, "run the whole path on synthetic hearts and write a report", "cardiolens demo --out out/demo"
    )
    demo.add_argument("--out", type=Path, default=Path("out/demo"), help="folder for the cohort, runs and report")
    demo.add_argument("--subjects", type=int, default=600, help="synthetic subjects (default 600)")
    demo.add_argument("--seed", type=int, default=0, help="seed of cohort and training (default 0)")

    report = add_verb(verbs, "report", _report, "write a study's report again from its files", "cardiolens report out/demo")
    report.add_argument("study", type=Path, help="the folder that `demo` wrote")
    report.add_argument("--out", type=Path, help="where to write (default: the same folder)")


def _demo(arguments: argparse.Namespace) -> int:
    from cardiolens.study.demo import run_demo

    run_demo(arguments.out, subjects=arguments.subjects, seed=arguments.seed)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from cardiolens.study.demo import write_demo_report

    print(write_demo_report(arguments.study, arguments.out or arguments.study))
    return 0
