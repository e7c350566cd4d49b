import numpy as np
import pytest
from scipy.special import expit

from cardiolens.evaluation.reliability import reliability_figure, reliability_groups
from cardiolens.evaluation.risks import Risks


def _risks(*, subjects: int = 4000, shift: float = 0.0) -> Risks:
    rng = np.random.default_rng(1)
    truth = rng.normal(-1, 1, subjects)
    positive = rng.random(subjects) < expit(truth)
    names = tuple(f"{k:012x}" for k in range(subjects))
    return Risks("MMCL", "dm", (0,), names, expit(truth + shift)[None], positive, np.array([0.2]), ())


def test_groups_are_of_equal_size_and_true_risks_lie_on_the_diagonal():
    groups = reliability_groups([_risks()])
    assert groups["n"].tolist() == [400] * 10
    assert groups["events"].sum() == _risks().positive.sum()
    inside = (groups["low"] <= groups["predicted"]) & (groups["predicted"] <= groups["high"])
    assert inside.sum() >= 8


def test_risks_that_are_too_high_lie_below_it():
    groups = reliability_groups([_risks(shift=1.0)])
    assert (groups["observed"] < groups["predicted"]).all()


def test_a_small_cohort_has_fewer_groups_and_a_handful_of_subjects_none():
    assert reliability_groups([_risks(subjects=150)])["n"].tolist() == [75, 75]
    assert reliability_groups([_risks(subjects=8)]).empty


@pytest.mark.parametrize("shift", [-2.0, 3.0])
def test_every_group_holds_ten_cases_and_ten_healthy_ones_and_nobody_is_lost(shift):
    risks = _risks(subjects=1000)
    rare = np.random.default_rng(3).random(1000) < expit(np.log(risks.mean / (1 - risks.mean)) + shift)
    groups = reliability_groups([Risks(**{**vars(risks), "positive": rare})])
    assert len(groups) > 1
    assert (groups["events"] >= 10).all()
    assert (groups["n"] - groups["events"] >= 10).all()
    assert (groups["n"].sum(), groups["events"].sum()) == (1000, rare.sum())


def test_the_picture_is_drawn():
    assert reliability_figure(reliability_groups([_risks()]), methods=("MMCL",)).startswith(b"\x89PNG")


@pytest.mark.parametrize("share", [0.5])
def test_equal_risks_stay_together(share):
    risks = _risks()
    tied = Risks(**{**vars(risks), "probability": np.where(np.arange(4000) < 4000 * share, 0.05, risks.probability)})
    assert reliability_groups([tied])["n"].max() >= 2000
