"""Which ECGs cannot be used at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cardiolens.errors import BadRecording
from cardiolens.types import LEADS, Recording

SHORTEST_S = 5.0
"""The encoder's window; a shorter recording would have to be padded with what no heart made."""

FLAT_MV = 0.01
"""A lead that spans less than this, a tenth of a millimetre on paper, records no heart."""

MOST_MISSING = 0.05
"""The share of a lead's samples that may be missing."""


def refuse_unusable(recording: Recording) -> Recording:
    """The same recording, its missing samples noted, if a model may be asked about it.

    Missing samples (NaN or infinite) stay as they are: cleaning counts them as zero.

    Raises:
        BadRecording: it has not the 12 standard leads, is shorter than 5 s, or a lead is empty, flat or has more than
            5 % of its samples missing.
    """
    if recording.leads != LEADS or len(recording.signal_mv) != len(LEADS):
        _refuse(recording, f"{len(recording.signal_mv)} leads", "the 12 standard leads", "export all leads of the recording")
    num_samples = recording.signal_mv.shape[1]
    if num_samples < SHORTEST_S * recording.rate_hz:
        _refuse(recording, f"{num_samples / recording.rate_hz:.3f} s", f"{SHORTEST_S:g} s or more", "use a longer recording")
    known = np.isfinite(recording.signal_mv)
    notes = []
    for lead, row, here in zip(LEADS, recording.signal_mv, known, strict=True):
        missing = 1 - here.mean()
        if missing == 1:
            _refuse(recording, f"no sample at all in lead {lead}", "12 recorded leads", "check the electrode and the export")
        if missing > MOST_MISSING:
            _refuse(
                recording,
                f"{missing:.0%} of lead {lead} missing",
                f"at most {MOST_MISSING:.0%} missing samples",
                "check the electrode and the export",
            )
        if np.ptp(row[here]) < FLAT_MV:
            _refuse(
                recording,
                f"a flat line in lead {lead}",
                f"a signal of {FLAT_MV:g} mV or more in every lead",
                "check the electrode, and the unit in the file",
            )
        if missing:
            notes.append(f"{int((~here).sum())} missing samples in {lead}")
    return replace(recording, notes=(*recording.notes, *notes))


def _refuse(recording: Recording, found: str, expected: str, remedy: str) -> None:
    raise BadRecording(recording.source, found=found, expected=expected, remedy=remedy)
