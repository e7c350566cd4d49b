from datetime import datetime

import pytest

from cardiolens.errors import BadRecording
from cardiolens.formats.wfdb_header import looks_like_header, read_header


def _read(tmp_path, text: str | bytes):
    path = tmp_path / "r.hea"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_header(path)


def test_every_field_of_a_full_header_is_read(tmp_path):
    header = _read(
        tmp_path,
        "# before\nr 2 500/2(10) 5000 12:30:05 24/12/2001\n"
        "r.dat 16+24 1000.0(-5)/mV 16 3 -65 7187 0 aVR \n\nr.dat 212 200/uV 12 7\n# Age: 60\n",
    )
    assert (header.rate_hz, header.num_samples) == (500.0, 5000)
    assert header.comments == ("before", "Age: 60")
    assert header.recorded_at == datetime(2001, 12, 24, 12, 30, 5)
    first, second = header.signals
    assert (first.file, first.format, first.byte_offset, first.gain, first.baseline, first.unit, first.lead) == (
        "r.dat", "16", 24, 1000.0, -5, "mV", "aVR",
    )  # fmt: skip
    assert (second.gain, second.baseline, second.unit, second.lead) == (200.0, 7, "uV", "signal 2")


def test_an_ill_formed_date_is_passed_over(tmp_path):
    assert _read(tmp_path, "r 1 500 5000 12-May-2020 12:33:59\nr.dat 16\n").recorded_at is None


def test_a_header_in_latin_1_keeps_its_micro(tmp_path):
    assert _read(tmp_path, "r 1 500\nr.dat 16 200/µV\n".encode("latin-1")).signals[0].unit == "µV"


def test_no_gain_is_zero_and_no_length_is_zero(tmp_path):
    header = _read(tmp_path, "r 1 500\nr.dat 16\n")
    assert (header.signals[0].gain, header.num_samples) == (0.0, 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "no record line"),
        ("r\n", "no record line"),
        ("r 12\n", "a sampling rate of nothing"),
        ("r 1 0 5000\nr.dat 16\n", "a sampling rate of 0"),
        ("r 0 500 5000\n", "0 leads"),
        ("r 300 500 5000\n", "300 leads"),
        ("r 12 500 1000000000000\n", "1000000000000 samples in each of 12 leads"),
        ("r/3 12 500 5000\nr1 100\n", "a record of several segments"),
        ("r 2 500 5000\nr.dat 16 200/mV\n", "1 signal lines"),
        ("r 1 500 5000\nr.dat sixteen\n", "signal line 1 not understood"),
        ("r 1 500 5000\nr.dat 16 1000/mV 16 0 0 0 zero I\n", "signal line 1 not understood"),
        ("r 1 500 5000\nr.dat 516 1000/mV\n", "signal format 516"),
        ("r 1 500 5000\nr.dat 16x4 1000/mV\n", "leads of several rates or with skew"),
        ("r 1 500 5000\nr.dat 16:9 1000/mV\n", "leads of several rates or with skew"),
        ("r 1 500 5000\nr.dat 16 1000/mV\n" + "#" * (1 << 18), "a header of more than 256 KiB"),
    ],
)
def test_what_cannot_be_trusted_is_refused_in_one_line(tmp_path, text, found):
    with pytest.raises(BadRecording) as refusal:
        _read(tmp_path, text)
    assert str(refusal.value).startswith(f"r.hea: found {found}; expected ")
    assert "\n" not in str(refusal.value)


def test_a_header_is_known_by_its_first_lines():
    assert looks_like_header(b"# note\r\nr 12 500 5000\r\nr.mat 16x1+24 1000.0(0)/mV 16 0 28 -1716 0 I\r\n")
    assert looks_like_header(b"multi/2 12 500 5000\n")
    assert not looks_like_header(b"time,I,II\n0,0.1,0.2\n")
    assert not looks_like_header(b"hello 12\nworld\n")
    assert not looks_like_header(b"\x00\x01\xff" * 50)
    assert not looks_like_header(b"")
