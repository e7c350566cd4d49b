import numpy as np
import pytest
from fake_rows import contents

from cardiolens.cohorts.manifest import NUM_SAMPLES
from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.errors import BadOption
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.imaging.volumes import VolumeConfig, volumes
from cardiolens.signals.cleaning import CleaningConfig, clean
from cardiolens.synthetic.generator import make_subject, make_volumes
from cardiolens.synthetic.risk import PREVALENCE
from cardiolens.tasks import TASKS


def test_the_columns_of_every_task_are_there(tiny_cohort):
    columns = {column for task in TASKS.values() for column in task.columns}
    assert np.isfinite(tiny_cohort.values(sorted(columns))).all()
    assert set(PHENOTYPE_COLUMNS) <= set(tiny_cohort.subjects)
    assert {"sex", "age_years", "height_cm", "weight_kg"} <= set(tiny_cohort.subjects)
    assert {f"true_risk_{disease}" for disease in PREVALENCE} <= set(tiny_cohort.subjects)
    assert any(column.startswith("latent_") for column in tiny_cohort.subjects)
    assert set(np.unique(tiny_cohort.values(list(PREVALENCE)))) <= {0.0, 1.0}


def test_a_row_is_the_cleaned_ecg_of_its_subject(tiny_cohort):
    made = make_subject(seed=0, index=7)
    cleaned = clean(made.recording.signal_mv, CleaningConfig())
    assert (tiny_cohort.ecg[7] == cleaned.signal.astype(np.float16)).all()
    assert (tiny_cohort.ecg_scale[7] == cleaned.scale_mv).all()
    assert tiny_cohort.values(["lvm_g"])[7] == made.phenotypes["lvm_g"]
    assert tiny_cohort.ecg.shape == (48, 12, NUM_SAMPLES)


def test_pictures_use_the_whole_range(tiny_cohort):
    assert tiny_cohort.cmr.shape == (48, 3, 210, 210)
    assert (tiny_cohort.cmr.reshape(48, -1).min(axis=1) == 0).all()
    assert (tiny_cohort.cmr.reshape(48, -1).max(axis=1) == 255).all()


def test_subject_k_is_the_same_in_a_smaller_cohort_made_by_single_threaded_processes(tiny_cohort, tmp_path):
    smaller = prepare_synthetic(tmp_path / "cohort", subjects=34, seed=0, processes=2)
    assert (smaller.ecg == tiny_cohort.ecg[:34]).all()
    assert (smaller.ecg_scale == tiny_cohort.ecg_scale[:34]).all()
    assert (smaller.cmr == tiny_cohort.cmr[:34]).all()
    assert smaller.subjects.equals(tiny_cohort.subjects[:34])


def test_without_mri_everything_else_stays(tiny_cohort, tmp_path):
    without = prepare_synthetic(tmp_path / "cohort", subjects=3, seed=0, with_mri=False)
    assert without.cmr is None
    assert (without.ecg == tiny_cohort.ecg[:3]).all()
    assert without.subjects.drop(columns="has_cmr").equals(tiny_cohort.subjects[:3].drop(columns="has_cmr"))


def test_other_seeds_make_other_subjects(tiny_cohort, tmp_path):
    other = prepare_synthetic(tmp_path / "cohort", subjects=2, seed=1, with_mri=False)
    assert not set(other.subjects["subject"]) & set(tiny_cohort.subjects["subject"])
    assert (other.ecg[0] != tiny_cohort.ecg[0]).any()


def test_a_setting_of_cleaning_is_stored_and_decides_the_signal(tmp_path, tiny_cohort):
    cleaning = CleaningConfig(clip_sd=float("inf"))
    kept = prepare_synthetic(tmp_path / "cohort", subjects=1, seed=0, with_mri=False, cleaning=cleaning)
    assert kept.settings.cleaning == cleaning
    assert (kept.ecg[0] != tiny_cohort.ecg[0]).any()
    with pytest.raises(BadOption, match=r"cleaning\.clip_sd inf"):
        prepare_synthetic(tmp_path / "cohort", subjects=1, seed=0, with_mri=False)


@pytest.mark.parametrize("option", [{"subjects": 0}, {"seed": -1}, {"processes": 0}])
def test_numbers_out_of_range_are_refused_before_anything_is_written(tmp_path, option):
    with pytest.raises(BadOption, match=next(iter(option))):
        prepare_synthetic(tmp_path / "cohort", **({"subjects": 1, "seed": 0} | option))
    assert contents(tmp_path) == {}


def test_volumes_and_cine_are_rows_beside_the_picture_which_they_leave_as_it_is(tiny_cohort, tmp_path):
    grid = VolumeConfig(slices=9, phases=4, size=32)
    made = prepare_synthetic(tmp_path / "cohort", subjects=4, seed=0, with_volumes=True, with_cine=True, grid=grid)
    assert made.cmr_volumes.shape == (4, 2, 9, 32, 32)
    assert made.cmr_cine.shape == (4, 4, 32, 32)
    assert (made.cmr == tiny_cohort.cmr[:4]).all()
    assert made.settings.source["grid"]["slices"] == 9
    stack = make_volumes(seed=0, index=2)
    assert (made.cmr_volumes[2] == volumes(stack, ed=0, es=1, config=grid)).all()
    # The middle slice at end-diastole in both, each with its own noise.
    assert np.corrcoef(made.cmr_cine[2, 0].ravel(), made.cmr_volumes[2, 0, 4].ravel())[0, 1] > 0.9
    with pytest.raises(BadOption, match=r"source\.with_cine"):
        prepare_synthetic(tmp_path / "cohort", subjects=4, seed=0)


def test_volumes_without_mri_are_refused(tmp_path):
    with pytest.raises(BadOption, match="without MRI"):
        prepare_synthetic(tmp_path / "cohort", subjects=1, seed=0, with_mri=False, with_volumes=True)
