import gzip

import nibabel
import numpy as np
import pytest
from cine_stacks import oblique_geometry, small_stack
from numpy.testing import assert_allclose, assert_array_equal

from cardiolens.errors import BadImage
from cardiolens.formats.cmr import nifti_file
from cardiolens.formats.cmr.nifti_file import read_nifti
from cardiolens.formats.cmr_nifti import write

AFFINE = np.array([[-1.5, 0, 0.5, 10], [0.1, -1.8, 0, 20], [0, 0.2, 10, -30], [0, 0, 0, 1.0]])


def _image(values, kind=nibabel.Nifti1Image, change=lambda header: None):
    image = kind(values, AFFINE)
    change(image.header)
    return image


def _written(path, image):
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)
    return path


def _patched(path, offset, value, kind):
    content = bytearray(path.read_bytes())
    raw = np.array(value, dtype=kind).tobytes()
    content[offset : offset + len(raw)] = raw
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.other"])
def test_both_versions_read_packed_or_plain_whatever_their_name(tmp_path, kind, name):
    values = np.arange(120, dtype=np.int16).reshape(2, 3, 4, 5)
    file = read_nifti(_written(tmp_path / name, _image(values, kind)))
    assert_array_equal(file.stored, values)
    assert_allclose(file.ras_mm, AFFINE, atol=1e-6)
    assert (file.slope, file.intercept) == (1.0, 0.0)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_every_kind_of_number_and_either_byte_order_reads(tmp_path, kind):
    values = np.arange(24).reshape(2, 3, 4).astype(kind)
    image = nibabel.Nifti1Image(values, AFFINE, nibabel.Nifti1Header(endianness=">"))
    image.header.set_data_dtype(kind)
    assert_array_equal(read_nifti(_written(tmp_path / "a.nii", image)).stored[..., 0], values)


def test_units_are_told(tmp_path):
    file = read_nifti(_written(tmp_path / "a.nii", _image(np.zeros((2, 3, 4, 5), np.int16))))
    assert (file.step_unit_ms, file.has_length_unit) == (None, False)
    for length, time, factor, step in (("mm", "sec", 1, 1000), ("meter", "msec", 1000, 1), ("micron", "usec", 1e-3, 1e-3)):
        image = _image(np.zeros((2, 3, 4, 5), np.int16), change=lambda h, u=(length, time): h.set_xyzt_units(*u))
        file = read_nifti(_written(tmp_path / "b.nii", image))
        assert (file.step_unit_ms, file.has_length_unit) == (step, True)
        assert_allclose(file.ras_mm[:3], AFFINE[:3] * factor, rtol=1e-6)
        assert_allclose(file.pixel_mm[1] / factor, np.linalg.norm(AFFINE[:3, 1]), rtol=1e-6)


def test_the_quaternion_serves_where_there_is_no_affine(tmp_path):
    write(tmp_path / "a.nii", small_stack(), oblique_geometry())
    with_sform = read_nifti(tmp_path / "a.nii").ras_mm
    without = read_nifti(_patched(tmp_path / "a.nii", 254, 0, "<i2")).ras_mm
    assert_allclose(without, with_sform, atol=1e-4)
    assert read_nifti(_patched(tmp_path / "a.nii", 252, 0, "<i2")).ras_mm is None


def test_a_promise_of_size_takes_no_memory(tmp_path):
    path = _written(tmp_path / "a.nii", _image(np.zeros((2, 3, 4, 5), np.int16)))
    with pytest.raises(BadImage, match=r"32767 x 32767 x 4 x 5 values; expected at most 128 Mi"):
        read_nifti(_patched(path, 42, [32767, 32767], "<i2"))
    with pytest.raises(BadImage, match="cut off after"):
        read_nifti(_patched(path, 42, [1000, 1000], "<i2"))


def test_a_small_file_that_unpacks_to_much_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(nifti_file, "MOST_BYTES", 1 << 20)
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(_image(np.zeros((100, 100, 60), np.int16)).to_bytes()))
    with pytest.raises(BadImage, match="100 x 100 x 60 x 1 values"):
        read_nifti(path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "an empty file"),
        (b"no picture at all" * 100, "a file of another kind"),
        (gzip.compress(b"no picture" * 100), "a file of another kind"),
        (b"\x1f\x8b broken", "a damaged or cut off gzip file"),
    ],
)
def test_other_files_are_refused_by_what_they_are(tmp_path, content, found):
    (tmp_path / "a.nii.gz").write_bytes(content)
    with pytest.raises(BadImage, match=found):
        read_nifti(tmp_path / "a.nii.gz")


def test_damage_is_refused(tmp_path):
    whole = _image(np.random.default_rng(0).integers(0, 999, (9, 9, 9), np.int16)).to_bytes()
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(whole)[:-200])
    with pytest.raises(BadImage, match="damaged or cut off"):
        read_nifti(path)
    broken = bytearray(gzip.compress(whole))
    broken[-6] ^= 0xFF
    path.write_bytes(broken)
    with pytest.raises(BadImage, match="damaged or cut off"):  # its sum does not agree
        read_nifti(path)
    with pytest.raises(BadImage, match="cannot be read"):
        read_nifti(tmp_path / "absent.nii")


@pytest.mark.parametrize(
    ("offset", "value", "kind", "found"),
    [
        (40, 0, "<i2", "a picture of size unknown"),
        (40, 2, "<i2", "a picture of size 2 x 3"),
        (44, -3, "<i2", "a picture of size 2 x -3"),
        (70, 128, "<i2", "values of type"),
        (70, 32, "<i2", "values of type complex64"),
        (70, 9999, "<i2", "a damaged header"),
        (108, 12.0, "<f4", "values that begin at byte 12"),
        (108, np.nan, "<f4", "a damaged header"),
        (280, np.nan, "<f4", "an affine that is not finite"),
        (344, b"ni1\0", "S4", "one of a pair of files"),
    ],
)
def test_headers_that_make_no_sense_are_refused(tmp_path, offset, value, kind, found):
    path = _written(tmp_path / "a.nii", _image(np.zeros((2, 3, 4, 5), np.int16)))
    with pytest.raises(BadImage, match=found):
        read_nifti(_patched(path, offset, value, kind))


def test_axes_of_one_beyond_time_are_nothing(tmp_path):
    file = read_nifti(_written(tmp_path / "a.nii", _image(np.zeros((2, 3, 4, 5, 1), np.int16))))
    assert file.stored.shape == (2, 3, 4, 5)
    with pytest.raises(BadImage, match="2 x 3 x 4 x 5 x 6"):
        read_nifti(_written(tmp_path / "a.nii", _image(np.zeros((2, 3, 4, 5, 6), np.int16))))
