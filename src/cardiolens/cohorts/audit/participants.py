"""The user's own list of participants' numbers: the key of a cohort, or a column of numbers."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

from cardiolens.cohorts.audit.field_names import Meaning, meaning
from cardiolens.errors import BadInput

_NUMBERS = {Meaning.PARTICIPANT, Meaning.HOSPITAL_NUMBER}
# A column with gaps is written with fractions.
_FRACTION = re.compile(r"(?<=\d)\.0+$")
_DELIMITERS = ",\t;"


def read_participants(path: Path) -> frozenset[str]:
    """The numbers in a JSON file with an object "participants" (hash to number), or in a table's column of numbers.

    A table is text with one participant per line; of several columns it is the one called eid, participant or the like, or
    else the first. A first line without any digit is a header.

    Raises:
        BadInput: there is no number in it.
        OSError: it cannot be read.
    """
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    numbers = _from_json(path, text) if text.lstrip().startswith("{") else _from_table(text)
    cleaned = frozenset(number for value in numbers if (number := _FRACTION.sub("", str(value).strip())))
    if not cleaned:
        raise _bad(path, "no participant's number")
    return cleaned


def _from_json(path: Path, text: str) -> list[object]:
    try:
        participants = json.loads(text).get("participants")
    except ValueError as error:
        raise _bad(path, "broken JSON") from error
    if isinstance(participants, dict):
        return list(participants.values())
    if isinstance(participants, list):
        return participants
    raise _bad(path, 'no object "participants"')


def _from_table(text: str) -> list[str]:
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    if not rows:
        return []
    column = next((place for place, name in enumerate(rows[0]) if meaning((name.strip(),)) in _NUMBERS), 0)
    has_header = not any(character.isdigit() for character in rows[0][column])
    return [row[column] for row in rows[has_header:] if column < len(row)]


def _bad(path: Path, found: str) -> BadInput:
    return BadInput(
        path,
        found=found,
        expected='JSON with an object "participants", or a text with one number per line',
        remedy="name the key file of the cohort, or the list of its participants",
    )
