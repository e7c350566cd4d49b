"""Ages and sexes choose the reference ranges of an answer, and nothing else."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cardiolens.bundles.bundle import read_bundle, shipped_bundle_path, write_bundle
from cardiolens.bundles.reference import Reference, SexReference
from cardiolens.serving.answers_printed import print_answers
from cardiolens.serving.prediction_table import write_parquet
from cardiolens.serving.predictor import Predictor
from cardiolens.types import LEADS, Recording

REFERENCE = Reference(
    SexReference(mean_at_60=50.0, per_year=0.0, sd=10.0, age_low=45.0, age_high=80.0, subjects=100),
    SexReference(mean_at_60=-50.0, per_year=1.0, sd=2.0, age_low=45.0, age_high=80.0, subjects=100),
)


@pytest.fixture(scope="module")
def predictor(untrained_bundle, tmp_path_factory):
    bundle = read_bundle(untrained_bundle)
    heads = tuple(replace(h, references=(REFERENCE,) * len(h.columns)) if h.mean else h for h in bundle.config.heads)
    path = tmp_path_factory.mktemp("with references") / "bundle"
    return Predictor.of_bundle(write_bundle(path, replace(bundle.config, heads=heads, files={}), bundle.state))


@pytest.fixture(scope="module")
def anonymous(recording):
    return replace(recording, sex=None, age_years=None)


def test_a_value_is_held_against_healthy_people_of_the_same_sex_and_age(predictor, anonymous):
    answer = predictor(anonymous, sex="M", age_years=70.0)
    for one in answer.phenotypes:
        assert (one.reference_low, one.reference_high) == (pytest.approx(-40 - 3.92, abs=1e-3), pytest.approx(-36.08, abs=1e-3))
        assert one.z_score == pytest.approx((one.value + 40) / 2)
    assert answer.reference_for == "healthy men aged 70"
    beyond = predictor(anonymous, sex="M", age_years=83.0)
    assert beyond.reference_for == "healthy men aged 83 (extrapolated: those measured were 45 to 80)"


@pytest.mark.parametrize(
    ("person", "why"),
    [
        ({}, "sex and age are not known"),
        ({"sex": "F"}, "age is not known"),
        ({"age_years": 60.0}, "sex is not known"),
        ({"sex": "F", "age_years": 20.0}, "the age is 20, and the model knows healthy people of about 45 to 80 years"),
    ],
)
def test_without_sex_or_age_or_beyond_the_ages_known_there_is_none_and_it_says_why(predictor, anonymous, person, why, capsys):
    answer = predictor(anonymous, **person)
    assert {one.z_score for one in answer.phenotypes} == {None}
    assert (answer.reference_for, answer.reference_missing) == ("", why)
    print_answers([answer])
    assert f"no reference range: {why}" in " ".join(capsys.readouterr().out.split())


def test_healthy_synthetic_hearts_are_not_called_people(predictor, anonymous):
    config = replace(predictor.config, training_data="Trained on 10 synthetic hearts only")
    answer = Predictor(config, predictor.model)(anonymous, sex="M", age_years=70.0)
    assert (answer.reference_for, answer.learned_from) == ("healthy synthetic men aged 70", "synthetic hearts")
    assert "people" not in Predictor(config, predictor.model)(anonymous, sex="M", age_years=9.0).reference_missing


def test_what_the_file_says_stands_and_no_number_depends_on_it(predictor, recording, anonymous):
    of_file = predictor(replace(recording, sex="F", age_years=61.0), sex="M", age_years=50.0)
    assert of_file.reference_for == "healthy women aged 61"
    contradicted = ("sex is F as the file says, not M as given", "age is 61 as the file says, not 50 as given")
    assert of_file.notes[-2:] == contradicted
    agreed = predictor(replace(recording, sex="F", age_years=61.4), sex="F", age_years=61.0)
    assert not any("as given" in note for note in agreed.notes)
    for one, other in zip(of_file.phenotypes, predictor(anonymous).phenotypes, strict=True):
        assert one.value == other.value


def test_a_file_a_recording_and_an_array_get_the_same_numbers(predictor, tmp_path, anonymous):
    signal = anonymous.signal_mv.astype(np.float32)
    np.save(tmp_path / "ecg.npy", signal)
    from_file = predictor(tmp_path / "ecg.npy", declared=_declared(), sex="F", age_years=60.0)
    from_array = predictor(signal, sex="F", age_years=60.0)
    from_recording = predictor(Recording(signal, LEADS, 500.0, source="made"), sex="F", age_years=60.0)
    for of in (from_array, from_recording):
        assert [p.value for p in of.phenotypes] == [p.value for p in from_file.phenotypes]
        assert [r.probability for r in of.risks] == [r.probability for r in from_file.risks]


def test_a_terminal_marks_what_lies_outside(predictor, anonymous, capsys):
    print_answers([predictor(anonymous, sex="F", age_years=60.0)])
    shown = " ".join(capsys.readouterr().out.replace("\u00a0", " ").split())
    assert "↑" in shown
    assert "↑ ↓: above or below what 95 of 100 healthy women aged 60 have" in shown


def test_parquet_holds_numbers_as_numbers(predictor, anonymous, tmp_path):
    from cardiolens.serving.answers import Refusal

    answers = [predictor(anonymous, sex="F", age_years=60.0), Refusal("bad.xml", "no ECG"), predictor(anonymous)]
    bundle = read_bundle(shipped_bundle_path())
    write_parquet(tmp_path / "out.parquet", answers, bundle, notice="Research use only")
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert table["lvef_percent"].dtype == np.float64
    assert table["lvef_percent"][0] == pytest.approx(answers[0].phenotypes[3].value, abs=1e-4)
    assert np.isnan(table["lvef_percent"][1])
    assert table["refused"].tolist() == ["", "no ECG", ""]
    assert table["lvef_percent_z_score"].notna().tolist() == [True, False, False]
    assert "Research use only" in table["notice"][0]


def _declared():
    from cardiolens.formats.declaration import Declaration

    return Declaration(rate_hz=500.0, unit="mV", leads=LEADS)


def test_what_the_recorder_said_comes_along_without_the_days_it_names(predictor, anonymous):
    said = (
        "WHEN COMPARED WITH ECG OF 1/21/99 16:22,", "Compared with 21-JAN-1999", "since 2001-02-03 old infarct, Feb 3, 2001",
        "QRS 110 ms, QT 400/450 ms, ST -0.1 mV, 2:1 block",
    )  # fmt: skip
    assert predictor(replace(anonymous, statements=said)).recorder_statements == (
        "WHEN COMPARED WITH ECG OF … …,", "Compared with …", "since … old infarct, …",
        "QRS 110 ms, QT 400/450 ms, ST -0.1 mV, 2:1 block",
    )  # fmt: skip
