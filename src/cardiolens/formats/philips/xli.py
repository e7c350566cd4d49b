"""XLI, the compression of the waveforms in Philips ECG XML. It is not published; every step was checked on real files.

The channels follow each other, each behind a header of eight bytes: its size (32 bits), a constant 1 and its first bend (16
bits each), little-endian. A channel is packed by LZW in codes of 10 bits, most significant bit first, until the code 1023;
a full table stays as it is. What comes out are all high bytes and then all low bytes of 16-bit words: two samples, then for
every further sample the negative second difference of the one before it, raised by 64 (the first one is in the header).
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from jaxtyping import Int16, Int32, UInt8, UInt16

from cardiolens.errors import BadRecording

FEWEST_SAMPLES = 3

_HEADER = struct.Struct("<ihh")
_END = 1023
_BIAS = 64


def decompress(path: Path, compressed: bytes, num_leads: int, num_samples: int) -> Int32[np.ndarray, "lead time"]:
    """Converter counts of the first `num_leads` channels; devices add empty ones behind them.

    At least `FEWEST_SAMPLES` samples; `path` is for messages.

    Raises:
        BadRecording: a channel is cut off, damaged or of another length.
    """
    channels, place = [], 0
    for number in range(1, num_leads + 1):
        header = compressed[place : place + _HEADER.size]
        size, _, first_bend = _HEADER.unpack(header) if len(header) == _HEADER.size else (0, 0, 0)
        place += _HEADER.size
        if not 0 < size <= len(compressed) - place:
            raise _bad(path, f"channel {number} of {num_leads} cut off")
        unpacked = _unpacked(compressed[place : place + size], 2 * num_samples)
        if len(unpacked) != 2 * num_samples:
            raise _bad(path, f"channel {number} that does not unpack to {num_samples} samples")
        channels.append(_samples(np.frombuffer(unpacked, np.uint8), first_bend))
        place += size
    return np.stack(channels).astype(np.int32)


def limb_leads(stored: Int32[np.ndarray, "lead time"]) -> Int32[np.ndarray, "lead time"]:
    """I, II, III, aVR, aVL and aVF from I, II and what the other four differ from what they should be.

    Halves are cut off towards zero, as C does: so, and not with halves rounded down, aVL and aVF of a device that derives
    them are I - II/2 and II - I/2 at every sample.
    """
    i, ii, less_iii, less_avr, less_avl, less_avf = stored
    iii = ii - i - less_iii
    return np.stack([i, ii, iii, -less_avr - _half(i + ii), _half(i - iii) - less_avl, _half(ii + iii) - less_avf])


def _unpacked(packed: bytes, most_bytes: int) -> bytes:
    """The bytes behind the LZW codes: fewer or more than `most_bytes` where the codes are damaged."""
    table = [bytes([value]) for value in range(256)]
    pieces: list[bytes] = []
    num_bytes, before = 0, b""
    for code in _codes(np.frombuffer(packed, np.uint8)).tolist():
        if code == _END or num_bytes > most_bytes:
            break
        if code < len(table):
            piece = table[code]
        elif code == len(table) and before:
            piece = before + before[:1]
        else:
            break
        if before and len(table) < _END:
            table.append(before + piece[:1])
        pieces.append(piece)
        num_bytes += len(piece)
        before = piece
    return b"".join(pieces)


def _codes(packed: UInt8[np.ndarray, " byte"]) -> UInt16[np.ndarray, " code"]:
    """Four codes from every five bytes."""
    num_codes = len(packed) * 8 // 10
    a, b, c, d, e = np.pad(packed, (0, -len(packed) % 5)).astype(np.uint16).reshape(-1, 5).T
    codes = [a << 2 | b >> 6, (b & 63) << 4 | c >> 4, (c & 15) << 6 | d >> 2, (d & 3) << 8 | e]
    return np.stack(codes, axis=1).reshape(-1)[:num_codes]


def _samples(unpacked: UInt8[np.ndarray, " byte"], first_bend: int) -> Int16[np.ndarray, " time"]:
    high, low = np.split(unpacked, 2)
    words = (high.astype(np.uint16) << 8 | low).view(np.int16).astype(np.int64)
    bends = np.concatenate([words[:1], words[1:2] - 2 * words[:1], [-first_bend], _BIAS - words[2:-1]])
    # Sixteen bits that run over and come back: a bend may be larger than a word holds.
    return np.cumsum(np.cumsum(bends)).astype(np.int16)


def _half(counts: Int32[np.ndarray, " time"]) -> Int32[np.ndarray, " time"]:
    return (counts + (counts < 0)) >> 1


def _bad(path: Path, found: str) -> BadRecording:
    return BadRecording(
        path,
        found=found,
        expected="the whole waveform as the device packed it",
        remedy="the file is cut off or damaged: export the ECG again",
    )
