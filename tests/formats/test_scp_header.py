import struct
from datetime import date, datetime
from pathlib import Path

import pytest
from scp_files import tag

from cardiolens.errors import BadRecording
from cardiolens.formats.scp.header import ScpHeader, read_header, text
from cardiolens.formats.scp.sections import Section
from cardiolens.formats.statements import Persons

_DAY, _CLOCK = tag(25, struct.pack("<HBB", 2016, 3, 1)), tag(26, bytes((9, 5, 59)))
_BORN = tag(5, struct.pack("<HBB", 1954, 3, 2))


def machine(model: bytes = b"ELI", maker: bytes = b"Mortara", number: int = 255, language: int = 1) -> bytes:
    """Tag 14: numbers, model, capabilities, and the texts behind them."""
    head = struct.pack("<HHHBB6sBBBBB16x", 0, 11, 51, 0, number, model, 20, 0xA0, language, 0, 1)
    return tag(14, head + b"\x04v10\0" + b"serial\0system\0program\0" + maker + b"\0")


def _header(content: bytes) -> ScpHeader:
    return read_header(Section(Path("r.scp"), 1, content))


def test_what_a_record_says_of_its_making_is_read_and_its_people_are_not():
    header = _header(
        tag(0, b"SMITH\0") + tag(1, b"Jane\0") + tag(2, b"7654321\0") + tag(3, b"Jones\0") + _BORN + tag(4, b"\x3d\x00\x01")
        + tag(8, b"\x02") + machine() + tag(20, b"Dr. Who\0") + tag(22, b"Annie\0") + _DAY + _CLOCK
        + tag(30, b"Jane was calm\0") + tag(30, b"as 7654321\0") + tag(30, b"lying quietly\0") + b"\xff\0\0"
    )  # fmt: skip
    assert (header.age_years, header.sex, header.device) == (61.0, "F", "Mortara ELI")
    assert header.recorded_at == datetime(2016, 3, 1, 9, 5, 59)
    assert header.persons.names == ("SMITH", "Jane", "Jones", "Dr. Who", "", "Annie")
    assert (header.persons.numbers, header.persons.born) == (("7654321", ""), (date(1954, 3, 2),))
    shown = repr(header).lower()
    assert not any(word in shown for word in ("smith", "jane", "jones", "7654321", "quiet", "calm", "who", "annie", "1954"))


def test_an_empty_section_says_nothing():
    nobody = ScpHeader(persons=Persons(names=("",) * 6, numbers=("",) * 2))
    assert _header(b"") == _header(b"\xff") == _header(b"\0") == nobody


@pytest.mark.parametrize(
    ("written", "age"),
    [
        (tag(4, b"\x3d\x00\x01"), 61.0),
        (tag(4, b"\x12\x00\x02"), 1.5),
        (tag(4, struct.pack("<HB", 7305, 4)), 20.0),
        (tag(4, b"\x3d\x00\x00"), None),
        (tag(4, b"\xff\xff\x01"), None),
        (tag(4, b"\x3d"), None),
        (_BORN, None),
        (_BORN + _DAY, 61.0),
        (tag(4, b"\0\0\0") + _BORN + _DAY + _CLOCK, 61.0),
        (tag(4, b"\x3e\0\1") + _BORN + _DAY + _CLOCK, 62.0),
        (tag(5, bytes(4)) + _DAY + _CLOCK, None),
    ],
)
def test_age_is_the_one_written_or_else_the_whole_years_since_birth(written, age):
    assert _header(written).age_years == age


@pytest.mark.parametrize(("code", "sex"), [(b"\0", None), (b"\1", "M"), (b"\2", "F"), (b"\x09", None), (b"", None)])
def test_sex_is_read_where_it_is_known(code, sex):
    assert _header(tag(8, code)).sex == sex


@pytest.mark.parametrize(
    "fields", [_DAY, _CLOCK, tag(25, b"\xe0\x07\x0d\x01") + _CLOCK, _DAY + tag(26, b"\x18\0\0"), tag(25, b"\xe0") + _CLOCK]
)
def test_half_a_moment_is_none(fields):
    assert _header(fields).recorded_at is None


@pytest.mark.parametrize(
    ("field", "device"),
    [
        (machine(), "Mortara ELI"),
        (machine(maker=b"", number=17), "Schiller ELI"),
        (machine(maker=b"", number=200), "ELI"),
        (machine(maker=b"", number=0, model=b""), None),
        (machine(model=b"7654321"[:6], maker=b"7654321"), "id-"),
        (tag(14, machine()[3:40]), "ELI"),
        (tag(14, bytes(10)), None),
    ],
)
def test_the_device_is_its_maker_and_model(field, device):
    found = _header(field).device
    assert found == device or (device == "id-" and found.startswith("id-") and found.endswith(" 765432"))


@pytest.mark.parametrize(
    ("language", "value", "shown"),
    [
        (1, b"\xe9t\xe9", "été"),
        (0x13, "синус".encode("iso8859-5"), "синус"),
        (0x07, "синус".encode("utf-16-le") + b"\0", "синус"),
        (1, "синус".encode(), "синус"),
        (0xFE, b"\xe9", "é"),
    ],
)
def test_texts_are_read_in_the_record_s_own_letters(language, value, shown):
    assert text(value + b"\0after", _header(machine(language=language)).encoding) == shown


def test_a_text_is_one_line_that_a_terminal_can_show():
    assert text(b" a\n\tb\x1b[31m  c ", "latin-1") == "a b [31m c"


@pytest.mark.parametrize("person", [tag(0, b"Mortara\0"), tag(2, b"ELI250\0"), tag(22, b"MORTARA^J\0")])
def test_a_device_that_bears_a_person_s_name_or_number_is_none(person):
    assert _header(machine(model=b"ELI250")).device == "Mortara ELI250"
    assert _header(person + machine(model=b"ELI250")).device is None


def test_a_field_that_reaches_beyond_the_section_is_refused():
    with pytest.raises(BadRecording, match="6 bytes in section 1; expected more"):
        _header(tag(30, b"text")[:-1])
