import struct
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz_test
from scp_files import assemble, counts, plain, section_3, tag, with_beats

from cardiolens.errors import BadRecording
from cardiolens.formats.scp_ecg import read, sniff
from cardiolens.types import LEADS

_PEOPLE = tag(0, b"SMITH\0") + tag(1, b"JANE\0") + tag(2, b"7654321\0") + tag(5, struct.pack("<HBB", 1954, 3, 2))
_MADE = tag(8, b"\1") + tag(25, struct.pack("<HBB", 2015, 3, 1)) + tag(26, bytes((9, 5, 1)))
_UNKNOWN = 29999


def _measured(*block: int, rr: int = _UNKNOWN, pp: int = _UNKNOWN, spikes: int = 0, qtc: int | None = None) -> bytes:
    content = struct.pack("<BBHH", len(block) // 5, spikes, rr, pp)
    for start in range(0, len(block), 5):
        content += struct.pack("<5H3h", *block[start : start + 5], 44, -61, 86)
    content += bytes(10 * spikes)
    return content if qtc is None else content + struct.pack("<HBBBHHHBH", 3, 0, 0, 1, 0, _UNKNOWN, qtc, 1, 0)


def _said(*statements: bytes) -> bytes:
    head = struct.pack("<BHBBBBBB", 1, 2015, 3, 2, 10, 0, 0, len(statements))
    texts = enumerate(statements, start=1)
    return head + b"".join(struct.pack("<BH", number, len(said) + 1) + said + b"\0" for number, said in texts)


def _read(tmp_path: Path, more: dict[int, bytes], **kept):
    return read(assemble(tmp_path / "r.scp", plain(counts()) | more, **kept))


def test_the_rhythm_is_read_in_millivolts_under_the_leads_names(tmp_path):
    recording = _read(tmp_path, {})
    np.testing.assert_allclose(recording.signal_mv, counts() * 0.0025, rtol=1e-6)
    assert recording.signal_mv.dtype == np.float32
    assert (recording.leads, recording.rate_hz, recording.source) == (LEADS, 500.0, "r.scp")
    assert (recording.age_years, recording.sex, recording.device, recording.recorded_at) == (None, None, None, None)
    assert (recording.statements, recording.intervals_ms, recording.notes) == ((), {}, ())


def test_what_the_device_said_is_kept_and_who_the_patient_was_is_not(tmp_path):
    more = {
        1: _PEOPLE + _MADE + tag(30, b"at rest\0") + tag(30, b"Smith was calm\0"),
        7: _measured(100, 200, 240, 330, 640, rr=804, pp=800, qtc=420),
        8: _said(
            b"Sinus  rhythm", b"", b"compare 7654322", b"as 7654321", b"on 2.3.1954", b"confirmed by Dr. Who", b"Jane said"
        ),
    }
    recording = _read(tmp_path, more)
    assert (recording.age_years, recording.sex) == (60.0, "M")
    assert recording.recorded_at == datetime(2015, 3, 1, 9, 5, 1)
    assert recording.statements[0] == "Sinus rhythm"
    assert recording.statements[1].startswith("compare id-")
    assert recording.intervals_ms == {"rr": 804.0, "pp": 800.0, "p": 100.0, "pq": 140.0, "qrs": 90.0, "qt": 400.0, "qtc": 420.0}
    assert recording.notes == ("left out 4 of 6 statements, for they name a person",)
    private = ("SMITH", "JANE", "7654321", "7654322", "1954", "WHO", "AT REST")
    assert not any(word in repr(recording).upper() for word in private)


@pytest.mark.parametrize(
    ("section", "intervals"),
    [
        (b"", {}),
        (_measured(rr=0, pp=29998), {}),
        (_measured(rr=900)[:4], {"rr": 900.0}),
        (_measured(19999, 29999, 240, 330, 29998), {"qrs": 90.0}),
        (_measured(0, 0, 240, 330, 640), {"qrs": 90.0, "qt": 400.0}),
        (_measured(100, 90, 240, 240, 200), {"pq": 140.0}),
        (_measured(1, 2, 3, 5, 9, 1, 2, 30, 50, 90), {"p": 1.0, "pq": 2.0, "qrs": 2.0, "qt": 6.0}),
        (_measured(1, 2, 3, 5, 9, spikes=2, qtc=410), {"p": 1.0, "pq": 2.0, "qrs": 2.0, "qt": 6.0, "qtc": 410.0}),
        (_measured(qtc=_UNKNOWN), {}),
        (_measured(qtc=410), {"qtc": 410.0}),
    ],
)
def test_only_what_was_measured_is_an_interval(tmp_path, section, intervals):
    assert _read(tmp_path, {7: section}).intervals_ms == intervals


def test_pacemaker_spikes_are_noted(tmp_path):
    assert _read(tmp_path, {7: _measured(spikes=3)}).notes == ("the device reports a pacemaker",)


@pytest.mark.parametrize("size", [0, 8, 9, 11])
def test_statements_that_are_cut_off_are_left_out(tmp_path, size):
    assert _read(tmp_path, {8: _said(b"Sinus rhythm")[:size]}).statements == ()


def test_a_wrong_checksum_is_noted(tmp_path):
    (note,) = _read(tmp_path, {}, spoilt=1).notes
    assert note.startswith("the record's checksum is wrong")


def test_leads_without_a_name_are_left_out_and_said_so(tmp_path):
    rows = counts(5)
    recording = read(assemble(tmp_path / "r.scp", plain(rows, (1, 0, 200, 17, 31))))
    assert (recording.leads, recording.notes) == (("I", "Y", "I-cal"), ("left out the leads numbered 0, 200",))
    np.testing.assert_allclose(recording.signal_mv, rows[[0, 3, 4]] * 0.0025, rtol=1e-6)


def test_leads_of_other_times_are_noted(tmp_path):
    spans = [(1, 500) if lead < 6 else (501, 1000) for lead in range(12)]
    recording = _read(tmp_path, {3: section_3(spans)})
    assert recording.notes == ("not all leads were recorded at the same time",)
    assert np.isnan(recording.signal_mv).mean() == 0.5


def test_interpolated_samples_are_noted(tmp_path):
    recording = read(assemble(tmp_path / "r.scp", with_beats(counts(), bimodal=True)))
    assert recording.notes == ("between the QRS complexes the device kept fewer samples; they are interpolated",)
    assert recording.rate_hz == 500.0


def test_a_record_without_any_named_lead_is_refused(tmp_path):
    with pytest.raises(BadRecording, match="found leads numbered 0, 200; expected leads that SCP-ECG names"):
        read(assemble(tmp_path / "r.scp", plain(counts(2), (0, 200))))


@pytest.mark.parametrize("mark", [b"SCPECG", bytes(6)])
def test_it_is_known_by_its_first_section(tmp_path, mark):
    head = assemble(tmp_path / "r", plain(counts()), mark=mark).read_bytes()[:8192]
    assert sniff(Path("any.name"), head)


@pytest.mark.parametrize("head", [b"", b"SCPECG", bytes(8192), b"\xff" * 8192, b"<?xml version='1.0'?><SCPECG/>" + b" " * 99])
def test_what_is_another_format_is_not_taken_for_it(head):
    assert not sniff(Path("ecg.scp"), head)


_MORE = {
    1: _PEOPLE + _MADE + tag(30, b"free\0") + b"\xff\0\0",
    7: _measured(100, 200, 240, 330, 640, rr=804, spikes=2, qtc=420),
    8: _said(b"Sinus rhythm", b"Normal ECG"),
}


def _uncompressed(folder: Path) -> Path:
    return assemble(folder / "seed.scp", plain(counts(8), differences=1) | _MORE)


def _compressed(folder: Path) -> Path:
    return assemble(folder / "seed.scp", with_beats(counts(12), bimodal=True) | _MORE, order=(6, 1, 5, 2, 8, 3, 7, 4))


test_a_damaged_record_is_read_or_refused = fuzz_test(_uncompressed, read)
test_a_damaged_record_of_beats_and_codes_is_read_or_refused = fuzz_test(_compressed, read)


def test_the_real_file_is_read_and_obeys_einthoven(shared_data):
    recording = read(shared_data / "ecg" / "formats" / "scp" / "Example.scp")
    assert recording.signal_mv.shape == (12, 5000)
    assert recording.rate_hz == 500.0
    assert set(recording.leads) == set(LEADS)
    assert recording.notes == ()
    assert set(recording.intervals_ms) == {"p", "pq", "qrs", "qt", "qtc"}
    assert recording.device
    i, ii, iii, avr, avl, avf = (recording.signal_mv[recording.leads.index(lead)] for lead in LEADS[:6])
    np.testing.assert_allclose(iii, ii - i, atol=1e-6)
    for left, right in ((avr, -(i + ii) / 2), (avl, i - ii / 2), (avf, ii - i / 2)):
        assert np.abs(left - right).max() < 0.0013
    assert 1 < np.abs(recording.signal_mv).max() < 3
