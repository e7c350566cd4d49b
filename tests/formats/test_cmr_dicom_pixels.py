import io

import numpy as np
import pytest
from cmr_files import encoded, pictures, whole_stack
from numpy.testing import assert_array_equal
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    RLELossless,
)

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.dicom_headers import read_headers
from cardiolens.formats.cmr.dicom_pixels import read_pixels


def _frame():
    (frame,) = pictures(whole_stack(phases=1, slices=1))
    frame.RescaleSlope, frame.RescaleIntercept = "2", "-3"
    return frame


def _read(folder, frame):
    (folder / "a").write_bytes(encoded(frame))
    (header,) = read_headers([folder / "a"]).frames
    return read_pixels(header, "a")


def _stored(frame, values, *, bits_stored, high_bit, signed):
    kind = "i" if signed else "u"
    frame.BitsAllocated = 8 * values.dtype.itemsize
    frame.BitsStored, frame.HighBit, frame.PixelRepresentation = bits_stored, high_bit, int(signed)
    frame.PixelData = values.astype(f"<{kind}{values.dtype.itemsize}").tobytes()
    return frame


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_every_uncompressed_syntax_gives_the_same_picture(tmp_path, syntax):
    frame = _frame()
    wanted = frame.pixel_array.astype(np.float32) * 2 - 3
    # A data set that was never read from a file may be written in any byte order.
    fresh = Dataset()
    fresh.update(frame)
    fresh.file_meta = frame.file_meta
    fresh.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        fresh.PixelData = np.frombuffer(frame.PixelData, "<u2").astype(">u2").tobytes()
    stream = io.BytesIO()
    fresh.save_as(
        stream, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )  # fmt: skip
    (tmp_path / "a").write_bytes(stream.getvalue())
    (header,) = read_headers([tmp_path / "a"]).frames
    assert_array_equal(read_pixels(header, "a"), wanted)


def test_run_lengths_are_unpacked(tmp_path):
    frame = _frame()
    wanted = frame.pixel_array * 2.0 - 3
    frame.compress(RLELossless)
    assert_array_equal(_read(tmp_path, frame), wanted)


def test_jpeg_2000_is_unpacked(tmp_path):
    frame = _frame()
    frame.Rows = frame.Columns = 64
    values = np.random.default_rng(0).integers(0, 4096, (64, 64), dtype=np.uint16)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "JPEG2000", irreversible=False, no_jp2=True)
    frame.PixelData = encapsulate([stream.getvalue()])
    frame["PixelData"].is_undefined_length = True
    frame.file_meta.TransferSyntaxUID = JPEG2000Lossless
    # The encoder writes all 16 bits.
    frame.BitsStored, frame.HighBit = 16, 15
    assert_array_equal(_read(tmp_path, frame), values * 2.0 - 3)


def test_a_compression_without_a_decoder_is_refused_by_name(tmp_path):
    frame = _frame()
    frame.PixelData = encapsulate([b"\xff\xd8\xff\xd9"])
    frame.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    with pytest.raises(BadImage, match=r"JPEG Lossless.*dcmdjpeg"):
        _read(tmp_path, frame)
    frame.file_meta.TransferSyntaxUID = "1.2.3.4"
    with pytest.raises(BadImage, match=r"compressed as 1\.2\.3\.4"):
        _read(tmp_path, frame)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int16, np.uint16, np.int32])
def test_depth_and_sign_are_heeded(tmp_path, kind):
    values = np.random.default_rng(0).integers(np.iinfo(kind).min, np.iinfo(kind).max, (6, 9), dtype=kind, endpoint=True)
    bits = 8 * values.dtype.itemsize
    signed = values.dtype.kind == "i"
    read = _read(tmp_path, _stored(_frame(), values, bits_stored=bits, high_bit=bits - 1, signed=signed))
    assert_array_equal(read, (values.astype(float) * 2 - 3).astype(np.float32))


def test_bits_beside_the_stored_ones_are_no_part_of_the_value(tmp_path):
    values = np.arange(54, dtype=np.uint16).reshape(6, 9)
    with_drawing = (values << 2) | 0xC001
    read = _read(tmp_path, _stored(_frame(), with_drawing, bits_stored=8, high_bit=9, signed=False))
    assert_array_equal(read, values * 2.0 - 3)
    negative = np.full((6, 9), 0x0FFF, dtype=np.uint16)
    frame = _stored(_frame(), negative.astype(np.int16), bits_stored=12, high_bit=11, signed=True)
    assert_array_equal(_read(tmp_path, frame), np.full((6, 9), -5.0))


def test_a_picture_in_which_low_is_bright_is_turned_round(tmp_path):
    frame = _frame()
    wanted = (4095 - frame.pixel_array.astype(int)) * 2.0 - 3
    frame.PhotometricInterpretation = "MONOCHROME1"
    assert_array_equal(_read(tmp_path, frame), wanted)


def test_pixels_that_are_cut_off_are_none(tmp_path):
    frame = _frame()
    frame.PixelData = frame.PixelData[:-10]
    assert _read(tmp_path, frame) is None
    del frame.PixelData
    assert _read(tmp_path, frame) is None
