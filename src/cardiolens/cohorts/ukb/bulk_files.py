"""Bulk files by their names, `<participant>_<field>_<instance>_<array>.<ending>`, wherever below a folder they lie."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cardiolens.errors import BadOption

ECG_FIELD, CINE_FIELD = 20205, 20209
IMAGING = (2, 3)
"""Instances of the imaging visits."""
_NAME = re.compile(r"([1-9]\d{6})_(\d+)_(\d+)_(\d+)\.(\w+)")
_ENDINGS = {ECG_FIELD: "xml", CINE_FIELD: "zip"}
_CALLED = {ECG_FIELD: "ECG files", CINE_FIELD: "MRI files"}


@dataclass(frozen=True, order=True)
class BulkFile:
    """One file of one visit."""

    participant: int = field(repr=False)
    instance: int
    array: int
    path: str = field(repr=False)


@dataclass(frozen=True)
class BulkFiles:
    """The files of one field, and what lay beside them."""

    first: dict[tuple[int, int], BulkFile] = field(repr=False)
    """By participant and instance."""
    more: tuple[BulkFile, ...]
    """Further files of a visit that has one."""
    counts: dict[str, int]
    """What was found, in words."""


def find_bulk_files(place: Path, number: int) -> BulkFiles:
    """Files of a field below a folder, or in a text file of one path per line, which is faster where folders are slow.

    Links are not followed. Of several files of one visit the one with the lowest array, then path, counts.

    Raises:
        BadOption: there is no such place, it cannot be read, or it holds no file of the field.
    """
    counts: Counter[str] = Counter()
    found = set()
    for path in _listed(place) if place.is_file() else _below(place):
        if path is None:
            counts["links passed over"] += 1
            continue
        name = _NAME.fullmatch(os.path.basename(path))
        if name is None:
            continue
        participant, its_field, instance, array = (int(part) for part in name.groups()[:4])
        if its_field != number or name[5].lower() != _ENDINGS[number]:
            counts[f"files of field {its_field} passed over"] += its_field not in _ENDINGS
        elif instance not in IMAGING:
            counts[f"{_CALLED[number]} of instance {instance} passed over"] += 1
        else:
            found.add(BulkFile(participant, instance, array, path))
    if not found:
        beside = "; ".join(f"{count} {what}" for what, count in sorted(counts.items()) if count)
        raise BadOption(
            place,
            found=f"no file of field {number}" + (f" ({beside})" if beside else ""),
            expected=f"files such as 1000000_{number}_2_0.{_ENDINGS[number]}, also in folders",
            remedy="name the folder of the bulk files",
        )
    first: dict[tuple[int, int], BulkFile] = {}
    for file in sorted(found):
        first.setdefault((file.participant, file.instance), file)
    more = tuple(file for file in sorted(found) if first[file.participant, file.instance] is not file)
    counts = Counter({_CALLED[number]: len(found)}) + counts
    return BulkFiles(first, more, dict(counts))


def _listed(place: Path) -> Iterator[str]:
    try:
        with place.open(encoding="utf-8-sig") as file:
            for line in file:
                if line.strip():
                    # A relative path is meant from the list.
                    yield os.path.join(place.parent, line.strip())
    except (OSError, UnicodeDecodeError):
        raise BadOption(
            place, found="a file that cannot be read", expected="a list of paths, one per line", remedy="check the path"
        ) from None


def _below(place: Path) -> Iterator[str | None]:
    if not place.is_dir():
        raise BadOption(place, found="no such folder or list", expected="a folder of bulk files", remedy="check the path")
    waiting = [str(place)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                here = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise BadOption(
                place,
                found=f"a folder that cannot be read ({error.strerror})",
                expected="readable folders",
                remedy="check rights",
            ) from error
        for entry in here:
            if entry.is_symlink():
                yield None
            elif entry.is_dir():
                waiting.append(entry.path)
            else:
                yield entry.path
