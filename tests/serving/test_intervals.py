"""What the shipped bundle says about how sure it is: plumbing on synthetic ECGs that it has not seen."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from cardiolens.errors import BadRecording
from cardiolens.serving.answers_printed import print_answers
from cardiolens.serving.prediction_table import write_csv
from cardiolens.serving.predictor import Predictor
from cardiolens.synthetic.generator import make_subject


@pytest.fixture(scope="module")
def predictor():
    return Predictor.from_pretrained()


@pytest.fixture(scope="module")
def recordings():
    return [make_subject(seed=77, index=index, with_mri=False).recording for index in range(12)]


@pytest.fixture(scope="module")
def answers(predictor, recordings):
    return [predictor(recording) for recording in recordings]


def test_every_risk_and_value_has_its_interval(answers):
    for answer in answers:
        assert all(risk.low < risk.probability < risk.high for risk in answer.risks)
        for one in answer.phenotypes:
            assert one.low_95 <= one.low_80 < one.value < one.high_80 <= one.high_95


def test_numbers_are_the_same_one_by_one_and_together(predictor, recordings, answers):
    together = predictor.answer([predictor.intake().any(recording) for recording in reversed(recordings)])
    for one, other in zip(answers, reversed(together), strict=True):
        assert one.applicability == other.applicability
        for a, b in zip(one.risks + one.phenotypes, other.risks + other.phenotypes, strict=True):
            numbers = [[v for v in vars(item).values() if isinstance(v, float)] for item in (a, b)]
            assert numbers[0] == numbers[1]


def _changed(recording, how):
    signal = recording.signal_mv
    count = signal.shape[1]
    return {
        "five times the voltage": lambda: signal * 5,
        "a third of the voltage": lambda: signal / 3,
        # A record of 250 Hz that was declared as one of 500, and the heart rate of a child.
        "half of the true rate": lambda: _faster(signal, 2.0, count),
        "a child's heart rate": lambda: _faster(signal, 1.6, count),
        "upside down": lambda: -signal,
        "chest leads in reverse": lambda: np.concatenate([signal[:6], signal[:5:-1]]),
        "noise that obeys the limb-lead laws": lambda: _lawful_noise(count),
    }[how]()


def _lawful_noise(count):
    one, two, *chest = 0.3 * gaussian_filter1d(np.random.default_rng(0).normal(size=(8, count)), 4, axis=1)
    return 3 * np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *chest])


def _faster(signal, factor, count):
    at = np.arange(count) * factor % count
    return np.stack([np.interp(at, np.arange(count), lead) for lead in signal])


FOREIGN = (
    "five times the voltage", "a third of the voltage", "half of the true rate", "a child's heart rate", "upside down",
    "chest leads in reverse", "noise that obeys the limb-lead laws",
)  # fmt: skip


@pytest.mark.parametrize("how", FOREIGN)
def test_foreign_ecgs_are_further_away_on_average(predictor, recordings, answers, how):
    own, foreign = [], []
    for recording, answer in zip(recordings, answers, strict=True):
        changed = replace(recording, signal_mv=_changed(recording, how).astype(np.float32))
        try:
            foreign.append(predictor(changed).applicability)
        except BadRecording:
            continue  # refused as no usable ECG at all, which is the clearest of marks
        own.append(answer.applicability)
    assert len(foreign) > 3
    assert np.median(foreign) > np.median(own)


def test_most_unseen_ecgs_are_within(answers):
    assert np.mean([answer.applicable for answer in answers]) > 0.8
    assert all(answer.applicable == (answer.applicability <= 1) for answer in answers)


def test_an_answer_past_the_threshold_says_so_everywhere(answers, tmp_path, capsys):
    marked = replace(answers[0], applicability=1.8, unlike_in=("rate and rhythm", "voltage"))
    print_answers([marked])
    assert "caution: unlike the ECGs this model learned from in rate and rhythm and voltage (1.8 times" in " ".join(
        capsys.readouterr().out.split()
    )
    write_csv(tmp_path / "out.csv", [marked, answers[1]])
    header, first, second = (tmp_path / "out.csv").read_text().splitlines()
    assert {"applicable", "cad_risk_low", "lvef_percent_high_95"} <= set(header.split(","))
    assert ",1.800,false," in first
    assert ",true," in second
    assert marked.to_json()["risks"][0]["low"] == answers[0].risks[0].low
