"""Whatever an ECG's file looks like, the shipped model answers the same, by a bound that docs/inputs.md states, or refuses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cardiolens.errors import BadRecording
from cardiolens.formats import read_recording
from cardiolens.serving.predictor import Predictor
from cardiolens.signals.resampling import resample
from cardiolens.synthetic.generator import make_subject
from cardiolens.types import LEADS

LARGEST_RISK_CHANGE = {1000.0: 0.005, 250.0: 0.01}
LARGEST_PHENOTYPE_CHANGE_SD = {1000.0: 0.05, 250.0: 0.1}
"""Stated in docs/inputs.md: about twice the largest change that was measured on 160 ECGs, 100 of them real."""

SPELLINGS = (str, str.lower, str.upper, "MDC_ECG_LEAD_{}".format, "ECG {}".format)


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return Predictor.from_pretrained()


@pytest.fixture(scope="module")
def ecgs():
    return [make_subject(seed=11, index=index, with_mri=False).recording for index in range(6)]


def _numbers(predictor: Predictor, recording) -> tuple[np.ndarray, np.ndarray]:
    """Risks, and phenotypes in standard deviations of the training cohort."""
    sd = {column: sd for head in predictor.config.heads if head.sd for column, sd in zip(head.columns, head.sd, strict=True)}
    answer = predictor(recording)
    risks = np.array([risk.probability for risk in answer.risks])
    return risks, np.array([phenotype.value / sd[phenotype.column] for phenotype in answer.phenotypes])


@given(st.permutations(range(12)), st.sampled_from(SPELLINGS))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_leads_in_any_order_and_spelling_give_the_same_answer(shipped, ecgs, order, spelling):
    expected = shipped(ecgs[0])
    shuffled = replace(
        ecgs[0], signal_mv=ecgs[0].signal_mv[list(order)], leads=tuple(spelling(LEADS[place]) for place in order)
    )
    assert shipped(shuffled) == expected


@given(st.integers(0, 5), st.sampled_from([1000.0, 1e6, 1e-3]))
@settings(max_examples=18, deadline=None, derandomize=True)
def test_a_wrong_unit_is_refused(shipped, ecgs, number, factor):
    wrong = replace(ecgs[number], signal_mv=ecgs[number].signal_mv * np.float32(factor))
    likely = {1000.0: "in uV, read as mV", 1e6: "in nV, read as mV", 1e-3: "in V, read as mV"}[factor]
    with pytest.raises(BadRecording, match=f"{factor:g}".replace("+", r"\+") + f" times an ECG's: perhaps {likely}"):
        shipped(wrong)


def _largest_changes(predictor: Predictor, recordings, rate_hz: float) -> tuple[float, float]:
    """Of any risk, and of any phenotype in standard deviations, when the recordings come at another rate."""
    risk_change = phenotype_change = 0.0
    for ecg in recordings:
        signal = resample(ecg.signal_mv.astype(np.float64), from_hz=500.0, to_hz=rate_hz).astype(np.float32)
        before, after = (_numbers(predictor, recording) for recording in (ecg, replace(ecg, signal_mv=signal, rate_hz=rate_hz)))
        risk_change = max(risk_change, np.abs(after[0] - before[0]).max())
        phenotype_change = max(phenotype_change, np.abs(after[1] - before[1]).max())
    return risk_change, phenotype_change


@pytest.mark.parametrize("rate_hz", [1000.0, 250.0])
def test_another_rate_changes_an_answer_by_no_more_than_is_stated(shipped, ecgs, rate_hz):
    risk_change, phenotype_change = _largest_changes(shipped, ecgs, rate_hz)
    assert 0 < risk_change <= LARGEST_RISK_CHANGE[rate_hz]
    assert 0 < phenotype_change <= LARGEST_PHENOTYPE_CHANGE_SD[rate_hz]


@pytest.mark.parametrize("rate_hz", [1000.0, 250.0])
def test_so_it_does_for_real_recordings(shipped, shared_data, rate_hz):
    paths = sorted((shared_data / "ecg" / "ptbxl" / "records500").glob("*.hea"))[::5]
    risk_change, phenotype_change = _largest_changes(shipped, map(read_recording, paths), rate_hz)
    assert 0 < risk_change <= LARGEST_RISK_CHANGE[rate_hz]
    assert 0 < phenotype_change <= LARGEST_PHENOTYPE_CHANGE_SD[rate_hz]


def test_eight_stored_leads_answer_as_twelve(shipped, ecgs):
    rows = [0, 1, *range(6, 12)]
    eight = replace(ecgs[0], signal_mv=ecgs[0].signal_mv[rows], leads=tuple(LEADS[row] for row in rows))
    for twelve, derived in zip(_numbers(shipped, ecgs[0]), _numbers(shipped, eight), strict=True):
        np.testing.assert_allclose(derived, twelve, atol=2e-3)


def test_a_missing_chest_lead_is_answered_only_where_allowed_and_flagged(shipped, ecgs):
    signal = ecgs[0].signal_mv.copy()
    signal[8] = 0
    missing = replace(ecgs[0], signal_mv=signal)
    with pytest.raises(BadRecording, match="a flat line in lead V3"):
        shipped(missing)
    answer = shipped(missing, allow_missing_leads=True)
    assert answer.quality == "usable with notes"
    assert answer.quality_notes == ("not recorded, zero instead: V3",)
