"""What every verb of the command shares: how it is declared, and how a misuse is said."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
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
