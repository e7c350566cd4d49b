"""WFDB records: a header with its data files (.dat, or the .mat of the PhysioNet challenges).

The header is read and checked here. The samples are decoded by the wfdb library, which is given a header of our own making
and links to the checked files in a temporary folder, and so never follows a name that a stranger's header gives.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import numpy as np
from einops import rearrange
from jaxtyping import Float

from cardiolens.atomic import full_disk_named, write_atomically
from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import refuse_too_many_samples, shown
from cardiolens.formats.patient import age_years, sex
from cardiolens.formats.wfdb_header import (
    BYTES_PER_SAMPLE,
    WfdbHeader,
    WfdbSignal,
    looks_like_header,
    read_header,
)
from cardiolens.privacy import display_name
from cardiolens.signals.leads import standard_lead
from cardiolens.signals.units import millivolts_per
from cardiolens.types import Recording

NAME = "WFDB record (.hea with .dat or .mat)"

_DATA_SUFFIXES = {".dat", ".mat"}
_UNIT_BY_DEFINITION = "mV"
_COUNTS_PER_MV = 1000.0
_LARGEST_COUNT = 32767
_INVALID_COUNT = -32768
_PATIENT = re.compile(r"\b(age|sex)>?\s*:\s*(\S+)", re.IGNORECASE)


def sniff(path: Path, head: bytes) -> bool:
    """Whether the file is a WFDB header, or a data file with its header beside it."""
    return looks_like_header(head) or (_header_of(path).is_file() and path.suffix.lower() in _DATA_SUFFIXES)


def read(path: Path) -> Recording:
    """The record's leads in mV; `path` is the header, or a data file that lies beside it.

    Samples that the format marks as invalid become NaN. A data file without any standard lead is not opened, so it may
    be missing. A gain without unit means mV, as WFDB defines; a lead without gain has no unit at all and is refused.

    Raises:
        BadRecording: what `read_header` refuses; a data file that is missing, cut off or outside the header's folder; no
            standard lead; a standard lead that is not in V, mV or uV.
        NoSpace: the temporary folder is full.
    """
    path = _header_of(path)
    header = read_header(path)
    files = _files(path, header.signals)
    signals = [signal for held in files.values() for signal in held]
    scales = [_millivolts_per_count(path, signal) for signal in signals]
    counts = _decoded(files, _num_samples(path, header, files))
    kept, rows = [], []
    for signal, scale, row in zip(signals, scales, counts, strict=True):
        if scale is not None:
            kept.append(signal)
            rows.append(((row - signal.baseline) * scale).astype(np.float32))
    left_out = [signal.lead for signal in header.signals if signal not in kept]
    notes = [f"left out {', '.join(left_out[:20])}"] if left_out else []
    if any(signal.unit is None for signal in kept):
        notes.append(f"no unit written: {_UNIT_BY_DEFINITION}, as WFDB defines")
    patient = {field.lower(): value for comment in header.comments for field, value in _PATIENT.findall(comment)}
    return Recording(
        signal_mv=np.stack(rows),
        leads=tuple(signal.lead for signal in kept),
        rate_hz=header.rate_hz,
        source=display_name(path),
        age_years=age_years(patient.get("age")),
        sex=sex(patient.get("sex")),
        recorded_at=header.recorded_at,
        notes=tuple(notes),
    )


def write(path: Path, recording: Recording) -> None:
    """Write a recording as 16-bit samples of 1 uV: the header at `path`, ending in .hea, and the data file beside it.

    NaN becomes the format's mark for an invalid sample. Age and sex are kept, in the header's comments.

    Raises:
        ValueError: a sample lies beyond +-32.767 mV, or the name holds anything but letters, digits, - and _.
        NoSpace: the disk is full.
    """
    if path.suffix != ".hea" or re.fullmatch(r"[\w-]+", path.stem, re.ASCII) is None:
        raise ValueError(f"{display_name(path)}: a WFDB header is named by letters, digits, - and _, and ends in .hea")
    counts = np.round(recording.signal_mv.astype(np.float64) * _COUNTS_PER_MV)
    if np.abs(counts[~np.isnan(counts)]).max(initial=0) > _LARGEST_COUNT:
        raise ValueError(f"{display_name(path)}: a sample beyond {_LARGEST_COUNT / _COUNTS_PER_MV:g} mV cannot be stored")
    stored = np.where(np.isnan(counts), _INVALID_COUNT, counts).astype("<i2")
    lines = [f"{path.stem} {len(stored)} {recording.rate_hz:.15g} {stored.shape[1]}"]
    for lead, row in zip(recording.leads, stored, strict=True):
        checksum = int(row.sum(dtype=np.int64)) & 0xFFFF
        lines.append(f"{path.stem}.dat 16 {_COUNTS_PER_MV:g}(0)/mV 16 0 {row[0]} {checksum} 0 {lead}")
    lines += [f"# Age: {recording.age_years:g}"] if recording.age_years is not None else []
    lines += [f"# Sex: {recording.sex}"] if recording.sex is not None else []
    write_atomically(path.with_suffix(".dat"), rearrange(stored, "lead time -> time lead").tobytes())
    write_atomically(path, ("\n".join(lines) + "\n").encode())


def _header_of(path: Path) -> Path:
    return path.with_suffix(".hea") if path.suffix.lower() in _DATA_SUFFIXES else path


def _files(header: Path, signals: Iterable[WfdbSignal]) -> dict[Path, list[WfdbSignal]]:
    """The data files that hold a standard lead, each a file of the header's own folder, with all that they hold."""
    by_name: dict[str, list[WfdbSignal]] = {}
    for signal in signals:
        by_name.setdefault(signal.file, []).append(signal)
    wanted = {name: held for name, held in by_name.items() if any(standard_lead(signal.lead) for signal in held)}
    if not wanted:
        names = ", ".join(signal.lead for held in by_name.values() for signal in held[:20])
        _refuse(header, f"leads {names}", "leads of a 12-lead ECG", "name them as usual, I to V6")
    return {_inside(header, name): held for name, held in wanted.items()}


def _inside(header: Path, name: str) -> Path:
    if Path(name).name != name or "\\" in name or ":" in name or name in {"~", ".."}:
        _refuse(header, f"a data file named {shown(name)}", "a file of the header's own folder", "do not trust this header")
    path = header.parent / name
    if not path.is_file():
        _refuse(header, f"no file {shown(name)} beside it", "header and data together", "copy the data file into this folder")
    if path.resolve().parent not in {header.parent.resolve(), header.resolve().parent}:
        _refuse(header, f"{shown(name)} linking to another folder", "a file of this folder", "copy the file itself here")
    return path


def _millivolts_per_count(header: Path, signal: WfdbSignal) -> float | None:
    """What one step of the converter means, or None for a lead that is neither standard nor a voltage."""
    millivolts = millivolts_per(signal.unit or _UNIT_BY_DEFINITION)
    if millivolts is not None and 1e-6 < abs(signal.gain) < 1e12:
        return millivolts / signal.gain
    if standard_lead(signal.lead) is None:
        return None
    unit = shown(signal.unit or "no unit")
    _refuse(
        header,
        f"lead {signal.lead} with a gain of {signal.gain:g} per {unit}",
        "a gain per mV, uV or V",
        "write gain and unit into the header; no scale is guessed",
    )


def _num_samples(header_path: Path, header: WfdbHeader, files: dict[Path, list[WfdbSignal]]) -> int:
    """Samples per lead: as the header says, or as the files hold where it says nothing."""
    held = []
    for path, signals in files.items():
        if len({(signal.format, signal.byte_offset) for signal in signals}) > 1:
            _refuse(header_path, "several formats in one data file", "one format per file", "convert the record")
        size = path.stat().st_size - signals[0].byte_offset
        held.append(max(int(size / BYTES_PER_SAMPLE[signals[0].format]) // len(signals), 0))
    num_samples = header.num_samples or min(held)
    if not 0 < num_samples <= min(held):
        _refuse(
            header_path,
            f"{min(held)} samples per lead in the data file",
            f"{num_samples or 'some'}, as the header says",
            "the data file is cut off: copy it again",
        )
    refuse_too_many_samples(header_path, len(header.signals), num_samples)
    return num_samples


def _decoded(files: dict[Path, list[WfdbSignal]], num_samples: int) -> Float[np.ndarray, "lead time"]:
    """Converter counts of all leads, file by file, with NaN for the samples that the format marks as invalid."""
    import wfdb

    lines = [f"record {sum(map(len, files.values()))} 500 {num_samples}"]
    with full_disk_named(Path(tempfile.gettempdir())), tempfile.TemporaryDirectory() as folder:
        for number, (path, held) in enumerate(files.items()):
            _link(path, Path(folder) / f"{number}.dat")
            lines += [f"{number}.dat {signal.format}+{signal.byte_offset} 1(0)/mV" for signal in held]
        (Path(folder) / "record.hea").write_text("\n".join(lines) + "\n")
        counts = wfdb.rdrecord(str(Path(folder) / "record")).p_signal
    return rearrange(counts, "time lead -> lead time")


def _link(path: Path, link: Path) -> None:
    try:
        os.symlink(path.resolve(), link)
    except OSError:  # Windows grants links to administrators only
        shutil.copyfile(path, link)


def _refuse(path: Path, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadRecording(path, found=found, expected=expected, remedy=remedy)
