from dataclasses import replace

import nibabel
import numpy as np
import pytest
from cine_stacks import SPACING_MM, oblique_geometry, small_stack
from numpy.testing import assert_allclose, assert_array_equal

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.label_map import NAMED, LabelMap
from cardiolens.formats.cmr.masks import read_masks, read_phase_masks
from cardiolens.formats.cmr.nifti_cine import read_nifti_cine
from cardiolens.formats.cmr_nifti import write
from cardiolens.imaging.stack_geometry import PlacedCine

UKBB, ACDC = NAMED["ukbb"], NAMED["acdc"]


def heart(phases=4):
    """A ring of muscle around a cavity, and another cavity beside it, in every slice."""
    rows, columns = np.mgrid[:24, :28] - np.array([12, 16])[:, None, None]
    away = np.hypot(rows, columns)
    masks = np.zeros((phases, 3, 24, 28), np.uint8)
    for phase in range(phases):
        masks[phase, :, np.hypot(rows, columns + 8) < 5] = 3
        masks[phase, :, away < 7] = 2
        masks[phase, :, away < 4.5 - 0.5 * phase] = 1
    return masks


def placed(phases=4):
    """The cine of `heart`."""
    frames = np.random.default_rng(0).random((phases, 3, 24, 28)).astype(np.float32)
    cine = replace(small_stack(phases=phases), frames=frames, masks=None, trigger_ms=np.arange(phases) * 200.0)
    return PlacedCine(cine, oblique_geometry())


def _mask_file(path, labels, *, order=(0, 1, 2), flips=(), shift=0.0):
    """(phase, slice, row, column) labels as NIfTI with their axes in another order and direction."""
    values = labels.transpose(3, 2, 1, 0)
    affine = oblique_geometry().ras_affine(SPACING_MM)
    affine[:3, 3] += shift * affine[:3, 0]
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (values.shape[axis] - 1)
        affine[:3, axis] *= -1
        values = np.flip(values, axis)
    affine[:3, :3] = affine[:3, list(order)]
    values = values.transpose(*order, 3)
    values = values[..., 0] if len(labels) == 1 else values
    path.write_bytes(nibabel.Nifti1Image(values, affine).to_bytes())
    return path


def test_what_was_written_comes_back_on_the_cine(tmp_path):
    original = replace(placed().cine, masks=heart())
    write(tmp_path / "sa.nii.gz", original, oblique_geometry(), masks_path=tmp_path / "seg.nii.gz")
    read = read_masks(tmp_path / "seg.nii.gz", read_nifti_cine(tmp_path / "sa.nii.gz").placed, UKBB)
    assert_array_equal(read.masks, heart())
    assert_allclose(read.frames, original.frames, atol=1e-4)
    assert read.notes == ()


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1)])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_however_masks_are_stored_they_lie_on_the_same_place(tmp_path, order, flips):
    masks = heart()
    masks[:, 0, 3, 5] = 3  # no symmetry
    read = read_masks(_mask_file(tmp_path / "a.nii", masks, order=order, flips=flips), placed(), UKBB)
    assert_array_equal(read.masks, masks)


def test_acdc_numbers_are_turned_into_ours(tmp_path):
    theirs = np.array([0, 3, 2, 1], np.uint8)[heart()]
    assert_array_equal(read_masks(_mask_file(tmp_path / "a.nii", theirs), placed(), ACDC).masks, heart())


def test_a_map_under_which_muscle_does_not_enclose_the_cavity_is_refused_with_the_other(tmp_path):
    theirs = np.array([0, 3, 2, 1], np.uint8)[heart()]
    with pytest.raises(BadImage, match=r"under the label map ukbb; expected .*\(100%\) under the label map acdc"):
        read_masks(_mask_file(tmp_path / "a.nii", theirs), placed(), UKBB)
    with pytest.raises(BadImage, match="give the label map acdc"):
        read_masks(tmp_path / "a.nii", placed(), LabelMap(lv=2, myocardium=3, rv=1))


def test_real_masks_are_plausible_under_their_own_map_alone(shared_data, tmp_path):
    for path in sorted((shared_data / "cmr" / "acdc").glob("*.npz"))[:4]:
        with np.load(path) as stored:
            labels = stored["label_ED"]
        slices, height, width = labels.shape
        cine = replace(placed(1).cine, frames=np.zeros((1, slices, height, width), np.float32))
        _mask_file(tmp_path / "a.nii", labels[None])
        there = PlacedCine(cine, oblique_geometry())
        assert read_masks(tmp_path / "a.nii", there, ACDC).notes == ()
        for wrong in ACDC.permuted()[1:]:
            with pytest.raises(BadImage, match="give the label map acdc"):
                read_masks(tmp_path / "a.nii", there, wrong)


def test_muscle_that_encloses_nothing_under_any_map_is_said(tmp_path):
    labels = heart()
    labels[labels == 2] = 0
    read = read_masks(_mask_file(tmp_path / "a.nii", labels), placed(), UKBB)
    assert read.notes == ("only muscle around 0% of the left cavity's border in the masks",)
    labels[labels == 1] = 0
    read = read_masks(_mask_file(tmp_path / "a.nii", labels), placed(), UKBB)
    assert read.notes == ("no left cavity is labelled",)


def test_labels_outside_the_map_are_refused_by_their_numbers(tmp_path):
    labels = heart()
    labels[0, 0, 0, :2] = (5, 7)
    with pytest.raises(BadImage, match=r"labels 5, 7 outside the map lv=1,myocardium=2,rv=3"):
        read_masks(_mask_file(tmp_path / "a.nii", labels), placed(), UKBB)


@pytest.mark.parametrize("bad", [0.5, np.nan, np.inf])
def test_values_that_are_no_labels_are_refused(tmp_path, bad):
    labels = heart().astype(np.float32)
    labels[0, 0, 0, 0] = bad
    with pytest.raises(BadImage, match="no whole numbers"):
        read_masks(_mask_file(tmp_path / "a.nii", labels), placed(), UKBB)


def test_labels_that_a_program_has_stored_as_scaled_numbers_are_whole_again(tmp_path):
    image = nibabel.Nifti1Image(heart().transpose(3, 2, 1, 0).astype(np.float32), oblique_geometry().ras_affine(SPACING_MM))
    image.header.set_data_dtype(np.int16)
    (tmp_path / "a.nii").write_bytes(image.to_bytes())
    assert_array_equal(read_masks(tmp_path / "a.nii", placed(), UKBB).masks, heart())


def test_empty_masks_are_refused(tmp_path):
    with pytest.raises(BadImage, match="no labels"):
        read_masks(_mask_file(tmp_path / "a.nii", np.zeros_like(heart())), placed(), UKBB)


def test_another_grid_is_refused_with_both(tmp_path):
    with pytest.raises(BadImage, match=r"masks of 3 x 24 x 28 .*the grid of the pictures: 3 x 24 x 28 .* at \("):
        read_masks(_mask_file(tmp_path / "a.nii", heart(), shift=0.5), placed(), UKBB)
    with pytest.raises(BadImage, match=r"masks of 3 x 24 x 27 \(slices, rows, columns\).*3 x 24 x 28"):
        read_masks(_mask_file(tmp_path / "a.nii", heart()[..., :-1]), placed(), UKBB)
    coarser = replace(placed().cine, spacing_mm=(10.0, 1.8, 1.6))
    with pytest.raises(BadImage, match="resample the masks"):
        read_masks(_mask_file(tmp_path / "a.nii", heart()), PlacedCine(coarser, oblique_geometry()), UKBB)


def test_masks_of_two_named_phases_keep_these_alone(tmp_path):
    masks = heart()
    paths = {phase: _mask_file(tmp_path / f"{phase}.nii", masks[[phase]]) for phase in (2, 0)}
    read = read_phase_masks(paths, placed(), UKBB)
    assert_array_equal(read.masks, masks[[0, 2]])
    assert_array_equal(read.frames, placed().cine.frames[[0, 2]])
    assert read.trigger_ms.tolist() == [0.0, 400.0]
    assert read.notes == ("phases 0, 2 of 4, those with masks",)
    with pytest.raises(BadImage, match="name the phase of each mask"):
        read_masks(paths[0], placed(), UKBB)
    with pytest.raises(BadImage, match="phase 4 named"):
        read_phase_masks({4: paths[0]}, placed(), UKBB)
    with pytest.raises(BadImage, match="masks of 4 phases"):
        read_phase_masks({0: _mask_file(tmp_path / "all.nii", masks)}, placed(), UKBB)
    with pytest.raises(ValueError, match="no phase"):
        read_phase_masks({}, placed(), UKBB)


def test_phases_without_masks_are_counted(tmp_path):
    masks = heart()
    masks[[1, 3]] = 0
    assert read_masks(_mask_file(tmp_path / "a.nii", masks), placed(), UKBB).notes == ("masks in 2 of 4 phases",)
