from datetime import date, datetime
from pathlib import Path

import pytest
from edf_files import ecg_channels, write_edf

from cardiolens.formats.edf_header import looks_like_edf, parse_header


def _header(folder: Path, **fields):
    path = write_edf(folder / "r.edf", ecg_channels(), **fields)
    return parse_header(path, path.read_bytes())


def test_the_places_of_edf_plus_are_read(tmp_path):
    header = _header(
        tmp_path,
        patient="7654321 F 02-MAY-1951 Jane_Smith",
        recording="Startdate 04-mar-2016 EMG561 BK/JOP Sony_Recorder more",
    )
    assert (header.sex, header.born, header.device) == ("F", date(1951, 5, 2), "Sony Recorder")
    assert header.recorded_at == datetime(2016, 3, 4, 9, 5, 1)
    assert (header.num_records, header.record_s, len(header.signals)) == (5, 1.0, 12)


def test_in_plain_edf_nothing_is_looked_for_in_the_free_text(tmp_path):
    header = _header(tmp_path, patient="John M 02-MAY-1951 Smith", recording="Startdate 04-MAR-2016 a b c", reserved="")
    assert (header.sex, header.born, header.device) == (None, None, None)
    assert header.recorded_at == datetime(2015, 2, 3, 9, 5, 1)


@pytest.mark.parametrize(
    ("recording", "start", "moment"),
    [
        ("", ("03.02.85", "00.00.00"), datetime(1985, 2, 3)),
        ("", ("03.02.84", "23.59.59"), datetime(2084, 2, 3, 23, 59, 59)),
        ("", ("01.01.85", "09.05.01"), None),
        ("Startdate X X X X", ("03.02.15", "09.05.01"), None),
        ("Startdate 31-FEB-2015 X X X", ("03.02.15", "09.05.01"), None),
        ("", ("00.00.00", "09.05.01"), None),
        ("", ("03.02.15", "25.00.00"), None),
        ("", ("3.2.2015", "09.05.01"), None),
    ],
)
def test_a_date_that_is_withheld_or_none_is_none(tmp_path, recording, start, moment):
    assert _header(tmp_path, recording=recording, start=start).recorded_at == moment


def test_only_a_header_of_a_fitting_size_looks_like_edf(tmp_path):
    head = write_edf(tmp_path / "r.edf", ecg_channels()).read_bytes()[:8192]
    assert looks_like_edf(head)
    assert looks_like_edf(b"\xffBIOSEMI" + head[8:])
    assert not looks_like_edf(b"1" + head[1:])
    assert not looks_like_edf(head[:184] + b"3329    " + head[192:])
    assert not looks_like_edf(head[:255])
    assert not looks_like_edf(b"0       " + b" " * 300)
