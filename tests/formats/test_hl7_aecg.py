from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from aecg_files import (
    ABSOLUTE,
    VOLTS,
    annotation,
    counts,
    derived_beat,
    document,
    milliseconds,
    sequence_set,
    series,
    write_aecg,
)
from fuzzing import fuzz_test

from cardiolens.errors import BadRecording
from cardiolens.formats.hl7_aecg import read, sniff
from cardiolens.types import LEADS

RELATIVE = '<head value="0" unit="s"/>'


def _read(tmp_path, text):
    return read(write_aecg(tmp_path / "ecg.xml", text))


def test_the_rhythm_is_read_in_millivolts_and_the_derived_beat_is_not(tmp_path):
    recording = read(write_aecg(tmp_path / "ecg.xml"))
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.0025, atol=1e-6)
    assert recording.signal_mv.dtype == np.float32
    assert (recording.leads, recording.rate_hz, recording.source, recording.notes) == (LEADS, 500.0, "ecg.xml", ())


@pytest.mark.parametrize(
    ("origin", "scale", "millivolts"),
    [
        ('value="0" unit="uV"', 'value="1" unit="mV"', (0.0, 1.0)),
        ('value="-100" unit="uV"', 'value="0.005" unit="mV"', (-0.1, 0.005)),
        ('value="0.001" unit="V"', 'value="4880" unit="nV"', (1.0, 0.00488)),
    ],
)
def test_origin_and_scale_each_have_their_own_unit(tmp_path, origin, scale, millivolts):
    text = document(series(sequence_set(counts(), scale=f"<origin {origin}/><scale {scale}/>")))
    signal = _read(tmp_path, text).signal_mv
    np.testing.assert_allclose(signal, millivolts[0] + counts() * millivolts[1], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("increment", "rate_hz"),
    [
        ('value="0.002" unit="s"', 500.0),
        ('value="4" unit="ms"', 250.0),
        ('value="1000" unit="us"', 1000.0),
        ('value="0.00390625" unit="s"', 256.0),
    ],
)
def test_the_rate_is_that_of_the_increment_in_its_unit(tmp_path, increment, rate_hz):
    clock = f"{RELATIVE}<increment {increment}/>"
    assert _read(tmp_path, document(series(sequence_set(counts(), clock=clock, code="TIME_RELATIVE")))).rate_hz == rate_hz


def test_leads_may_be_coded_by_number_or_named_in_words(tmp_path):
    text = document(series(sequence_set(counts(3), ["131073", "131135", "X"], lead_code="{}")))
    text = text.replace('code="X"', 'code="local-7" displayName="Lead V2"')
    assert _read(tmp_path, text).leads == ("I", "aVL", "V2")


def test_of_several_rhythms_the_first_with_the_most_leads_is_read(tmp_path):
    strips = [series(sequence_set(counts(n) + n, LEADS[:n])) for n in (1, 8, 2, 8)]
    recording = _read(tmp_path, document("".join(strips)))
    np.testing.assert_allclose(recording.signal_mv, (counts(8) + 8) * 0.0025, atol=1e-6)
    assert recording.notes == ("read rhythm 2 of 4",)


def test_a_series_within_another_is_found(tmp_path):
    inner = series(sequence_set(counts()))
    assert len(_read(tmp_path, document(f"<component><series>{inner}</series></component>")).leads) == 12


def test_sets_that_begin_together_are_joined(tmp_path):
    sets = [sequence_set(counts()[place : place + 3], LEADS[place : place + 3]) for place in range(0, 12, 3)]
    recording = _read(tmp_path, document(series("</component><component>".join(sets))))
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.0025, atol=1e-6)


def test_sets_that_follow_one_another_are_refused(tmp_path):
    clocks = [f'<head value="{2.5 * k}" unit="s"/><increment value="2" unit="ms"/>' for k in range(2)]
    sets = [sequence_set(counts(6), LEADS[6 * k :][:6], clock=clocks[k], code="TIME_RELATIVE") for k in range(2)]
    with pytest.raises(BadRecording, match="found V1, V2, V3, V4, V5, V6 recorded at another time, rate or length than I, II"):
        _read(tmp_path, document(series("</component><component>".join(sets))))


def test_what_is_no_lead_is_left_out_and_said(tmp_path):
    pressure = sequence_set(counts(1), ["x"], scale='<origin value="0" unit="mm[Hg]"/><scale value="1" unit="mm[Hg]"/>')
    pressure = pressure.split("</component>", 1)[1].replace("MDC_ECG_LEAD_X", "MDC_PRESS_BLD").removesuffix("</sequenceSet>")
    recording = _read(
        tmp_path, document(series(sequence_set(counts()).removesuffix("</sequenceSet>") + pressure + "</sequenceSet>"))
    )
    assert (recording.leads, recording.notes) == (LEADS, ("left out MDC_PRESS_BLD",))


def test_what_the_device_said_is_kept_and_who_the_patient_was_is_not(tmp_path):
    says = {
        "MDC_ECG_INTERPRETATION_STATEMENT": '<value xsi:type="ST"> Left axis\n deviation, see 7654322 </value>',
        "MDC_ECG_INTERPRETATION_COMMENT": '<value xsi:type="ST">Confirmed by DR JONES</value>',
        "MDC_ECG_INTERPRETATION_SUMMARY": '<value xsi:type="ST">Borderline, says Mrs Smith</value>',
    }
    within = "".join(annotation(code, value) for code, value in says.items())
    rhythm = '<value xsi:type="CE" code="MDC_ECG_RHY_SINUS_RHY" displayName="Sinus Rhythm"/>'
    annotations = annotation("MDC_ECG_RHY", rhythm) + annotation("MDC_ECG_INTERPRETATION", "", within=within)
    recording = _read(tmp_path, document(series(sequence_set(counts()), annotations=annotations)))
    assert (recording.age_years, recording.sex, recording.device) == (61.0, "F", "Maker, Inc. Model 9 2.1")
    assert recording.recorded_at == datetime(2015, 2, 3, 9, 5, 1, 250_000)
    assert len(recording.statements) == 2
    assert recording.notes == ("left out 1 of 3 statements, for they name a person",)
    assert recording.statements[0] == "Sinus Rhythm"
    assert recording.statements[1].startswith("Left axis deviation, see id-")
    hidden = ("SMITH", "Smith", "JANE", "7654321", "7654322", "1953", "JONES", "TECHNICIAN", "NURSE")
    assert not any(word in repr(recording) for word in hidden)


def test_intervals_are_those_of_the_whole_ecg_not_of_a_beat_or_a_lead(tmp_path):
    beat = annotation("MDC_ECG_BEAT", "", within=milliseconds("P", 1))
    annotations = beat + milliseconds("QRS", 2, lead="V1") + milliseconds("QT", -32768) + milliseconds("PP", 0)
    annotations += (
        milliseconds("RR", "0.8", "s") + milliseconds("QTc", 420) + milliseconds("PR_GL", 160) + milliseconds("QTc", 3)
    )
    recording = _read(tmp_path, document(series(sequence_set(counts()), annotations=annotations)))
    assert recording.intervals_ms == {"rr": 800.0, "qtc": 420.0, "pq": 160.0}


def test_what_was_measured_on_the_representative_beat_fills_the_gaps_and_is_said(tmp_path):
    beat = derived_beat(counts(num_samples=20), milliseconds("QRS", 96) + milliseconds("RR", 9))
    recording = _read(tmp_path, document(series(sequence_set(counts()), annotations=milliseconds("RR", 800), derived=beat)))
    assert recording.intervals_ms == {"rr": 800.0, "qrs": 96.0}
    assert recording.notes == ("measured on the representative beat: qrs",)


@pytest.mark.parametrize(
    ("value", "unit", "age"),
    [("61", "a", 61.0), ("18", "mo", 1.5), ("300", "a", None), ("61", "", None), ("old", "a", None)],
)
def test_the_reported_age_is_read_in_its_unit(tmp_path, value, unit, age):
    text = document(series(sequence_set(counts())), age=f'<value value="{value}" unit="{unit}"/>').replace("19530508", "")
    assert _read(tmp_path, text).age_years == age


def test_without_a_reported_age_it_is_the_whole_years_since_birth(tmp_path):
    recording = _read(tmp_path, document(series(sequence_set(counts())), age=""))
    assert recording.age_years == 61.0
    assert "1953" not in repr(recording)


def test_a_document_with_little_but_its_rhythm_is_read(tmp_path):
    text = f"<AnnotatedECG><component><series><code code='RHYTHM'/><component>{sequence_set(counts())}</component></series>"
    recording = _read(tmp_path, text.replace("xsi:", "") + "</component></AnnotatedECG>")
    assert (recording.age_years, recording.sex, recording.device, recording.recorded_at) == (None, None, None, None)
    assert (recording.statements, recording.intervals_ms, recording.notes) == ((), {}, ())


def _first(old: str, new: str):
    return lambda text: text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_first('code="RHYTHM"', 'code="MEDIAN"'), "no rhythm (MEDIAN, REPRESENTATIVE_BEAT)"),
        (_first("<series>", "<other>"), "broken XML"),
        (lambda text: text.replace("series>", "other>").replace("derivedSeries", "x"), "no rhythm (no series at all)"),
        (_first("TIME_ABSOLUTE", "DATE"), "leads without a time"),
        (_first(ABSOLUTE, ""), "nothing as the time between samples"),
        (_first('increment value="0.002"', 'increment value="0"'), "0 s as the time between samples"),
        (_first('increment value="0.002"', 'increment value="-0.002"'), "-0.002 s as the time between samples"),
        (_first('increment value="0.002"', 'increment value="1e-300"'), "1e-300 s as the time between samples"),
        (_first('increment value="0.002" unit="s"', 'increment value="0.002"'), "0.002 as the time between samples"),
        (_first('"0.002" unit="s"', '"0.002" unit="h"'), "0.002 h as the time between samples"),
        (_first(VOLTS, ""), "lead I without a scale and an origin in volts"),
        (_first('scale value="2.5" unit="uV"', 'scale value="2.5"'), "lead I without a scale and an origin in volts"),
        (_first('scale value="2.5" unit="uV"', 'scale value="2.5" unit="mm[Hg]"'), "lead I without a scale and an origin"),
        (_first('scale value="2.5"', 'scale value="0"'), "lead I without a scale and an origin in volts"),
        (_first('scale value="2.5"', 'scale value="nan"'), "lead I without a scale and an origin in volts"),
        (_first('origin value="0" unit="uV"', 'origin value="0"'), "lead I without a scale and an origin in volts"),
        (_first("<digits> 40 ", "<digits> 40.5 "), "lead I without samples that are 32-bit numbers"),
        (_first("<digits> 40 ", "<digits> 99999999999 "), "lead I without samples that are 32-bit numbers"),
        (_first("<digits> 40 ", "<digits> " + "9" * 400 + " "), "lead I without samples that are 32-bit numbers"),
        (_first("<digits> 40 ", "<digits/><digits> 40 "), "lead I without samples that are 32-bit numbers"),
        (_first("<digits> 40 ", "<digits> "), "leads of different lengths (599 of I, 600 of II"),
        (lambda text: text.replace("MDC_ECG_LEAD_", "LOCAL_"), "no lead of a 12-lead ECG (LOCAL_I, LOCAL_II"),
        (lambda text: text[: len(text) // 2], "broken XML"),
    ],
)
def test_what_is_no_rhythm_in_volts_is_refused_in_one_line(tmp_path, change, found):
    write_aecg(tmp_path / "ecg.xml")
    with pytest.raises(BadRecording) as refusal:
        _read(tmp_path, change((tmp_path / "ecg.xml").read_text()))
    line = str(refusal.value)
    assert line.startswith(f"ecg.xml: found {found}")
    assert "\n" not in line


def test_it_is_known_by_its_root_element(tmp_path):
    assert sniff(Path("any.name"), write_aecg(tmp_path / "x").read_bytes()[:8192])
    assert not sniff(Path("ecg.xml"), b'<?xml version="1.0"?><CardiologyXML>')


def _seed(folder):
    annotations = annotation("MDC_ECG_RHY", "<value>Sinus</value>") + milliseconds("QT", 400)
    rhythm = series(sequence_set(counts(num_samples=300)), annotations=annotations, derived=derived_beat(counts(num_samples=9)))
    return write_aecg(folder / "seed.xml", document(rhythm))


test_a_damaged_document_is_read_or_refused = fuzz_test(_seed, read)


@pytest.mark.parametrize("name", ["example_aecg.xml", "subject1_0.xml"])
def test_the_real_files_are_read_and_obey_einthoven(shared_data, name):
    recording = read(shared_data / "ecg" / "formats" / "hl7_aecg" / name)
    assert (recording.signal_mv.shape, recording.rate_hz) == ((12, 5000), 500.0)
    assert 0.5 < np.abs(recording.signal_mv).max() < 3
    assert None not in (recording.age_years, recording.sex, recording.device, recording.recorded_at)
    assert len(recording.statements) == 1
    assert set(recording.intervals_ms) == {"p", "pq", "qrs", "qt", "qtc"}
    i, ii, iii, avr, avl, avf = (recording.signal_mv[recording.leads.index(lead)] for lead in LEADS[:6])
    for left, right in ((iii, ii - i), (avr, -(i + ii) / 2), (avl, i - ii / 2), (avf, ii - i / 2)):
        assert np.abs(left - right).max() < 0.0013


def test_the_real_minimal_file_is_read_as_the_one_lead_it_holds(shared_data):
    recording = read(shared_data / "ecg" / "formats" / "hl7_aecg" / "minimum_aecg.xml")
    assert (recording.leads, recording.signal_mv.shape, recording.rate_hz) == (("II",), (1, 13), 500.0)
