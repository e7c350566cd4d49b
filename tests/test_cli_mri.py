"""`phenotypes` and `tune-segmenter` as their user meets them."""

import csv
import json

import pytest

from cardiolens.formats.cmr_nifti import write
from cardiolens.imaging.stack_geometry import centred_geometry
from cardiolens.synthetic.generator import make_cine
from command import run


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small study as NIfTI with its masks."""
    folder = tmp_path_factory.mktemp("study")
    cine = make_cine(seed=5, index=0, num_phases=3)
    geometry = centred_geometry(
        cine, centre_mm=(0.0, 0.0, 0.0), along_row=(1.0, 0.0, 0.0), along_column=(0.0, 1.0, 0.0), along_slices=(0.0, 0.0, -1.0)
    )
    write(folder / "sa.nii.gz", cine, geometry, masks_path=folder / "masks.nii.gz")
    return folder


def test_a_study_with_masks_becomes_a_row_and_a_page(capsys, tmp_path, files):
    status, _, err = run(
        capsys, "phenotypes", files / "sa.nii.gz", "--masks", files / "masks.nii.gz", "--label-map", "ukbb", "--no-strain",
        "--out", tmp_path / "t.csv", "--html", tmp_path / "p.html",
    )  # fmt: skip
    assert status == 0, err
    [row] = csv.DictReader((tmp_path / "t.csv").open())
    assert 60 < float(row["lvedv_ml"]) < 300
    assert "data:image/png" in (tmp_path / "p.html").read_text()


def test_a_study_is_segmented_where_no_masks_are_given(capsys, files):
    status, out, err = run(capsys, "phenotypes", files / "sa.nii.gz", "--no-strain", "--json")
    assert status == 0, err
    told = json.loads(out)
    assert told["quality"] > 0.8
    assert told["values"]["lvedv_ml"] > 60


def test_one_bad_study_is_listed_and_the_rest_continues(capsys, tmp_path, files):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1234567.nii.gz").write_bytes(b"nothing")
    (tmp_path / "in" / "2.nii.gz").write_bytes((files / "sa.nii.gz").read_bytes())
    status, out, err = run(capsys, "phenotypes", tmp_path / "in", "--no-strain", "--out", tmp_path / "t.csv")
    assert status == 1
    bad, good = csv.DictReader((tmp_path / "t.csv").open())
    assert bad["refused"]
    assert good["lvedv_ml"]
    assert "1234567" not in out + err + (tmp_path / "t.csv").read_text()


@pytest.mark.parametrize(
    "options",
    [
        ["--masks", "m.nii.gz"],
        ["--masks", "m.nii.gz", "--label-map", "mine"],
        ["--spacing", "10,1.8"],
        ["--out", "nowhere/t.csv"],
        ["--out", "t.xlsx"],
    ],
    ids=" ".join,
)
def test_impossible_options_are_one_line(capsys, files, options):
    status, _, err = run(capsys, "phenotypes", files / "sa.nii.gz", *options)
    assert status == 2
    assert err.startswith("cardiolens: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("verb", ["phenotypes", "tune-segmenter"])
def test_every_verb_has_help(capsys, verb):
    status, out, _ = run(capsys, verb, "--help")
    assert status == 0
    assert "examples:" in out


def test_tuning_on_one_stack_is_refused(capsys, tmp_path, files):
    (files / "stacks.csv").write_text("image,masks\nsa.nii.gz,masks.nii.gz\n")
    status, _, err = run(capsys, "tune-segmenter", files / "stacks.csv", "--label-map", "ukbb", "--out", tmp_path / "run")
    assert status == 2
    assert "found 1; expected two or more" in err
