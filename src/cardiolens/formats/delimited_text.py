"""Text tables, one row per sample: CSV, TSV, and the semicolons and decimal commas of many countries' spreadsheets.

Rate, unit and leads follow the contract in `table.columns`. An empty cell, NaN or NA is a missing sample; any other text
in a lead's column is refused with its place.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import NoReturn

import numpy as np

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import read_bounded, refuse_too_many_samples
from cardiolens.formats.declaration import Declaration
from cardiolens.formats.table.columns import names_a_lead, understood_columns
from cardiolens.types import Recording

NAME = "CSV or TSV"
NEEDS_DECLARATION = True

_DELIMITERS = (";", "\t", ",")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+|inf)(?:[eE][+-]?\d+)?", re.ASCII | re.IGNORECASE)
_MISSING = {"", "nan", "na"}
_FEWEST_LEADS = 2
_ROWS_AT_ONCE = 10_000


def sniff(path: Path, head: bytes) -> bool:
    """Whether the first line names two leads or more, or the first two hold nothing but numbers, between delimiters."""
    if _CONTROL.search(head):
        return False
    lines = [line.decode(_encoding(line)) for line in head.splitlines()[:2]]
    first, *second = (_cells(line, _delimiter(lines[0])) for line in lines) if lines else [[]]
    numbers = _all_numbers(first) and all(_all_numbers(cells) for cells in second)
    return len(first) >= _FEWEST_LEADS and (numbers or sum(map(names_a_lead, first)) >= _FEWEST_LEADS)


def read(path: Path, declared: Declaration) -> Recording:
    """The leads of the table in mV, in the order of their columns.

    Raises:
        BadRecording: what `understood_columns` and its `recording` refuse; rows of different length; a cell of a lead that
            is no number; a comma that may stand for a decimal point or for thousands; a first line of column numbers.
    """
    content = read_bounded(path)
    text = io.TextIOWrapper(io.BytesIO(content), _encoding(content))
    delimiter = _delimiter(text.readline())
    text.seek(0)
    rows = _rows(path, text, delimiter)
    first = next(rows, (1, [""]))
    header = [cell.strip() for cell in first[1]]
    if len(header) > _FEWEST_LEADS and [cell for cell in header if cell] == [*map(str, range(len(header) - (not header[0])))]:
        _refuse(path, "a first line of column numbers", "names or samples", "write the leads' names into the first line")
    if _all_numbers(header):
        columns = understood_columns(path, None, len(header), declared)
        rows = chain([first], rows)
    else:
        columns = understood_columns(path, header, len(header), declared)
    refuse_too_many_samples(path, len(columns.places), max(content.count(b"\n"), content.count(b"\r")))
    blocks = [np.zeros((0, len(columns.places)))]
    notations = set()
    while block := list(islice(rows, _ROWS_AT_ONCE)):
        cells = [[row[place] for place in columns.places] for _, row in block]
        together = " ".join(chain.from_iterable(cells))
        notations |= {mark for mark in ",." if mark in together}
        if "_" in together:
            _refuse_text(path, block, columns.places)
        try:
            blocks.append(np.array([[_number(cell) for cell in row] for row in cells]))
        except ValueError:
            _refuse_text(path, block, columns.places)
    if "," in notations and (len(notations) > 1 or delimiter == ","):
        _refuse(path, "commas and points, or commas in quotes", "one mark of decimals", "export the numbers with points")
    return columns.recording(path, np.concatenate(blocks).T, declared)


def _rows(path: Path, text: io.TextIOBase, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its line, all as long as the first."""
    reader = csv.reader(text, delimiter=delimiter)
    width = 0
    try:
        for row in reader:
            width = width or len(row)
            if row and len(row) != width:
                _refuse(path, f"{len(row)} cells in line {reader.line_num}", f"{width} as in the first", "mend the line")
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        _refuse(path, f"line {reader.line_num} not understood ({error})", "cells between delimiters", "export it again")


def _refuse_text(path: Path, block: list[tuple[int, list[str]]], places: tuple[int, ...]) -> NoReturn:
    faults = ((line, place) for line, row in block for place in places if not _is_number_or_missing(row[place].strip()))
    line, place = next(faults, (block[0][0], places[0]))
    _refuse(path, f"text in line {line}, column {place + 1}", "a number or an empty cell", "mend or empty the cell")


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        cell = cell.strip()
    return np.nan if cell.lower() in _MISSING else float(cell.replace(",", ".", 1))


def _is_number_or_missing(cell: str) -> bool:
    return cell.lower() in _MISSING or _NUMBER.fullmatch(cell) is not None


def _all_numbers(cells: list[str]) -> bool:
    return any(cells) and all(map(_is_number_or_missing, cells))


def _delimiter(line: str) -> str:
    return next((delimiter for delimiter in _DELIMITERS if delimiter in line), ",")


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _encoding(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _refuse(path: Path, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadRecording(path, found=found, expected=expected, remedy=remedy)
