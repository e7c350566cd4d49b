import numpy as np
import pytest

from cardiolens.errors import BadImage, BadOption
from cardiolens.formats.cmr.label_map import NAMED
from cardiolens.formats.cmr_nifti import write
from cardiolens.serving.labelled_manifest import read_labelled_stacks


@pytest.fixture
def manifest(tmp_path, study):
    write(tmp_path / "sa.nii.gz", study.placed.cine, study.placed.geometry, masks_path=tmp_path / "m.nii.gz")
    (tmp_path / "stacks.csv").write_text("image,masks\nsa.nii.gz,m.nii.gz\n")
    return tmp_path / "stacks.csv"


def test_pictures_and_masks_are_read_from_the_manifests_folder(manifest, study):
    [stack] = read_labelled_stacks(manifest, NAMED["ukbb"])
    np.testing.assert_array_equal(stack.masks, study.placed.cine.masks)
    assert stack.frames.shape == stack.masks.shape


def test_masks_under_the_wrong_map_are_refused(manifest):
    with pytest.raises(BadImage):
        read_labelled_stacks(manifest, NAMED["acdc"])


@pytest.mark.parametrize(
    ("text", "found"),
    [("image,mask\na,b\n", "no column masks"), ("image,masks\na,\n", "an empty cell in masks"), ("", "found")],
)
def test_a_manifest_without_its_columns_is_refused(tmp_path, text, found):
    (tmp_path / "stacks.csv").write_text(text)
    with pytest.raises(BadOption, match=found):
        read_labelled_stacks(tmp_path / "stacks.csv", NAMED["ukbb"])
