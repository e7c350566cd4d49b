"""A cohort as the files that the published code reads: in a building folder first, moved to its place when it is complete."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from cardiolens.atomic import full_disk_named, sync, write_atomically
from cardiolens.cohorts.assembly import made_by
from cardiolens.cohorts.construction import LOCK, PLAN, is_complete, keep_to_plan, locked, refuse_taken, sweep
from cardiolens.cohorts.manifest import building_folder
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.tensors.export_contents import ExportContents, Rows, export_contents
from cardiolens.cohorts.tensors.file_names import ONE_HOT
from cardiolens.cohorts.tensors.tensor_rows import PICTURE_SHAPE, WINDOW
from cardiolens.cohorts.tensors.tensor_writer import write_rows, write_table
from cardiolens.imaging.views import resize_bilinear
from cardiolens.privacy import display_name
from cardiolens.progress import QUIET, Progress, ProgressTask

EXPORT, README = "export.json", "README.txt"
_NOUN = "export"
_ROWS_AT_ONCE = 64

Blocks = Iterator[Float32[np.ndarray, "..."]]

_ABOUT = """A cohort of {made_by}, as the files that MMCL-ECG-CMR and mae read. Rows of one split are paired by their place.
ECGs are float32 (row, 12, 5000), cleaned; pictures float32 (row, 3, 210, 210), end-systole, mid, end-diastole, from 0 to 1.
Pictures {pictures}
val holds the cohort's halves for selection and calibration. {notes}
"""
_AS_STORED = "are cut to the heart already: the published loader's own cut (rows 44-121, columns 68-145) must be taken out."
_IN_WINDOW = "fill the window that the published loader cuts (rows 44-121, columns 68-145); the rest is black."


def export_tensors(cohort: Cohort, out: Path, *, published_window: bool = False, progress: Progress = QUIET) -> Path:
    """Write, or complete, the published code's files of a cohort at `out`; a complete export of this cohort is left alone.

    ECGs are float32 tensors (row, 12, 5000): mae adds the axis of channels itself, and MMCL-ECG-CMR takes rows of 12 leads.
    With `published_window` every picture is made smaller to fill the window that the published loader cuts out; without it
    pictures stay as they are, and the loader's cut has to be taken out. No subject is named. One block of rows is in memory;
    the largest file needs its size on the disk twice. Where two files hold the same ECGs they are one file with two names.

    Raises:
        BadOption: `out` holds something else, or another process is writing it.
        NoSpace: the disk is full; free some and run again.
    """
    plan = {"cohort": cohort.fingerprint, "made_by": made_by(), "published_window": published_window}
    if is_complete(out / EXPORT, plan, what="export"):
        return out
    refuse_taken(out)
    folder = building_folder(out)
    with full_disk_named(out):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder, noun=_NOUN):
            if not is_complete(folder / EXPORT, plan, what="export"):
                keep_to_plan(folder, plan, noun=_NOUN)
                sweep(folder)
                contents = export_contents(cohort)
                _write_large(folder, cohort, contents, published_window=published_window, out=out, progress=progress)
                _write_small(folder, contents, published_window=published_window)
                write_atomically(folder / EXPORT, _json(plan))
            for name in (PLAN, LOCK):
                (folder / name).unlink(missing_ok=True)
            os.rename(folder, out)
            sync(out.parent)
    return out


def _write_large(
    folder: Path, cohort: Cohort, contents: ExportContents, *, published_window: bool, out: Path, progress: Progress
) -> None:
    def ecgs(rows: Rows) -> Blocks:
        return (cohort.ecg[part].astype(np.float32) for part in _parts(rows))

    def pictures(rows: Rows) -> Blocks:
        return (_shown(cohort, part, published_window=published_window) for part in _parts(rows))

    kinds = ((contents.ecgs, ecgs, cohort.ecg.shape[1:]), (contents.pictures, pictures, PICTURE_SHAPE))
    sizes = {name: len(rows) for files, _, _ in kinds for name, rows in files.items()}
    done = sum(size for name, size in sizes.items() if (folder / name).exists())
    with progress.task(f"writing {display_name(out)}", total=sum(sizes.values()), done=done, unit="rows") as task:
        for files, blocks, shape in kinds:
            _write_files(folder, files, blocks, shape, task)


def _write_files(
    folder: Path, files: dict[str, Rows], blocks: Callable[[Rows], Blocks], shape: tuple[int, ...], task: ProgressTask
) -> None:
    written: dict[bytes, Path] = {}
    for name, rows in files.items():
        path, content = folder / name, rows.tobytes()
        if path.exists():
            pass
        elif content in written and _linked(path, written[content]):
            task.advance(len(rows))
        else:
            write_rows(path, _counted(blocks(rows), task), shape=(len(rows), *shape))
        written[content] = path


def _write_small(folder: Path, contents: ExportContents, *, published_window: bool) -> None:
    (folder / ONE_HOT).mkdir(exist_ok=True)
    for name, table in contents.tables.items():
        write_table(folder / name, table)
    for name, text in contents.texts.items():
        write_atomically(folder / name, text)
    about = _ABOUT.format(
        made_by=made_by(),
        pictures=_IN_WINDOW if published_window else _AS_STORED,
        notes="".join(f"\n{note}." for note in contents.notes),
    )
    write_atomically(folder / README, about.encode())


def _shown(cohort: Cohort, rows: Rows, *, published_window: bool) -> Float32[np.ndarray, "row 3 height width"]:
    assert cohort.cmr is not None
    shown = cohort.cmr[rows].astype(np.float32) / 255
    size = WINDOW[1] - WINDOW[0] if published_window else PICTURE_SHAPE[-1]
    if shown.shape[-1] != size:
        shown = np.stack([resize_bilinear(picture, size) for picture in shown])
    if not published_window:
        return shown
    whole = np.zeros((len(rows), *PICTURE_SHAPE), dtype=np.float32)
    whole[:, :, WINDOW[0] : WINDOW[1], WINDOW[2] : WINDOW[3]] = shown
    return whole


def _parts(rows: Rows) -> Iterator[Rows]:
    return (rows[start : start + _ROWS_AT_ONCE] for start in range(0, len(rows), _ROWS_AT_ONCE))


def _counted(blocks: Blocks, task: ProgressTask) -> Blocks:
    for block in blocks:
        yield block
        task.advance(len(block))


def _linked(path: Path, same: Path) -> bool:
    """Whether the file system could give a file a second name."""
    try:
        os.link(same, path)
    except OSError:
        return False
    return True


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()
