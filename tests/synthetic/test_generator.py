"""Every subject is reproducible alone, and its ECG does not know whether a picture was drawn."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from cardiolens.errors import BadOption
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.synthetic.generator import SyntheticConfig, make_cine, make_subject
from cardiolens.synthetic.risk import PREVALENCE


def test_a_subject_has_the_same_bits_in_any_order():
    first = make_subject(seed=4, index=9)
    make_subject(seed=4, index=2)
    make_subject(seed=5, index=9)
    again = make_subject(seed=4, index=9)
    np.testing.assert_array_equal(first.recording.signal_mv, again.recording.signal_mv)
    np.testing.assert_array_equal(first.cine.frames, again.cine.frames)
    assert first.phenotypes == again.phenotypes
    assert first.latents == again.latents
    assert first.diseases == again.diseases


def test_another_process_gives_the_same_bits():
    code = (
        "import hashlib; from cardiolens.synthetic.generator import make_subject; s = make_subject(seed=4, index=9);"
        "print(hashlib.sha256(s.recording.signal_mv.tobytes() + s.cine.frames.tobytes()).hexdigest())"
    )
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    here = make_subject(seed=4, index=9)
    assert hashlib.sha256(here.recording.signal_mv.tobytes() + here.cine.frames.tobytes()).hexdigest() == elsewhere


def test_subjects_and_seeds_differ():
    a, b, c = (make_subject(seed=s, index=i, with_mri=False) for s, i in ((0, 0), (0, 1), (1, 0)))
    assert a.covariates != b.covariates
    assert a.covariates != c.covariates


def test_the_ecg_does_not_depend_on_the_picture():
    with_mri, without = (make_subject(seed=1, index=3, with_mri=w) for w in (True, False))
    assert without.cine is None
    np.testing.assert_array_equal(with_mri.recording.signal_mv, without.recording.signal_mv)
    assert with_mri.phenotypes == without.phenotypes


def test_a_later_visit_records_the_same_heart_anew():
    first, later = (make_subject(seed=4, index=2, with_mri=False, visit=visit) for visit in (0, 1))
    assert (first.phenotypes, first.diseases) == (later.phenotypes, later.diseases)
    assert np.abs(first.recording.signal_mv - later.recording.signal_mv).max() > 0.1
    masks, later_masks = (make_cine(seed=4, index=2, num_phases=1, visit=visit).masks for visit in (0, 1))
    assert 0 < (masks != later_masks).mean() < 0.1


def test_a_subject_has_everything_its_interface_promises():
    subject = make_subject(seed=0, index=0)
    assert subject.recording.signal_mv.shape == (12, 5000)
    assert subject.recording.signal_mv.dtype == np.float32
    assert np.isfinite(subject.recording.signal_mv).all()
    assert subject.cine.frames.shape == (3, 1, 112, 112)
    assert set(np.unique(subject.cine.masks)) == {0, 1, 2, 3}
    assert tuple(subject.phenotypes) == PHENOTYPE_COLUMNS
    assert set(subject.diseases) == set(subject.true_risk) == set(PREVALENCE)
    assert {"age_years", "sex", "bmi", "heart_rate_bpm", "systolic_bp_mmhg"} <= set(subject.covariates)


@pytest.mark.parametrize(
    "options", [{"ecg_noise": -1.0}, {"af_recorded_share": 1.5}, {"frame_pixels": 300}, {"pixel_mm": float("nan")}]
)
def test_a_setting_outside_its_range_is_refused(options):
    with pytest.raises(BadOption, match=next(iter(options))):
        SyntheticConfig(**options)


@pytest.mark.parametrize("options", [{"seed": -1, "index": 0}, {"seed": 0, "index": -1}])
def test_negative_seeds_and_indices_are_refused(options):
    with pytest.raises(BadOption, match="0 or more"):
        make_subject(**options)
