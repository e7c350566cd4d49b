import numpy as np
import pytest
from drawn_beats import strip

from cardiolens.formats import read_recording
from cardiolens.signals.limb_leads import exchanged_electrodes, limb_lead_misfit

EXCHANGED_ARMS = [0, 2, 1, 4, 3, 5]


def _drawn() -> np.ndarray:
    """Ten seconds whose limb leads follow from I and II."""
    ecg = strip(np.arange(0.6, 9.5, 0.85), noise_mv=0.005)
    return np.vstack([_limb(ecg[0], ecg[1]), ecg[6:]])


def _limb(i: np.ndarray, ii: np.ndarray) -> np.ndarray:
    return np.vstack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2])


def _with_arms_exchanged(signal_mv):
    exchanged = signal_mv.copy()
    exchanged[:6] = signal_mv[EXCHANGED_ARMS]
    exchanged[0] *= -1
    return exchanged


def test_leads_that_obey_the_laws_fit(signal_mv):
    assert limb_lead_misfit(signal_mv[:6]).share < 1e-6


@pytest.mark.parametrize(("first", "second"), [(3, 4), (0, 1), (2, 5)])
def test_exchanged_leads_are_named(signal_mv, first, second):
    order = np.arange(6)
    order[[first, second]] = order[[second, first]]
    misfit = limb_lead_misfit(signal_mv[:6][order])
    names = ("I", "II", "III", "aVR", "aVL", "aVF")
    assert misfit.share > 0.1
    assert misfit.repair == f"exchanging {names[first]} and {names[second]}"


def test_an_inverted_lead_is_named(signal_mv):
    inverted = signal_mv[:6].copy()
    inverted[3] *= -1
    assert limb_lead_misfit(inverted).repair == "inverting aVR"


def test_leads_of_different_hearts_have_no_repair(signal_mv):
    rng = np.random.default_rng(0)
    misfit = limb_lead_misfit(rng.standard_normal((6, 2500)))
    assert misfit.share > 0.5
    assert misfit.repair == ""


def test_flat_leads_fit():
    assert limb_lead_misfit(np.zeros((6, 100))).share == 0


def test_exchanged_arms_obey_the_laws_and_are_suspected_by_their_shape():
    ecg = _drawn()
    assert exchanged_electrodes(ecg, rate_hz=500.0) is None
    exchanged = _with_arms_exchanged(ecg)
    assert limb_lead_misfit(exchanged[:6]).share < 1e-6
    suspicion = exchanged_electrodes(exchanged, rate_hz=500.0)
    assert suspicion.startswith("arm electrodes perhaps exchanged: I runs against V6 (correlation -")
    assert "the QRS of I points down, so does its P wave" in suspicion


def test_an_arm_exchanged_with_the_right_leg_silences_a_lead():
    ecg = _drawn()
    # The right-arm clip on the right leg: II lies between the legs, I and III see only the left arm.
    exchanged = np.vstack([_limb(ecg[0], 0.01 * ecg[1]), ecg[6:]])
    assert exchanged_electrodes(exchanged, rate_hz=500.0).startswith("right arm and right leg electrodes perhaps exchanged")


def test_nothing_is_suspected_where_no_beat_is_found():
    assert exchanged_electrodes(np.zeros((12, 2500)), rate_hz=500.0) is None


def test_on_real_recordings_four_of_five_exchanges_are_suspected_and_nothing_else(shared_data):
    paths = sorted((shared_data / "ecg" / "ptbxl" / "records500").glob("*.hea"))
    recordings = [read_recording(path).signal_mv.astype(np.float64) for path in paths]
    false = sum(exchanged_electrodes(signal, rate_hz=500.0) is not None for signal in recordings)
    found = sum(exchanged_electrodes(_with_arms_exchanged(signal), rate_hz=500.0) is not None for signal in recordings)
    assert (len(paths), false) == (100, 0)
    assert found >= 80
