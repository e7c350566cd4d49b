import re
from dataclasses import replace

import numpy as np
import pytest

from cardiolens.errors import BadRecording
from cardiolens.signals.leads import standard_leads
from cardiolens.signals.quality import Verdict, assess, refuse_unusable, without_dead_chest_leads
from cardiolens.types import LEADS


def _with(recording, lead: str, samples: slice, value: float):
    signal = recording.signal_mv.copy()
    signal[LEADS.index(lead), samples] = value
    return replace(recording, signal_mv=signal)


def test_a_whole_ecg_passes_untouched(recording):
    passed = refuse_unusable(recording)
    assert passed.notes == ()
    assert passed.signal_mv is recording.signal_mv


def test_isolated_missing_samples_are_noted(recording):
    passed = refuse_unusable(_with(_with(recording, "V2", slice(5, 8), np.nan), "aVL", slice(0, 1), np.inf))
    assert passed.notes == ("missing samples: 1 in aVL, 3 in V2",)


@pytest.mark.parametrize(
    ("lead", "samples", "value", "found"),
    [
        ("V3", slice(None), np.nan, "no sample at all in lead V3"),
        ("I", slice(None), -np.inf, "no sample at all in lead I"),
        ("aVF", slice(None), 0.4, "a flat line in lead aVF"),
        ("V6", slice(0, 200), np.nan, "8% of lead V6 missing"),
    ],
)
def test_a_lead_that_recorded_nothing_is_refused_by_name(recording, lead, samples, value, found):
    with pytest.raises(BadRecording, match=f"r.hea: found {found}; expected "):
        refuse_unusable(_with(recording, lead, samples, value))


def test_a_dead_lead_is_said_once(recording):
    quality = assess(_with(_with(recording, "V4", slice(None), 0.2), "II", slice(None), np.nan))
    assert quality.notes == ("no sample at all in lead II", "a flat line in lead V4")


def test_noise_is_no_pacemaker(recording):
    noise = 0.1 * np.random.default_rng(0).standard_normal((8, 2500)).astype(np.float32)
    i, ii = noise[:2]
    lawful = np.vstack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2, noise[2:]])
    kinds = {finding.kind for finding in assess(replace(recording, signal_mv=recording.signal_mv + lawful)).findings}
    assert "noise" in kinds
    assert "pacing" not in kinds


def test_tall_waves_are_noted_and_used(recording):
    tall = replace(recording, signal_mv=recording.signal_mv * np.float32(6))
    refuse_unusable(tall)
    quality = assess(tall)
    assert quality.verdict is Verdict.USABLE
    assert quality.notes[0].startswith("unusually tall waves: the median lead spans")


def test_a_slow_offset_does_not_count_as_a_scale(recording):
    time = np.arange(2500, dtype=np.float32) / 500
    drift = np.outer(np.ones(12), 40 * np.sin(2 * np.pi * 0.05 * time)).astype(np.float32)
    # Drift that obeys the laws too: the same in every chest lead, none in the limb leads.
    drift[:6] = 0
    refuse_unusable(replace(recording, signal_mv=recording.signal_mv + drift))


def test_less_than_five_seconds_are_refused(recording):
    refuse_unusable(recording)
    with pytest.raises(BadRecording, match=r"found 4\.998 s; expected 5 s or more"):
        refuse_unusable(replace(recording, signal_mv=recording.signal_mv[:, :-1]))


def test_other_leads_than_the_twelve_are_refused(recording):
    with pytest.raises(BadRecording, match="found 11 leads; expected the 12 standard leads"):
        refuse_unusable(replace(recording, signal_mv=recording.signal_mv[1:], leads=LEADS[1:]))


def test_a_clean_ecg_is_good(recording):
    quality = assess(recording)
    assert (quality.verdict, quality.findings, quality.notes) == (Verdict.GOOD, (), ())


def _noisy(recording, row: int, addition: np.ndarray):
    signal = recording.signal_mv.copy()
    signal[row] += addition.astype(np.float32)
    return replace(recording, signal_mv=signal)


TIME = np.arange(2500) / 500


@pytest.mark.parametrize(
    ("kind", "row", "addition", "found"),
    [
        ("mains", 7, 0.1 * np.sin(2 * np.pi * 50 * TIME), "mains hum of 50 Hz, up to 0.1.* mV in V2"),
        ("noise", 11, 0.1 * np.random.default_rng(0).standard_normal(2500), "noise of up to 0.08. mV in V6"),
        ("baseline", 8, 1.5 * np.sin(2 * np.pi * 0.2 * TIME), r"a baseline that wanders by up to [23]\.. mV in V3"),
    ],
)
def test_what_disturbs_a_lead_is_noted_with_its_size_and_place(recording, kind, row, addition, found):
    noted = _noisy(recording, row, addition)
    quality = assess(noted)
    assert quality.verdict is Verdict.USABLE
    [finding] = [finding for finding in quality.findings if finding.kind == kind]
    assert re.fullmatch(found, finding.found)
    assert finding.leads == (LEADS[row],)
    refuse_unusable(noted)


def test_a_lead_that_stands_still_for_a_while_is_noted(recording):
    quality = assess(_with(recording, "V1", slice(500, 1500), 0.1))
    assert quality.notes == ("no change at all for up to 2.0 s in V1",)


def test_clipped_and_saturated_leads_are_noted(recording):
    signal = recording.signal_mv.copy()
    signal[9] = np.minimum(10 * np.abs(signal[9]), 0.5 * 10 * np.abs(signal[9]).max())
    signal[10, 1000:1400] = 5.0
    kinds = {finding.kind: finding.leads for finding in assess(replace(recording, signal_mv=signal)).findings}
    assert kinds["clipped"] == ("V4",)
    assert kinds["saturated"] == ("V5",)


def test_limb_leads_that_contradict_each_other_are_refused_with_what_would_mend_them(recording):
    order = [0, 1, 2, 4, 3, 5, *range(6, 12)]
    exchanged = replace(recording, signal_mv=recording.signal_mv[order])
    with pytest.raises(
        BadRecording, match=r"contradict each other .* exchanging aVR and aVL would mend it; expected leads that obey"
    ):
        refuse_unusable(exchanged)
    quality = assess(exchanged)
    assert quality.verdict is Verdict.REFUSED
    assert "exchanging aVR and aVL" in quality.notes[0]


def test_derived_limb_leads_test_nothing(recording):
    rows = [0, 1, *range(6, 12)]
    derived = standard_leads(replace(recording, signal_mv=recording.signal_mv[rows], leads=tuple(LEADS[row] for row in rows)))
    assert assess(derived).verdict is Verdict.GOOD


def test_a_pacemaker_is_suspected(recording):
    signal = recording.signal_mv.copy()
    signal[:, 100::428] += np.array([0.6, 1.0, 0.4, -0.8, 0.1, 0.7, 1, 1, 1, 1, 1, 1], np.float32)[:, None]
    quality = assess(replace(recording, signal_mv=signal))
    assert quality.notes == ("perhaps a pacemaker: 6 spikes of up to 1.0 mV",)


def test_dead_chest_leads_are_dropped_and_limb_leads_never(recording):
    dead = _with(_with(_with(recording, "V2", slice(None), 0.0), "V4", slice(None), np.nan), "aVF", slice(None), 0.0)
    kept = without_dead_chest_leads(dead)
    assert kept.leads == tuple(lead for lead in LEADS if lead not in ("V2", "V4"))
    assert kept.notes == ("recorded nothing usable: V2, V4",)
    assert without_dead_chest_leads(recording) is recording


def test_absent_leads_are_flagged_and_not_judged(recording):
    signal = recording.signal_mv.copy()
    signal[7] = 0
    quality = assess(replace(recording, signal_mv=signal, absent_leads=("V2",)))
    assert quality.verdict is Verdict.USABLE
    assert quality.notes == ("not recorded, zero instead: V2",)


def test_no_real_recording_of_a_clinic_is_refused_and_most_are_good(shared_data):
    from cardiolens.formats import read_recording

    paths = sorted((shared_data / "ecg" / "ptbxl" / "records500").glob("*.hea"))
    verdicts = [assess(read_recording(path)).verdict for path in paths]
    assert Verdict.REFUSED not in verdicts
    assert verdicts.count(Verdict.GOOD) >= 70
