"""The pixels of a DICOM picture as numbers: any byte order, depth and sign, rescaled, bright where the signal is strong.

Uncompressed and deflated files always work; compressed ones where pydicom has a decoder for their transfer syntax.
"""

from __future__ import annotations

import struct
import zlib
from typing import NoReturn

import numpy as np
from jaxtyping import Float32, Shaped

from cardiolens.errors import BadImage
from cardiolens.formats.bounds import shown
from cardiolens.formats.cmr.dicom_headers import DEFLATED, NATIVE, FrameHeader, PixelFormat
from cardiolens.formats.dicom.elements import silence_pydicom

_PIXEL_DATA = 0x7FE00010
# What pydicom and its decoders let through where a file is damaged; they have no error of their own for most of it.
_DAMAGE = (
    EOFError, struct.error, ValueError, KeyError, IndexError, AttributeError, TypeError, AssertionError, NotImplementedError,
    OverflowError, RecursionError, RuntimeError, OSError, zlib.error, SyntaxError,
)  # fmt: skip


def read_pixels(frame: FrameHeader, source: str) -> Float32[np.ndarray, "height width"] | None:
    """The picture in the header's own unit: stored values times slope plus intercept; None where it is damaged or cut off.

    Raises:
        BadImage: it is compressed in a way that no installed decoder reads.
    """
    decoded = _decoded(frame, source)
    if decoded is None:
        return None
    stored = _integers(decoded, frame.pixels)
    if frame.pixels.inverted:
        stored = (_largest(frame.pixels) + _smallest(frame.pixels)) - stored
    return (stored * frame.pixels.slope + frame.pixels.intercept).astype(np.float32)


def _decoded(frame: FrameHeader, source: str) -> Shaped[np.ndarray, "height width"] | None:
    from pydicom import dcmread
    from pydicom.pixels import get_decoder

    silence_pydicom()
    pixels = frame.pixels
    try:
        decoder = get_decoder(pixels.syntax)
    except (NotImplementedError, ValueError):
        decoder = None
    if decoder is None or not decoder.is_available:
        _refuse_syntax(pixels.syntax, source)
    try:
        content = dcmread(frame.file, specific_tags=[_PIXEL_DATA]).get_item(_PIXEL_DATA).value
        if pixels.syntax in NATIVE or pixels.syntax == DEFLATED:
            # Padding to an even length, and what some converters leave behind, is not asked for.
            content = content[: pixels.rows * pixels.columns * pixels.bits_allocated // 8]
        array, _ = decoder.as_array(
            content, raw=True, index=0, rows=pixels.rows, columns=pixels.columns, samples_per_pixel=1, number_of_frames=1,
            bits_allocated=pixels.bits_allocated, bits_stored=pixels.bits_stored, pixel_representation=int(pixels.signed),
            photometric_interpretation="MONOCHROME2", pixel_keyword="PixelData", pixel_vr="OW",
        )  # fmt: skip
    except _DAMAGE:
        return None
    return array if array.shape == (pixels.rows, pixels.columns) else None


def _integers(array: Shaped[np.ndarray, "height width"], pixels: PixelFormat) -> Shaped[np.ndarray, "height width"]:
    """Only the bits that are stored, with their sign: old files keep drawings in the others."""
    stored = array.astype(np.int64) >> (pixels.high_bit + 1 - pixels.bits_stored)
    stored &= (1 << pixels.bits_stored) - 1
    return np.where(stored > _largest(pixels), stored - (1 << pixels.bits_stored), stored) if pixels.signed else stored


def _largest(pixels: PixelFormat) -> int:
    return (1 << (pixels.bits_stored - int(pixels.signed))) - 1


def _smallest(pixels: PixelFormat) -> int:
    return -(1 << (pixels.bits_stored - 1)) if pixels.signed else 0


def _refuse_syntax(syntax: str, source: str) -> NoReturn:
    from pydicom.uid import UID

    named = UID(syntax)
    raise BadImage(
        source,
        found=f"pixels compressed as {named.name if named.is_transfer_syntax else shown(syntax) or 'nothing known'}",
        expected="uncompressed, deflated, RLE or JPEG 2000 pixels",
        remedy="convert them (dcmdjpeg, gdcmconv --raw), or install pylibjpeg with pylibjpeg-libjpeg",
    )
