import numpy as np

from cardiolens.cohorts.synthetic_scans import generator_indices, motion_smear
from cardiolens.configs import from_json
from cardiolens.synthetic import mri_appearance
from cardiolens.synthetic.generator import make_subject
from cardiolens.synthetic.settings import SyntheticConfig


def test_motion_is_told_of_those_whose_picture_would_be_another_without_it(tiny_cohort, monkeypatch):
    rows = np.arange(len(tiny_cohort.subjects))[::-1]
    smear = motion_smear(tiny_cohort, rows)
    assert 0 < (smear > 0).sum() < 5
    source = tiny_cohort.settings.source
    config = from_json(SyntheticConfig, source["generator"], source="a test")
    moved, still = rows[smear > 0], rows[smear == 0][:4]
    indices = generator_indices(tiny_cohort, np.concatenate([moved, still]))
    as_scanned = [make_subject(seed=source["seed"], index=index, config=config).cine.frames for index in indices]
    monkeypatch.setattr(mri_appearance, "_SMEAR", 0.0)
    without = [make_subject(seed=source["seed"], index=index, config=config).cine.frames for index in indices]
    differs = [not np.array_equal(one, other) for one, other in zip(as_scanned, without, strict=True)]
    assert differs == [True] * len(moved) + [False] * len(still)


def test_indices_follow_the_rows(tiny_cohort):
    assert generator_indices(tiny_cohort, np.array([5, 0, 3])) == [5, 0, 3]
