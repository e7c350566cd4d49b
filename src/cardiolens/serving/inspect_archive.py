"""Inspections of an archive of a hundred thousand ECG files, on several processes, in order, with constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from cardiolens.formats.collection import EcgInput
from cardiolens.formats.declaration import NOTHING_DECLARED, Declaration
from cardiolens.parallel import map_some_in_order
from cardiolens.serving.inspection import Inspection, inspect_input
from cardiolens.serving.inspection_picture import write_picture


def inspect_inputs(
    inputs: Iterable[EcgInput],
    *,
    declared: Declaration = NOTHING_DECLARED,
    allow_missing_leads: bool = False,
    pictures: Path | None = None,
    processes: int = 1,
) -> Iterator[Inspection]:
    """An inspection of every input, in order, with constant memory; `pictures` is a .png, a .svg or a folder to draw them in.

    Raises:
        NoSpace: the disk is full.
        CardiolensError: a worker process was killed.
    """
    work = partial(_inspect_some, declared=declared, allow_missing_leads=allow_missing_leads, pictures=pictures)
    return map_some_in_order(work, enumerate(inputs, start=1), processes=processes)


def _inspect_some(
    inputs: tuple[tuple[int, EcgInput], ...], *, declared: Declaration, allow_missing_leads: bool, pictures: Path | None
) -> list[Inspection]:
    inspections = []
    for number, ecg_input in inputs:
        inspection, examination = inspect_input(ecg_input, declared=declared, allow_missing_leads=allow_missing_leads)
        if pictures is not None and examination is not None:
            write_picture(pictures, number, inspection, examination)
        inspections.append(inspection)
    return inspections
