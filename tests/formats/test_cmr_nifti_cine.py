from dataclasses import replace

import nibabel
import numpy as np
import pytest
from cine_stacks import SPACING_MM, oblique_geometry, small_stack
from fuzzing import fuzz_test
from numpy.testing import assert_allclose

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.nifti_cine import read_nifti_cine
from cardiolens.formats.cmr_nifti import write


def _cine(phases=10, step_ms=80.0):
    return replace(small_stack(phases=phases, masks=False), trigger_ms=np.arange(phases) * step_ms)


def _rewritten(path, change):
    image = nibabel.load(path)
    image = nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine, image.header)
    change(image.header)
    image.header.set_data_dtype(np.float32)
    path.write_bytes(image.to_bytes())
    return path


@pytest.mark.parametrize("name", ["7654321_sa.nii.gz", "7654321_sa.nii"])
def test_what_was_written_comes_back(tmp_path, name):
    cine = _cine()
    write(tmp_path / name, cine, oblique_geometry())
    study = read_nifti_cine(tmp_path / name)
    read = study.placed.cine
    assert read.frames.dtype == np.float32
    assert_allclose(read.frames, cine.frames, atol=0.02)
    assert_allclose(read.spacing_mm, SPACING_MM, rtol=1e-6)
    assert_allclose(read.trigger_ms, cine.trigger_ms, rtol=1e-6)
    assert_allclose(study.placed.geometry.lps_affine(SPACING_MM), oblique_geometry().lps_affine(SPACING_MM), atol=1e-4)
    assert study.rr_ms == pytest.approx(800)
    assert study.heart_rate_source == "10 phases times the time between them"
    assert "7654321" not in read.source
    assert read.notes == ()


def test_a_single_volume_is_one_phase_without_a_beat(tmp_path):
    write(tmp_path / "ed.nii.gz", small_stack(phases=1, masks=False), oblique_geometry())
    study = read_nifti_cine(tmp_path / "ed.nii.gz")
    assert_allclose(study.placed.cine.trigger_ms, [0.0])
    assert study.rr_ms is None
    assert study.placed.cine.notes == ()


@pytest.mark.parametrize(("step", "unit"), [(0.08, "seconds"), (80.0, "milliseconds")])
def test_a_missing_unit_of_time_is_told_by_the_beat_and_said(tmp_path, step, unit):
    write(tmp_path / "sa.nii", _cine(), oblique_geometry())

    def change(header):
        header.set_xyzt_units("mm", "unknown")
        header["pixdim"][4] = step

    read = read_nifti_cine(_rewritten(tmp_path / "sa.nii", change))
    assert_allclose(read.placed.cine.trigger_ms, np.arange(10) * 80.0, rtol=1e-6)
    assert f"no unit of time is stated; {unit} between" in read.placed.cine.notes[0]


def test_a_stated_unit_is_believed_and_a_time_that_makes_no_beat_is_lost(tmp_path):
    write(tmp_path / "sa.nii", _cine(), oblique_geometry())
    study = read_nifti_cine(_rewritten(tmp_path / "sa.nii", lambda header: header["pixdim"].__setitem__(4, 80.0)))
    assert np.isnan(study.placed.cine.trigger_ms).all()
    assert study.rr_ms is None
    assert "times of the phases are lost: 80 x 1000 ms between phases" in study.placed.cine.notes[0]


def test_the_files_scale_is_applied(tmp_path):
    cine = _cine()
    write(tmp_path / "sa.nii", cine, oblique_geometry())
    content = bytearray((tmp_path / "sa.nii").read_bytes())
    slope, intercept = np.frombuffer(content, "<f4", 2, 112)
    content[112:120] = np.array([slope * 2, intercept * 2 + 7], "<f4").tobytes()
    (tmp_path / "sa.nii").write_bytes(content)
    assert_allclose(read_nifti_cine(tmp_path / "sa.nii").placed.cine.frames, cine.frames * 2 + 7, atol=0.04)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_values_that_are_not_finite_are_refused(tmp_path, bad):
    values = np.ones((9, 6, 3, 2))
    values[3, 2, 1, 0] = bad
    path = tmp_path / "sa.nii"
    path.write_bytes(nibabel.Nifti1Image(values, oblique_geometry().ras_affine(SPACING_MM)).to_bytes())
    with pytest.raises(BadImage, match="not finite"):
        read_nifti_cine(path)


def test_the_real_cines_read_with_their_directions_and_times_lost(shared_data):
    for name, side_mm in (("patient006", 1.7578125), ("patient024", 1.5625)):
        study = read_nifti_cine(shared_data / "cmr" / "acdc_cine" / f"{name}_4d.nii.gz")
        cine = study.placed.cine
        assert cine.frames.shape == (28, 7, 95, 100)
        assert cine.spacing_mm == (10.0, side_mm, side_mm)
        assert np.isnan(cine.trigger_ms).all()
        assert study.rr_ms is None
        stored = np.asarray(nibabel.load(shared_data / "cmr" / "acdc_cine" / f"{name}_4d.nii.gz").dataobj)
        assert_allclose(cine.frames, stored.T, atol=1e-3)
        assert len(cine.notes) == 2


def _write_small(name):
    def write_to(folder):
        write(folder / name, _cine(phases=5, step_ms=160.0), oblique_geometry())
        return folder / name

    return write_to


test_a_damaged_plain_file_is_read_or_refused = fuzz_test(_write_small("sa.nii"), read_nifti_cine)
test_a_damaged_packed_file_is_read_or_refused = fuzz_test(_write_small("sa.nii.gz"), read_nifti_cine)
