import numpy as np
import pytest

from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.cohorts.synthetic_cases import choose_subjects, prepare_synthetic_cases
from cardiolens.errors import BadOption
from cardiolens.synthetic.generator import make_subject
from cardiolens.synthetic.settings import SyntheticConfig

CASES = {"af": 3, "mi": 2}


@pytest.fixture(scope="module")
def chosen():
    return choose_subjects(subjects=4, cases=CASES, seed=0)


def test_the_cases_asked_for_are_those_that_the_generator_draws(chosen):
    made = [make_subject(seed=0, index=index, with_mri=False) for index in chosen.tolist()]
    assert list(chosen[:4]) == [0, 1, 2, 3]
    for disease, count in CASES.items():
        assert sum(subject.diseases[disease] for subject in made) >= count
    assert all(subject.diseases["af"] or subject.diseases["mi"] for subject in made[4:])


def test_more_subjects_keep_those_that_were_there(chosen):
    assert set(chosen) <= set(choose_subjects(subjects=8, cases={"af": 4, "mi": 4}, seed=0))


def test_a_case_is_the_same_subject_as_in_any_cohort(tmp_path, chosen):
    cases = prepare_synthetic_cases(tmp_path / "cases", subjects=2, cases={"af": 1}, seed=0)
    plain = prepare_synthetic(tmp_path / "plain", subjects=2, seed=0, with_mri=False)
    assert len(cases.subjects) == 3
    assert cases.subjects["af"].iloc[2] == 1
    assert (cases.ecg[:2] == plain.ecg).all()
    assert list(cases.subjects["subject"][:2]) == list(plain.subjects["subject"])


def test_everybody_with_atrial_fibrillation_can_be_in_it_while_recorded(tmp_path):
    settings = SyntheticConfig(af_recorded_share=1.0)
    cases = prepare_synthetic_cases(tmp_path / "cases", subjects=0, cases={"af": 2}, seed=0, settings=settings)
    assert list(cases.subjects["latent_in_af_while_recorded"]) == [1.0, 1.0]
    assert cases.settings.source["cases"] == {"af": 2}


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"cases": {"gout": 1}}, "gout"),
        ({"cases": {"af": -1}}, "af"),
        ({"subjects": -1}, "subjects"),
        ({"subjects": 0}, "at least one subject"),
        ({"cases": {"scd": 10**6}}, "too few cases of scd"),
    ],
)
def test_what_cannot_be_had_is_refused(asked, complaint, monkeypatch):
    monkeypatch.setattr("cardiolens.cohorts.synthetic_cases._MOST_SEARCHED", 5000)
    with pytest.raises(BadOption, match=complaint):
        choose_subjects(**({"subjects": 1, "cases": {}, "seed": 0} | asked))


def test_a_choice_is_in_order_and_holds_nobody_twice(chosen):
    assert (np.diff(chosen) > 0).all()
