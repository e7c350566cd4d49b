from pathlib import Path

import numpy as np
import pytest
from scp_files import STANDARD, huffman, section_2

from cardiolens.errors import BadRecording
from cardiolens.formats.scp.huffman import MOST_CODES, MOST_TABLES, decode, read_tables
from cardiolens.formats.scp.sections import Section

_ESCAPE = ("111", 16, 1, 0)
_SMALL = (("0", 0, 1, 0), ("10", 0, 1, 7), ("110", 0, 1, -300), _ESCAPE)
# The first is for a quiet baseline, the second for steep parts; each has a code to change to the other.
_QUIET = (("0", 0, 1, 0), ("10", 0, 1, 1), ("110", 0, 1, -1), ("1110", 0, 0, 2), ("1111", 16, 1, 0))
_STEEP = (("00", 0, 1, 20), ("01", 0, 1, -20), ("10", 0, 0, 1), ("11", 16, 1, 0))


def _section(content: bytes, number: int = 2) -> Section:
    return Section(Path("r.scp"), number, content)


def _decoded(coded: bytes, num_values: int, tables: list) -> list[int]:
    return decode(_section(coded, 6), coded, num_values, read_tables(_section(section_2(tables)))).tolist()


def test_the_standards_own_example_is_decoded_with_the_standards_own_table():
    coded = bytes.fromhex("FF837FE0E6F1536559B65B964B9600")
    samples = [13, 14, 15, 14, 16, 18, 19, 20, 22, 22, 23, 23, 23, 22, 22, 20, 17, 15, 12, 8, 6, 3, 1, 0, -2, -2, -3, -3]
    assert _decoded(coded, 28, [STANDARD]) == samples[:2] + np.diff(samples, 2).tolist()


@pytest.mark.parametrize("tables", [[STANDARD], [STANDARD, STANDARD], [_SMALL], [_QUIET, _STEEP]])
def test_every_value_comes_back(tables):
    values = [0, 1, -1, 7, 8, -8, 9, -9, 127, -128, 128, -129, -300, 20, -20, 20, 0, 0, 32767, -32768, 0, 1, 20, 1, 0]
    coded = huffman(values, tables)
    assert _decoded(coded, len(values), tables) == values


def test_a_change_of_table_lasts_until_the_next_and_a_lead_begins_with_the_first():
    steep, quiet = "1110", "10"
    bits = "0" + steep + "00" + "01" + "00" + quiet + "10" + "110"
    coded = int(bits.ljust(24, "0"), 2).to_bytes(3)
    assert _decoded(coded, 6, [_QUIET, _STEEP]) == [0, 20, -20, 20, 1, -1]
    assert _decoded(coded, 1, [_QUIET, _STEEP]) == [0]


def test_codes_of_32_bits_and_their_values_are_read():
    table = (("0", 0, 1, 5), ("1" + "0" * 31, 16, 1, 0), ("1" * 32, 0, 1, -7))
    values = [5, -7, 5, -32768, 12345, -7, 5, 5, 5]
    assert _decoded(huffman(values, [table]), len(values), [table]) == values


def test_no_tables_means_no_codes():
    assert read_tables(_section(b"\0\0")) == ()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\1", "1 bytes"),
        (section_2([_SMALL])[:-1], "39 bytes"),
        (section_2([_SMALL] * (MOST_TABLES + 1)), f"{MOST_TABLES + 1} Huffman tables"),
        (b"\1\0\0\0", "a Huffman table of 0 codes"),
        (b"\1\0" + (MOST_CODES + 1).to_bytes(2, "little"), f"a Huffman table of {MOST_CODES + 1} codes"),
        (section_2([(("0", 17, 1, 0),)]), "a Huffman code of impossible length"),
        (section_2([(("0" * 33, 0, 1, 0),)]), "a Huffman code of impossible length"),
        (b"\1\0\1\0" + bytes(9), "a Huffman code of impossible length"),
        (b"\1\0\1\0\2\1\1" + bytes(6), "a Huffman code of impossible length"),
        (section_2([(("0", 0, 0, 2),)]), "a change to a Huffman table that is not there"),
        (section_2([(("0", 0, 0, 0),)]), "a change to a Huffman table that is not there"),
        (section_2([(("0", 8, 0, 1),)]), "a change to a Huffman table that is not there"),
        (section_2([(("0", 8, 1, 3),)]), "a Huffman code with a base value and a value of its own"),
        (section_2([(("0", 0, 1, 0), ("01", 0, 1, 1))]), "a Huffman code that begins with another"),
        (section_2([(("10", 0, 1, 0), ("10", 0, 1, 1))]), "a Huffman code that begins with another"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(content, found):
    with pytest.raises(BadRecording) as refusal:
        read_tables(_section(content))
    assert f"found {found} in section 2" in str(refusal.value)


@pytest.mark.parametrize(
    ("coded", "num_values", "table", "found"),
    [
        (b"", 1, _SMALL, "0 samples of a lead"),
        (b"\x00", 9, _SMALL, "8 samples of a lead"),
        (huffman([0, 4000], [_SMALL])[:-1], 2, _SMALL, "1 samples of a lead"),
        (b"\xc0", 1, _SMALL[:2], "bits that are no Huffman code"),
    ],
)
def test_data_that_end_early_or_are_no_codes_are_refused(coded, num_values, table, found):
    with pytest.raises(BadRecording) as refusal:
        _decoded(coded, num_values, [table])
    assert f"found {found} in section 6" in str(refusal.value)
