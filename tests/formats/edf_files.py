"""Small EDF, EDF+ and BDF files for the tests, written from the standard's table of fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cardiolens.types import LEADS


@dataclass(frozen=True)
class Channel:
    """A channel and its counts; `samples_per_record` follows from their number and the number of records."""

    label: str
    counts: np.ndarray
    dimension: str = "uV"
    digital: tuple[str, str] = ("-32768", "32767")
    physical: tuple[str, str] = ("-3276.8", "3276.7")


def counts(num_leads: int = 12, num_samples: int = 2500) -> np.ndarray:
    """(lead, time) with a different wave in every lead."""
    time = np.arange(num_samples) / 500
    return np.stack([np.round(9000 * np.sin(2 * np.pi * (1 + 0.1 * k) * time + k)) - 11 * k for k in range(num_leads)]).astype(
        int
    )


def ecg_channels(num_samples: int = 2500, prefix: str = "ECG ", **fields) -> list[Channel]:
    return [Channel(prefix + lead, row, **fields) for lead, row in zip(LEADS, counts(12, num_samples), strict=True)]


def write_edf(
    path: Path,
    channels: Sequence[Channel],
    *,
    num_records: int = 5,
    declared_records: str | None = None,
    record_s: str = "1",
    patient: str = "X X X X",
    recording: str = "Startdate X X X X",
    start: tuple[str, str] = ("03.02.15", "09.05.01"),
    reserved: str = "EDF+C",
    bdf: bool = False,
    trailing: bytes = b"",
) -> Path:
    """`num_records` records of `record_s` seconds, in 16 or (`bdf`) 24 bits a sample."""
    samples = [len(channel.counts) // num_records for channel in channels]
    columns = (
        (16, [channel.label for channel in channels]),
        (80, ["AgAgCl electrode"] * len(channels)),
        (8, [channel.dimension for channel in channels]),
        (8, [channel.physical[0] for channel in channels]),
        (8, [channel.physical[1] for channel in channels]),
        (8, [channel.digital[0] for channel in channels]),
        (8, [channel.digital[1] for channel in channels]),
        (80, ["HP:0.05Hz"] * len(channels)),
        (8, map(str, samples)),
        (32, [""] * len(channels)),
    )
    fixed = ((80, patient), (80, recording), (8, start[0]), (8, start[1]), (8, str(256 * (len(channels) + 1))), (44, reserved))
    fixed += ((8, str(num_records) if declared_records is None else declared_records), (8, record_s), (4, str(len(channels))))
    header = b"\xffBIOSEMI" if bdf else b"0       "
    header += b"".join(_field(text, width) for width, text in fixed)
    header += b"".join(_field(text, width) for width, texts in columns for text in texts)
    rows = [channel.counts.astype("<i4").reshape(num_records, -1) for channel in channels]
    stored = np.concatenate(rows, axis=1).reshape(-1, 1).view(np.uint8)[:, : 3 if bdf else 2]
    path.write_bytes(header + stored.tobytes() + trailing)
    return path


def _field(text: str, width: int) -> bytes:
    return text.encode("latin-1")[:width].ljust(width)
