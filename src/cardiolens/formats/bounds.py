"""How much of a file is ever read: an ECG of minutes, never what a header promises."""

from __future__ import annotations

from pathlib import Path

from cardiolens.errors import BadRecording
from cardiolens.privacy import hide_participants

MOST_SAMPLES = 1 << 22
"""Over all leads: 11 minutes of 12 leads at 500 Hz, which fit into 2 GB when all of an ECG's quality is measured."""

MOST_BYTES = 128 << 20
"""Of one file: as many samples as doubles."""

LONGEST_TEXT = 40
"""Characters shown of what a file says where a message quotes it."""


def shown(text: str) -> str:
    """What a message quotes of a file: participants' numbers hidden, cut short."""
    return hide_participants(text.strip())[:LONGEST_TEXT]


def read_bounded(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The whole file.

    Raises:
        BadRecording: it is larger than `most_bytes`; no more than that is read.
    """
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        shown = f"{most_bytes >> 20} MiB" if most_bytes >= 1 << 20 else f"{most_bytes >> 10} KiB"
        raise BadRecording(
            path,
            found=f"more than {shown}",
            expected="an ECG of a few minutes at most",
            remedy="cut out the part of interest",
        )
    return content


def refuse_too_many_samples(path: Path, num_leads: int, num_samples: int) -> None:
    """Refuse a promise before any memory is taken for it.

    Raises:
        BadRecording: leads times samples are more than `MOST_SAMPLES`.
    """
    if num_leads * num_samples > MOST_SAMPLES:
        raise BadRecording(
            path,
            found=f"{num_samples} samples in each of {num_leads} leads",
            expected=f"at most {MOST_SAMPLES} in all (11 minutes of 12 leads at 500 Hz)",
            remedy="cut out the part of interest",
        )
