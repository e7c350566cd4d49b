"""Synthetic studies with their true masks through the whole road, and what is refused by group."""

from dataclasses import replace

import numpy as np
import pytest

from cardiolens.formats.cmr.heart_rate import CmrStudy
from cardiolens.formats.cmr.label_map import NAMED
from cardiolens.formats.cmr_nifti import write
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS, PHENOTYPES
from cardiolens.imaging.segmented import Agreement, Segmented
from cardiolens.serving.phenotyping import PhenotypeRules, careful_phases, label_by_masks, measure_study
from cardiolens.synthetic.generator import make_subject

NO_STRAIN = PhenotypeRules(strain=None)


def _labelled(study: CmrStudy, **agreement: float) -> Segmented:
    found = {0: Agreement(**({"lv": 0.98, "myocardium": 0.95, "rv": 0.95} | agreement))}
    return Segmented(study.placed.cine.masks, (0,), found)


def test_volumes_and_thickness_are_those_of_the_heart(study):
    truth = make_subject(seed=5, index=0).phenotypes
    told = measure_study(study, _labelled(study), "true masks", rules=NO_STRAIN).phenotypes
    assert list(told.values) == list(PHENOTYPE_COLUMNS)
    assert told.values["lvedv_ml"] == pytest.approx(truth["lvedv_ml"], rel=0.02)
    assert told.values["lvm_g"] == pytest.approx(truth["lvm_g"], rel=0.02)
    assert told.values["rvedv_ml"] == pytest.approx(truth["rvedv_ml"], rel=0.02)
    assert told.values["wt_global_mm"] == pytest.approx(truth["wt_global_mm"], abs=0.5)
    assert told.values["lvco_l_per_min"] == pytest.approx(told.values["lvsv_ml"] * 60 / 1000)
    assert told.heart_rate_bpm == 60


def test_what_is_missing_says_why(study):
    told = measure_study(study, _labelled(study), "true masks", rules=NO_STRAIN).phenotypes
    missing = {column for column, value in told.values.items() if not np.isfinite(value)}
    assert missing == set(told.reasons) == {p.column for p in PHENOTYPES if p.group in {"Ecc", "Err"}}
    assert set(told.reasons.values()) == {"not asked for"}
    assert told.to_json()["values"]["ecc_global_percent"] is None


def test_an_uncertain_right_ventricle_costs_its_own_values_and_an_uncertain_left_one_all(study):
    right = measure_study(study, _labelled(study, rv=0.5), "s", rules=NO_STRAIN).phenotypes
    assert np.isfinite(right.values["lvedv_ml"])
    assert np.isnan(right.values["rvedv_ml"])
    assert "agree on the right ventricle by 0.50 only, 0.70 is needed" in right.reasons["rvedv_ml"]
    left = measure_study(study, _labelled(study, myocardium=0.5), "s", rules=NO_STRAIN).phenotypes
    assert not np.isfinite(list(left.values.values())).any()


def test_ends_of_systole_alone_give_volumes_and_thickness(study):
    cine = study.placed.cine
    es = int((cine.masks == 1).sum(axis=(1, 2, 3)).argmin())
    both = replace(cine, frames=cine.frames[[0, es]], masks=cine.masks[[0, es]], trigger_ms=cine.trigger_ms[[0, es]])
    told = measure_study(
        replace(study, placed=replace(study.placed, cine=both)), Segmented(both.masks, (0, 1), {}), "s", rules=NO_STRAIN
    ).phenotypes
    assert np.isfinite([told.values["lvef_percent"], told.values["wt_global_mm"]]).all()
    assert told.quality is None


def test_the_segmenter_is_asked_for_both_ends_of_systole(study):
    cine = study.placed.cine
    counts = (cine.masks == 1).sum(axis=(1, 2, 3))
    assert careful_phases(cine)(cine.masks) == (int(counts.argmax()), int(counts.argmin()))
    assert careful_phases(cine)(np.zeros_like(cine.masks)) == (0,)


def test_a_users_masks_are_read_by_their_map(tmp_path, study):
    placed = study.placed
    write(tmp_path / "sa.nii.gz", placed.cine, placed.geometry, masks_path=tmp_path / "masks.nii.gz")
    labelled, words = label_by_masks(study, tmp_path / "masks.nii.gz", NAMED["ukbb"])
    np.testing.assert_array_equal(labelled.masks, placed.cine.masks)
    assert words == "masks of the user (ukbb)"
    assert labelled.careful == tuple(range(10))
