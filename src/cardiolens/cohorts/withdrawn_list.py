"""Lists of people who withdrew, as studies send them: one participant per line."""

from __future__ import annotations

import re
from pathlib import Path

from cardiolens.errors import BadOption

_HEADERS = frozenset({"eid", "f.eid", "participant.eid", "participant", "subject", "id"})
_LONGEST = 64
_SEVERAL = re.compile(r"[,;\t]|^\d{7}(\s+\d{7})+$")
_ROUNDED = re.compile(r"\d(\.\d+)?[eE]\+\d+")


def read_withdrawn(path: Path, *, numbers_only: bool = False) -> frozenset[str]:
    """The participants of a list, each as written and, where it is a whole number, as that number too.

    Numbers and text must never miss each other: a list that excludes nobody looks just like one that does. `numbers_only` says
    that a participant of this study is always a whole number.

    Raises:
        BadOption: it cannot be read or is empty, or a line holds more than one entry, a number that a spreadsheet rounded, or
            none where there should be one.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadOption(
            path, found="a file that cannot be read", expected="a text file, one participant per line", remedy="check the path"
        ) from error
    found: set[str] = set()
    for number, line in enumerate(lines, start=1):
        entry = line.strip().strip("\"',;").strip()
        if not entry or (number == 1 and entry.lower() in _HEADERS):
            continue
        if len(entry) > _LONGEST or _SEVERAL.search(entry):
            raise BadOption(
                path,
                found=f"several entries in line {number}",
                expected="one participant per line",
                remedy="keep the first column",
            )
        if _ROUNDED.fullmatch(entry):
            raise BadOption(
                path,
                found=f"a rounded number in line {number}",
                expected="every digit",
                remedy="take the list as it was sent, not by way of a spreadsheet",
            )
        found.add(entry)
        whole = entry.removesuffix(".0")
        if whole.isascii() and whole.isdigit():
            found.add(str(int(whole)))
        elif numbers_only:
            raise BadOption(
                path,
                found=f"no number in line {number}",
                expected="one participant's number per line, as those of this study are",
                remedy="give the list that was sent; a header stands in line 1 and is called eid",
            )
    if not found:
        raise BadOption(path, found="nobody in it", expected="one participant per line", remedy="give the list that was sent")
    return frozenset(found)
