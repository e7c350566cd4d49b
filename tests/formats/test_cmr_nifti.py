import nibabel
import numpy as np
import pytest
from cine_stacks import SPACING_MM, oblique_geometry, small_stack
from numpy.testing import assert_allclose

from cardiolens.formats.cmr_nifti import write


@pytest.mark.parametrize("name", ["sa.nii.gz", "sa.nii"])
def test_frames_and_masks_come_back_on_one_grid(tmp_path, name):
    cine = small_stack()
    write(tmp_path / name, cine, oblique_geometry(), masks_path=tmp_path / f"seg_{name}")
    image, masks = nibabel.load(tmp_path / name), nibabel.load(tmp_path / f"seg_{name}")
    step = np.ptp(cine.frames) / 65535
    assert_allclose(image.get_fdata(), cine.frames.transpose(3, 2, 1, 0), atol=0.51 * step)
    assert np.asarray(masks.dataobj).dtype == np.uint8
    assert (np.asarray(masks.dataobj) == cine.masks.transpose(3, 2, 1, 0)).all()
    assert (masks.affine == image.affine).all()


def test_the_affine_turns_lps_into_ras_and_survives_in_both_forms(tmp_path):
    geometry = oblique_geometry()
    write(tmp_path / "sa.nii.gz", small_stack(), geometry)
    image = nibabel.load(tmp_path / "sa.nii.gz")
    lps = geometry.lps_affine(SPACING_MM) @ [7, 3, 2, 1]
    assert_allclose(image.affine @ [7, 3, 2, 1], lps * [-1, -1, 1, 1], atol=1e-4)
    assert_allclose(image.get_qform(), image.get_sform(), atol=1e-4)
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 1)
    # Base to apex runs against the right-hand rule, which the quaternion says by its sign alone.
    assert np.linalg.det(image.affine) < 0


def test_pixel_sizes_are_in_millimetres_and_seconds(tmp_path):
    write(tmp_path / "sa.nii.gz", small_stack(), oblique_geometry())
    header = nibabel.load(tmp_path / "sa.nii.gz").header
    assert_allclose(header.get_zooms(), (1.5, 1.8, 10.0, 0.0215), rtol=1e-6)
    assert header.get_xyzt_units() == ("mm", "sec")


def test_the_same_stack_gives_the_same_bytes_and_says_where_it_is_from(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz"):
        write(tmp_path / name, small_stack(), oblique_geometry())
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert bytes(nibabel.load(tmp_path / "a.nii.gz").header["descrip"]).startswith(b"synthetic seed 1 subject 2")


def test_a_single_phase_has_no_time_between_phases(tmp_path):
    write(tmp_path / "ed.nii.gz", small_stack(phases=1), oblique_geometry())
    assert nibabel.load(tmp_path / "ed.nii.gz").header.get_zooms()[3] == 0


def test_what_nifti_cannot_say_is_refused(tmp_path):
    uneven = small_stack(phases=3)
    uneven.trigger_ms[1] += 9
    with pytest.raises(ValueError, match=r"one time between phases, found 12.5 to 30.5 ms"):
        write(tmp_path / "sa.nii.gz", uneven, oblique_geometry())
    with pytest.raises(ValueError, match="no masks to write"):
        write(tmp_path / "sa.nii.gz", small_stack(masks=False), oblique_geometry(), masks_path=tmp_path / "seg.nii.gz")
    with pytest.raises(ValueError, match="ends in"):
        write(tmp_path / "sa.img", small_stack(), oblique_geometry())
