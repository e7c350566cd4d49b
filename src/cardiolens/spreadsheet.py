"""Text that goes into a CSV: a spreadsheet that opens it must not take a file's name or a reason for a formula."""

from __future__ import annotations

_FORMULA = ("=", "+", "-", "@")


def harmless(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula, as the text that it is; a number stays one."""
    if not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
