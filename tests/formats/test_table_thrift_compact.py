import pytest

from cardiolens.formats.table.thrift_compact import read_struct


def test_fields_are_read_by_number():
    # 1: true, 2: zigzag -3, 3: text, then a jump to 20 in long form: a list of two structures, each with a field 1.
    content = bytes([0x11, 0x16, 5, 0x18, 2]) + b"ab" + bytes([0x09, 40, 0x2C, 0x13, 7, 0, 0x12, 0, 0]) + b"rest"
    assert read_struct(content, 0) == ({1: True, 2: -3, 3: b"ab", 20: [{1: 7}, {1: False}]}, len(content) - 4)


def test_doubles_and_maps_are_passed_over():
    content = bytes([0x17]) + bytes(8) + bytes([0x1B, 1, 0x88, 1]) + b"k" + bytes([1]) + b"v" + bytes([0x1B, 0, 0x15, 4, 0])
    assert read_struct(content, 0) == ({1: None, 2: None, 3: None, 4: 2}, len(content))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x15",
        b"\x15" + b"\x80" * 20,
        b"\x18\x05abc",
        b"\x19\xf5\xff\xff\xff\x7f",
        b"\x1b\xff\xff\xff\x7f\x55",
        b"\x1d\x00\x00",
        b"\x15\x02\x05\x02\x02\x00",
        b"\x1c" * 1000,
        b"\x19\x19" + b"\x19" * 1000,
    ],
)
def test_what_is_cut_off_too_deep_out_of_order_or_of_no_kind_is_refused(content):
    with pytest.raises(ValueError, match=r"cut off|without end|out of order|unknown kind|too deeply"):
        read_struct(content, 0)
