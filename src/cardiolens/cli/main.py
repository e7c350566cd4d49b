"""The `cardiolens` command: finds the verb and says every failure in one line. Imports nothing heavy before a verb runs."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence

from cardiolens.cli import (
    audit,
    benchmark,
    bundles,
    cohorts,
    ecg_files,
    embed,
    explain,
    export,
    models,
    mri,
    serve,
    study,
    withdraw,
)
from cardiolens.cli.verbs import Parser, fail
from cardiolens.errors import CardiolensError, NoSpace
from cardiolens.notice import NOTICE
from cardiolens.privacy import display_name

_BROKEN_PIPE = 141
_GO_ON = {"demo", "prepare", "study", "train", "tune-segmenter"}
"""Verbs that always leave behind what they have done; others do where they write a table."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. 0: done; 1: some files of a batch were refused; 2: bad input, one line says which; 130: stopped; 141:
    nobody reads the output any more."""
    arguments, settings = _parser().parse_known_args(argv)
    if settings and arguments.verb != "train":
        fail(arguments.verb, f"unrecognized arguments: {' '.join(settings)}")
    arguments.settings = settings
    try:
        return arguments.run(arguments)
    except CardiolensError as error:
        print(f"cardiolens: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read has seen enough, as `head` does; what is still in the buffer must not complain at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except OSError as error:
        named = error.filename or "output"
        reason = f"{display_name(named)}: {error.strerror or type(error).__name__}; check path and rights"
        print(f"cardiolens: {NoSpace(named) if error.errno == errno.ENOSPC else reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        goes_on = arguments.verb in _GO_ON or getattr(arguments, "csv", None) or getattr(arguments, "out", None)
        print(f"cardiolens: stopped; run the same command again{' to go on from here' if goes_on else ''}", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="cardiolens",
        description="What a cardiac MRI would show, from a 12-lead ECG.",
        epilog=f"First time here: cardiolens demo\n{NOTICE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)
    for group in (study, cohorts, models, bundles, ecg_files, embed, explain, serve, export, mri, withdraw, audit, benchmark):
        group.add_verbs(verbs)
    return parser
