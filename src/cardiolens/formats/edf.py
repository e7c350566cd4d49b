"""EDF and EDF+ (16 bit) and BDF (24 bit): Holter, polysomnography and research recorders, where they hold ECG leads.

Read is a continuous recording; EDF+D, which has gaps, is refused. Annotations are another channel and are left out. The
samples are plain whole numbers and are decoded here: libraries take EDF+D for continuous and warn where a recorder was
not stopped. The layout of the header is in `edf_header`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from einops import rearrange
from jaxtyping import Float, UInt8

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import read_bounded, refuse_too_many_samples, shown
from cardiolens.formats.edf_header import EdfHeader, EdfSignal, looks_like_edf, parse_header, rate_hz
from cardiolens.formats.patient import sex, whole_years
from cardiolens.privacy import display_name
from cardiolens.signals.leads import standard_lead
from cardiolens.signals.units import millivolts_per
from cardiolens.types import Recording

NAME = "EDF, EDF+ or BDF"


def sniff(path: Path, head: bytes) -> bool:
    """Whether the first bytes are an EDF or BDF header."""
    return looks_like_edf(head)


def read(path: Path) -> Recording:
    """The ECG leads in mV: the channels named as leads of a 12-lead ECG, with or without "ECG" in front.

    Age is whole years from birth to recording where EDF+ gives both; the date of birth is not kept.

    Raises:
        BadRecording: what `parse_header` refuses; no ECG lead; leads of different rates; a lead that is not in V, mV, uV
            or nV, or has no scale.
    """
    content = read_bounded(path)
    header = parse_header(path, content)
    kept = [place for place, signal in enumerate(header.signals) if standard_lead(signal.label)]
    signals = [header.signals[place] for place in kept]
    others = [signal.label for signal in header.signals if not standard_lead(signal.label)]
    if not signals:
        raise BadRecording(
            path,
            found=f"signals {', '.join(others[:20]) or 'of no kind'}",
            expected="leads of a 12-lead ECG",
            remedy="name them as usual, I to V6, with or without ECG in front",
        )
    rates = {rate_hz(path, header, signal) for signal in signals}
    if len(rates) > 1:
        raise BadRecording(
            path,
            found=f"ECG leads of {', '.join(f'{rate:g}' for rate in sorted(rates)[:5])} Hz",
            expected="one rate",
            remedy="resample them to one rate",
        )
    refuse_too_many_samples(path, len(signals), header.num_records * signals[0].samples_per_record)
    records = _records(header, content)
    rows = [_millivolts(path, header, records, place) for place in kept]
    notes = [f"left out {', '.join(others[:20])}"] if others else []
    return Recording(
        signal_mv=np.stack(rows),
        leads=tuple(signal.label for signal in signals),
        rate_hz=rates.pop(),
        source=display_name(path),
        age_years=whole_years(born=header.born, on=header.recorded_at.date() if header.recorded_at else None),
        sex=sex(header.sex),
        device=header.device,
        recorded_at=header.recorded_at,
        notes=(*notes, *header.notes),
    )


def _records(header: EdfHeader, content: bytes) -> UInt8[np.ndarray, "record sample byte"]:
    num_bytes = header.num_records * header.bytes_per_sample * sum(signal.samples_per_record for signal in header.signals)
    flat = np.frombuffer(content, np.uint8, num_bytes, header.num_bytes)
    return rearrange(
        flat, "(record sample byte) -> record sample byte", record=header.num_records, byte=header.bytes_per_sample
    )


def _millivolts(
    path: Path, header: EdfHeader, records: UInt8[np.ndarray, "record sample byte"], place: int
) -> Float[np.ndarray, " time"]:
    signal = header.signals[place]
    millivolts = _millivolts_per_unit(path, signal)
    gain, offset = header.scale(path, signal)
    start = sum(before.samples_per_record for before in header.signals[:place])
    written = rearrange(records[:, start : start + signal.samples_per_record], "record sample byte -> (record sample) byte")
    # Into the upper bytes of a 32-bit word, so that the sign comes right without asking.
    words = np.zeros((len(written), 4), np.uint8)
    words[:, 4 - header.bytes_per_sample :] = written
    counts = words.view("<i4")[:, 0] >> (32 - 8 * header.bytes_per_sample)
    return ((counts * gain + offset) * millivolts).astype(np.float32)


def _millivolts_per_unit(path: Path, signal: EdfSignal) -> float:
    millivolts = millivolts_per(signal.dimension)
    if millivolts is None:
        raise BadRecording(
            path,
            found=f"lead {signal.label} in {shown(signal.dimension) or 'no unit'}",
            expected="V, mV, uV or nV",
            remedy="write the unit into the header; no scale is guessed",
        )
    return millivolts
