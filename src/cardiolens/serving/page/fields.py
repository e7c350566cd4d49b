"""The form's fields by name: which there are, and what the command line's options are called among them.

Messages come from rooms that know the command line alone; here, and nowhere else, they are put into the service's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cardiolens.errors import BadInput

SETTINGS = ("sex", "age_years", "rate_hz", "unit", "leads", "allow_missing_leads")
"""Beside `files`, of every question."""

_OF_OPTIONS = {
    "--rate": "rate_hz",
    "--unit": "unit",
    "--lead-names": "leads",
    "--allow-missing-leads": "allow_missing_leads=true",
    "--for": "target",
    "--sex": "sex",
    "--age": "age_years",
}
_OPTION = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, _OF_OPTIONS))})(?![\w-])(?: (?=\d|[mun]?V\b|I,))?")
_OF_FOLDERS = {
    ", or give it to `inspect` or `predict`": "",
    "copy the data file into this folder": "send both as `files`",
    "copy the header into the folder": "send both as `files`",
}
"""What helps where files lie in a folder, and what does where they are sent."""


def known_fields(*more: str) -> tuple[str, ...]:
    """All fields of a question that has `more` than the others."""
    return "files", *more, *SETTINGS


def unknown_field(found: Iterable[str], known: tuple[str, ...]) -> str:
    """Why a form cannot be meant, in one line; empty where every field is known."""
    strange = next((name for name in found if name not in known), None)
    if strange is None:
        return ""
    shown = "".join(letter if letter.isprintable() else "?" for letter in strange[:50])
    return f"{shown}: no field of this request; known are {', '.join(known)}"


def in_fields(message: str, source: str = "") -> str:
    """A message with fields in place of options; a file's name at its beginning stays what it is."""
    kept = f"{source}: " if source and message.startswith(f"{source}: ") else ""
    said = message[len(kept) :]
    for in_folder, sent in _OF_FOLDERS.items():
        said = said.replace(in_folder, sent)
    return kept + _OPTION.sub(_field, said)


def problem(error: BadInput) -> str:
    """`str(error)` in the service's words."""
    return in_fields(str(error), "" if error.source in _OF_OPTIONS else error.source)


def _field(option: re.Match[str]) -> str:
    return _OF_OPTIONS[option[1]] + ("=" if option[0].endswith(" ") else "")
