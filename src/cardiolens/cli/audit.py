"""`audit`: is there anything of a person in a folder that is to leave the machine?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cardiolens.cli.verbs import add_verb
from cardiolens.notice import NOTICE

if TYPE_CHECKING:
    from cardiolens.cohorts.audit.finding import AuditReport, Finding


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`audit`."""
    audit = add_verb(
        verbs,
        "audit",
        _audit,
        "find participants' numbers, birth dates and names in a folder before it leaves the machine",
        "cardiolens audit runs/ report.html\n"
        "  cardiolens audit cohorts/ukb --key ukb.key.json     # with your own numbers, findings are certain\n"
        "  cardiolens audit . --json > audit.json              # a git checkout; its history is not searched\n"
        "status 0: nothing found; 1: something found; 2: bad input. What stands in pixels or in the numbers of a model\n"
        "is not found, nor are names in running text.",
    )
    audit.add_argument("paths", nargs="+", type=Path, metavar="DIR", help="a folder with all below it, or a file")
    audit.add_argument(
        "--key", type=Path, metavar="FILE",
        help='your participants: JSON with "participants", or a text or CSV of one number per line',
    )  # fmt: skip
    audit.add_argument("--json", action="store_true", help="one JSON object")


def _audit(arguments: argparse.Namespace) -> int:
    from cardiolens.cohorts.audit.folder import audit
    from cardiolens.cohorts.audit.participants import read_participants
    from cardiolens.progress import terminal_progress

    participants = read_participants(arguments.key) if arguments.key else ()
    report = audit(arguments.paths, participants=participants, progress=terminal_progress())
    if arguments.json:
        _print_json(report)
    else:
        _print(report)
    return 1 if report.findings else 0


def _print(report: AuditReport) -> None:
    for certain, title in ((True, "certain: numbers of your own list"), (False, "possible")):
        findings = [finding for finding in report.findings if finding.certain is certain]
        if findings:
            print(title)
            _print_by_file(findings)
    for file, count in report.left_out.items():
        print(f"{file}: {count} more")
    for note in report.notes:
        print(f"note: {note}")
    found = f"{report.num_certain} certain, {report.num_possible} possible"
    print(f"{report.num_found_files} of {report.num_files} files: {found}. {NOTICE}")


def _print_by_file(findings: list[Finding]) -> None:
    file = None
    for finding in findings:
        if finding.file != file:
            file = finding.file
            print(f"  {file}")
        times = f" and {finding.count - 1} more" if finding.count > 1 else ""
        print(f"    {finding.place}: {finding.kind} {finding.shown}{times}")


def _print_json(report: AuditReport) -> None:
    import json
    from dataclasses import asdict

    print(json.dumps(asdict(report) | {"notice": NOTICE}, indent=2))
