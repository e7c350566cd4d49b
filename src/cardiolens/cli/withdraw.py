"""`withdraw`: people who withdrew, taken out of everything."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cardiolens.cli.verbs import add_verb
from cardiolens.notice import NOTICE


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`withdraw`."""
    verb = add_verb(
        verbs, "withdraw", _withdraw, "take people who withdrew out of cohorts, predictions and embeddings",
        "cardiolens withdraw --list w12345_20230101.csv cohorts/ukb runs/\n"
        "  cardiolens withdraw --list gone.csv --key ukb.participants.json cohorts/ukb studies/",
    )  # fmt: skip
    verb.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="cohorts, runs, bundles, or folders that hold them")
    verb.add_argument("--list", type=Path, required=True, metavar="FILE", help="participants who withdrew, one per line")
    verb.add_argument("--key", type=Path, metavar="FILE", help="the key file (default: COHORT.participants.json)")


def _withdraw(arguments: argparse.Namespace) -> int:
    from cardiolens.cohorts.participants import Participants
    from cardiolens.cohorts.withdrawn_list import read_withdrawn
    from cardiolens.privacy import hiding_by
    from cardiolens.progress import terminal_progress
    from cardiolens.serving.withdrawal import count_known, withdraw, withdrawn_subjects

    people = Participants.open(arguments.key or _key_beside(arguments.paths))
    listed = read_withdrawn(arguments.list, numbers_only=people.are_numbers)
    num_listed, num_known = count_known(listed, people)
    with hiding_by(people.key):
        report = withdraw(arguments.paths, listed, people, terminal_progress())
    # Whoever is on the list is never taken in later, into no cohort of this key.
    people.without(withdrawn_subjects(listed, people))
    print(f"{num_listed:,} listed, {num_known:,} known to this key")
    if not num_known:
        print(
            f"cardiolens: warning: {num_listed:,} listed, 0 known to this key; where somebody of the cohort should be on it, "
            "the list is of another application or study: numbers differ between them",
            file=sys.stderr,
        )
    for name, count in report.cohorts.items():
        print(f"{name}: {count:,} people removed")
    for name, count in report.tables.items():
        print(f"{name}: {count:,} rows removed")
    for made in report.trained:
        held = ", ".join(f"{count:,} in {split}" for split, count in made.subjects_per_split.items())
        remedy = "delete it, or write it again" if made.kind == "export" else "train it again"
        print(f"{made.kind} {made.name} comes from a cohort that held people who withdrew ({held}): {remedy}")
    for note in report.notes:
        print(f"note: {note}")
    print(f"searched {report.files_searched:,} files for them: found in {len(report.still_named):,}. {NOTICE}")
    for name in report.still_named:
        print(f"still named in {name}: delete or write it again")
    return 1 if report.left_to_do else 0


def _key_beside(paths: list[Path]) -> Path:
    from cardiolens.cohorts.participants import key_file_of

    # Of a link to a cohort, the key may lie beside either.
    beside = [key_file_of(place) for path in paths for place in (path.absolute(), path.resolve())]
    return next((path for path in beside if path.exists()), beside[0])
