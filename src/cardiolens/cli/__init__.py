"""The `cardiolens` command."""

from cardiolens.cli.main import main

__all__ = ["main"]
