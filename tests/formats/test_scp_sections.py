import struct
from pathlib import Path

import pytest
from scp_files import assemble

from cardiolens.errors import BadRecording
from cardiolens.formats.scp.sections import MOST_BYTES, Section, looks_like_record, read_record

_SECTIONS = {1: b"one!", 3: b"three!", 6: b"sixsix"}


@pytest.mark.parametrize("order", [(1, 3, 6), (6, 1, 3), (3, 6, 1)])
def test_sections_are_found_in_any_order(tmp_path, order):
    record = read_record(assemble(tmp_path / "r", _SECTIONS, order=order))
    assert {number: section.content for number, section in record.sections.items()} == _SECTIONS
    assert record.checksum_holds


def test_a_wrong_checksum_is_told_and_refuses_nothing(tmp_path):
    record = read_record(assemble(tmp_path / "r", _SECTIONS, spoilt=1))
    assert not record.checksum_holds
    assert record.sections[6].content == b"sixsix"


def test_what_follows_the_record_is_no_part_of_it(tmp_path):
    path = assemble(tmp_path / "r", _SECTIONS)
    path.write_bytes(path.read_bytes() + b"more")
    assert read_record(path).checksum_holds


def test_manufacturers_sections_are_not_looked_at(tmp_path):
    path = assemble(tmp_path / "r", _SECTIONS)
    content = bytearray(path.read_bytes())
    content[22 + 110 : 22 + 120] = struct.pack("<HII", 200, 1 << 31, 1 << 31)
    path.write_bytes(content)
    assert set(read_record(path).sections) == set(_SECTIONS)


def test_a_section_that_is_missing_is_named_with_what_it_would_hold(tmp_path):
    record = read_record(assemble(tmp_path / "r", _SECTIONS))
    assert record.required(6, "the rhythm").content == b"sixsix"
    with pytest.raises(BadRecording, match="found no section 5; expected section 5 with the beat"):
        record.required(5, "the beat")


def _with(at: int, form: str, *values: int):
    """Writes numbers at a byte of the record."""
    return lambda content: content[:at] + struct.pack(form, *values) + content[at + struct.calcsize(form) :]


_THIRD_POINTER = 22 + 30


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda content: content[:100], "found 100 bytes; expected 206 as the record declares"),
        (lambda content: b"", "no pointers to sections"),
        (lambda content: content[:16] + b"NOSCP!" + content[22:26] + b"\x07" + content[27:], "no pointers to sections"),
        (lambda content: content + bytes(MOST_BYTES), "more than 2 MiB"),
        (_with(2, "<I", 0), "no section 0 of 0 bytes at byte 7"),
        (_with(2, "<I", 100), "no section 0 of 136 bytes at byte 7"),
        (_with(10, "<I", 1 << 31), "no section 0 of 2147483648 bytes"),
        (_with(_THIRD_POINTER, "<HII", 3, 22, 0), "no section 3 of 22 bytes at byte 0"),
        (_with(_THIRD_POINTER, "<HII", 3, 22, 143), "no section 3 of 22 bytes at byte 143"),
        (_with(_THIRD_POINTER, "<HII", 3, 4, 163), "no section 3 of 4 bytes at byte 163"),
        (_with(_THIRD_POINTER, "<HII", 3, 4096, 163), "no section 3 of 4096 bytes at byte 163"),
    ],
)
def test_sections_that_are_not_where_they_should_be_are_refused(tmp_path, change, found):
    path = assemble(tmp_path / "r.scp", _SECTIONS)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(BadRecording) as refusal:
        read_record(path)
    assert found in str(refusal.value)


def test_numbers_and_tables_end_where_the_section_does():
    section = Section(Path("r.scp"), 4, struct.pack("<HBHBH", 1, 2, 3, 4, 5))
    assert section.fields("HB") == (1, 2)
    assert section.rows([("a", "u1"), ("b", "<u2")], 2, 2).tolist() == [(2, 3), (4, 5)]
    assert section.rows([("a", "u1")], 0, 8).tolist() == []
    with pytest.raises(BadRecording, match=r"r\.scp: found 8 bytes in section 4; expected more"):
        section.fields("I", 5)
    with pytest.raises(BadRecording, match="expected 3 entries of 3 bytes"):
        section.rows([("a", "u1"), ("b", "<u2")], 3, 2)


def test_a_record_is_known_by_its_mark_or_by_pointers_that_begin_with_themselves(tmp_path):
    assert looks_like_record(assemble(tmp_path / "r", _SECTIONS).read_bytes())
    unmarked = assemble(tmp_path / "r", _SECTIONS, mark=bytes(6)).read_bytes()
    assert looks_like_record(unmarked)
    assert not looks_like_record(unmarked[:24] + b"\x01" + unmarked[25:])
    assert not looks_like_record(unmarked[:25])
    assert not looks_like_record(bytes(200))
