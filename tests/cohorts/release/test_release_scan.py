import io
import re
import zipfile
from datetime import datetime

import numpy as np
import pydicom
import pytest
from numpy.testing import assert_allclose

from cardiolens.cohorts.release.scan import ScanExtras, place_scan, short_axis_examination, write_zip
from cardiolens.formats.cmr_dicom import Examination
from cardiolens.types import CineStack

VISIT = Examination("synthetic 1", datetime(2016, 5, 4, 9, 30, 0), uid_key=b"key")
RR_MS = 900.0


@pytest.fixture(scope="module")
def cine() -> CineStack:
    rng = np.random.default_rng(1)
    masks = np.zeros((4, 5, 8, 10), np.uint8)
    masks[:, :, 3:6, 4:8] = 2
    masks[:, 1:4, 5, 5:7] = 1
    frames = (500 * rng.random(masks.shape)).astype(np.float32)
    return CineStack(frames, (10.0, 1.8, 1.8), np.arange(4) * RR_MS / 4, "synthetic", masks)


def _zipped(tmp_path, cine, **extras) -> zipfile.ZipFile:
    rng = np.random.default_rng(2)
    series = short_axis_examination(cine, place_scan(cine, rng), rr_ms=RR_MS, extras=ScanExtras(**extras), rng=rng)
    write_zip(tmp_path / "sa.zip", series, VISIT, manifest_name="manifest.cvs")
    return zipfile.ZipFile(tmp_path / "sa.zip")


def _frames(archive: zipfile.ZipFile) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(io.BytesIO(archive.read(name))) for name in archive.namelist() if name.endswith(".dcm")]


def _normal(frame: pydicom.Dataset) -> np.ndarray:
    return np.cross(*np.reshape(frame.ImageOrientationPatient, (2, 3)).astype(float))


def test_a_reader_that_trusts_the_headers_alone_finds_the_stack(tmp_path, cine):
    slices: dict[int, list[pydicom.Dataset]] = {}
    for frame in _frames(_zipped(tmp_path, cine)):
        number = int(re.fullmatch(r"CINE_segmented_SAX_b(\d*)", frame.SeriesDescription)[1])
        slices.setdefault(number, []).append(frame)
    assert sorted(slices) == list(range(1, 6))
    places = []
    for number, frames in sorted(slices.items()):
        frames.sort(key=lambda frame: float(frame.TriggerTime))
        assert len(frames) == frames[0].CardiacNumberOfImages == 4
        slope = float(frames[0].RescaleSlope)
        for frame, wanted in zip(frames, cine.frames[:, number - 1], strict=True):
            assert_allclose(frame.pixel_array * slope, wanted, atol=0.501 * slope)
        places.append(np.array(frames[0].ImagePositionPatient, float))
    # Base to apex, by the slice number and along the normal alike: to the left, to the front and down.
    steps = np.diff(places, axis=0)
    assert_allclose(np.linalg.norm(steps, axis=1), 10.0, atol=1e-6)
    assert_allclose(steps @ _normal(slices[1][0]), -10.0, atol=1e-6)
    assert (np.sign(steps[0]) == [1, -1, -1]).all()


def test_every_breath_hold_has_a_heart_rate_of_its_own(tmp_path, cine):
    last = {
        str(frame.SeriesDescription): (float(frame.TriggerTime), int(frame.NominalInterval))
        for frame in sorted(_frames(_zipped(tmp_path, cine)), key=lambda frame: float(frame.TriggerTime))
    }
    assert len({trigger for trigger, _ in last.values()}) == 5
    for trigger, nominal in last.values():
        assert trigger * 4 / 3 == pytest.approx(nominal, abs=1)
        assert nominal == pytest.approx(RR_MS, rel=0.12)


def test_names_say_nothing_about_time(tmp_path, cine):
    frames = [frame for frame in _frames(_zipped(tmp_path, cine)) if frame.SeriesDescription.endswith("_b3")]
    by_name = sorted(frames, key=lambda frame: frame.SOPInstanceUID)
    assert [frame.TriggerTime for frame in by_name] != sorted(frame.TriggerTime for frame in by_name)


def test_a_repeated_slice_is_two_series_in_one_place_the_later_one_whole(tmp_path, cine):
    frames = [f for f in _frames(_zipped(tmp_path, cine, repeated_slice=2)) if f.SeriesDescription.endswith("_b3")]
    by_series: dict[str, list[pydicom.Dataset]] = {}
    for frame in sorted(frames, key=lambda frame: int(frame.SeriesNumber)):
        by_series.setdefault(frame.SeriesInstanceUID, []).append(frame)
    first, second = by_series.values()
    assert (len(first), len(second), first[0].CardiacNumberOfImages) == (2, 4, 4)
    assert first[0].SeriesTime < second[0].SeriesTime
    assert first[0].ImagePositionPatient == second[0].ImagePositionPatient


def test_a_long_axis_series_lies_across_the_stack(tmp_path, cine):
    frames = _frames(_zipped(tmp_path, cine, long_axis=True))
    (across, *_) = [frame for frame in frames if frame.SeriesDescription == "CINE_segmented_LAX_4Ch"]
    (stack, *_) = [frame for frame in frames if frame.SeriesDescription == "CINE_segmented_SAX_b1"]
    assert abs(_normal(across) @ _normal(stack)) < 1e-6
    assert (across.Rows, across.Columns) == (23, 10)
    # Its first line is the first slice's row through the left cavity.
    row = np.reshape(stack.ImageOrientationPatient, (2, 3)).astype(float)[1] * 1.8 * 5
    assert_allclose(np.array(across.ImagePositionPatient, float), np.array(stack.ImagePositionPatient, float) + row, atol=1e-6)


def test_the_scanners_copy_holds_all_slices_in_one_series_with_outlines(tmp_path, cine):
    frames = [f for f in _frames(_zipped(tmp_path, cine, inline_copy=True)) if "InlineVF" in f.SeriesDescription]
    assert len(frames) == 20
    assert len({frame.SeriesInstanceUID for frame in frames}) == 1
    # Three by four labelled pixels alone have thirteen on or just outside their edge.
    assert all((frame.pixel_array >= 4094).sum() >= 13 for frame in frames)


def test_the_manifest_lists_every_file_and_its_dates_break_the_rows(tmp_path, cine):
    archive = _zipped(tmp_path, cine)
    header, *rows = archive.read("manifest.cvs").decode().splitlines()
    assert header == "filename,patientid,date,seriesid,series discription"
    assert "May 4, 2016" in rows[0]
    assert {len(row.split(",")) for row in rows} == {6}
    assert {row.split(",")[0] for row in rows} == {name for name in archive.namelist() if name.endswith(".dcm")}


def test_the_same_examination_gives_the_same_bytes(tmp_path, cine):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        _zipped(tmp_path / name, cine, repeated_slice=0)
    assert (tmp_path / "a" / "sa.zip").read_bytes() == (tmp_path / "b" / "sa.zip").read_bytes()


def test_planes_are_oblique_and_differ_between_people(cine):
    planes = [place_scan(cine, np.random.default_rng(k)) for k in range(20)]
    directions = np.stack([plane.along_slices for plane in planes])
    assert np.abs(directions).min() > 0.02
    spread = np.degrees(np.arccos(np.clip(directions @ directions.mean(axis=0), -1, 1)))
    assert 3 < spread.max() < 40
