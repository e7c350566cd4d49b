"""What every verb of the command shares: how it is declared, and how a misuse is said."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from cardiolens.notice import NOTICE


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        fail(self.prog.removeprefix("cardiolens").strip() or "VERB", message)


def fail(verb: str, message: str) -> NoReturn:
    """End the command with status 2 and one line that says what is wrong with its arguments."""
    print(f"cardiolens: {verb}: {message}; see `cardiolens {'' if verb == 'VERB' else verb + ' '}--help`", file=sys.stderr)
    raise SystemExit(2)


def exit_status(refused: int, files: int) -> int:
    """0 where nothing was refused, 2 where the only file was, 1 where some of several were."""
    if refused and files == 1:
        return 2
    return 1 if refused else 0


def refuse_output(verb: str, option: str, path: Path | None, *, suffixes: tuple[str, ...] = ()) -> None:
    """End the command before any work where `path` cannot become a file."""
    if path is None:
        return
    if path.is_dir():
        fail(verb, f"{option} {path.name} is a folder; name a file")
    if not path.parent.is_dir():
        fail(verb, f"{option} {path.name}: there is no folder {path.parent.name}; make it first")
    if suffixes and path.suffix.lower() not in suffixes:
        fail(verb, f"{option} {path.name}: ends in {path.suffix or 'nothing'}; expected {' or '.join(suffixes)}")


def add_model(parser: argparse.ArgumentParser) -> None:
    """`--model`, for verbs that ask one."""
    parser.add_argument("--model", help="a bundle, or OWNER/NAME[@REVISION] of one on the hub (default: the one that ships)")


def add_verb(
    verbs: argparse._SubParsersAction, name: str, run: Callable[[argparse.Namespace], int], summary: str, examples: str
) -> argparse.ArgumentParser:
    """A verb with its help: a summary, and examples to copy."""
    parser = verbs.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"examples:\n  {examples}\n{NOTICE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser
