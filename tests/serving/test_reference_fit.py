from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cardiolens.serving import reference_fit
from cardiolens.serving.reference_fit import fit_references


@pytest.fixture
def cohort(monkeypatch, tiny_cohort):
    rng = np.random.default_rng(0)
    n = 4000
    age, male = rng.uniform(45, 75, n), rng.random(n) < 0.5
    ill = rng.random(n) < 0.2
    mass = np.where(male, 103 - 0.4 * (age - 60), 70 + 0.1 * (age - 60)) + rng.normal(0, np.where(male, 20, 12))
    subjects = pd.DataFrame(
        {
            "sex": np.where(male, "M", "F"), "age_years": age, "bmi": np.where(rng.random(n) < 0.2, 33.0, 26.0),
            "cad": ill.astype(float), "lvm_g": mass + 60 * ill, "split": "train",
        }
    )  # fmt: skip
    subjects.loc[subjects["bmi"] > 30, "lvm_g"] += 50
    monkeypatch.setattr(reference_fit, "first_visits", lambda cohort, split: np.arange(len(cohort.subjects)))
    return replace(tiny_cohort, subjects=subjects)


def test_the_healthy_alone_make_the_reference(cohort):
    (fitted,) = fit_references(cohort, ["lvm_g"])
    assert fitted.male.mean_at_60 == pytest.approx(103, abs=2)
    assert fitted.female.mean_at_60 == pytest.approx(70, abs=2)
    assert fitted.male.per_year == pytest.approx(-0.4, abs=0.15)
    assert (fitted.male.sd, fitted.female.sd) == (pytest.approx(20, rel=0.08), pytest.approx(12, rel=0.08))
    healthy = (cohort.subjects["cad"] == 0) & (cohort.subjects["bmi"] < 30)
    assert fitted.male.subjects + fitted.female.subjects == healthy.sum()


def test_95_of_100_healthy_people_lie_within(cohort):
    (fitted,) = fit_references(cohort, ["lvm_g"])
    healthy = cohort.subjects[(cohort.subjects["cad"] == 0) & (cohort.subjects["bmi"] < 30)]
    z = []
    for one in healthy.itertuples():
        mean, sd = fitted.at(sex=one.sex, age_years=one.age_years)
        z.append((one.lvm_g - mean) / sd)
    assert np.mean(np.abs(z) < 1.96) == pytest.approx(0.95, abs=0.01)


def test_too_few_of_one_sex_and_unknown_ages_make_none(cohort):
    women = cohort.subjects["sex"] == "F"
    assert (
        fit_references(
            replace(cohort, subjects=cohort.subjects[~women | (np.cumsum(women) < 30)].reset_index(drop=True)), ["lvm_g"]
        )
        == ()
    )
    assert fit_references(replace(cohort, subjects=cohort.subjects.drop(columns="age_years")), ["lvm_g"]) == ()
    assert fit_references(cohort, ["no_such_column"]) == ()
