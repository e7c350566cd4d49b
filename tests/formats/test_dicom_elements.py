import struct
import zlib
from pathlib import Path

import pytest
from dicom_ecg_files import dataset, write_dicom
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    TwelveLeadECGWaveformStorage,
)

from cardiolens.errors import BadRecording
from cardiolens.formats.dicom.elements import DEEPEST, MOST_BYTES, Item, is_dicom, read_data_set, read_meta

MAKER, SETTINGS, NAME, PIXELS = 0x00080070, 0x00400555, 0x00100010, 0x7FE00010
OPEN = 0xFFFFFFFF


def _element(tag: int, kind: bytes, value: bytes, *, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, kind)
    return head + (struct.pack("<HL", 0, size) if kind in {b"SQ", b"UN", b"OB"} else struct.pack("<H", size)) + value


def _plain(tag: int, value: bytes, *, length: int | None = None) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def _item(value: bytes, *, length: int | None = None) -> bytes:
    return _plain(0xFFFEE000, value, length=length)


def _write(folder: Path, body: bytes, syntax: str = ExplicitVRLittleEndian) -> Path:
    meta = _element(0x00020002, b"UI", TwelveLeadECGWaveformStorage.encode()) + _element(0x00020010, b"UI", syntax.encode())
    path = folder / "ecg.dcm"
    path.write_bytes(bytes(128) + b"DICM" + meta + body)
    return path


def _read(path: Path, values: tuple[int, ...] = (MAKER,)) -> Item:
    return read_data_set(path, read_meta(path), values, (SETTINGS,))


def test_the_head_says_what_the_file_is(tmp_path):
    path = write_dicom(tmp_path / "ecg.dcm", syntax=ImplicitVRLittleEndian)
    meta = read_meta(path)
    assert (meta.sop_class, meta.syntax) == (TwelveLeadECGWaveformStorage, ImplicitVRLittleEndian)
    assert is_dicom(path.read_bytes())
    assert not is_dicom(b"")


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_only_what_is_asked_for_is_kept(tmp_path, syntax):
    root = _read(write_dicom(tmp_path / "ecg.dcm", syntax=syntax))
    assert (root.text(MAKER), root.text(NAME), set(root.sequences)) == ("Maker", "", set())
    assert "SMITH" not in repr(root)


@pytest.mark.parametrize(
    ("character_set", "name"),
    [("ISO_IR 100", "Müller"), ("ISO_IR 192", "Μαρία 心"), ("ISO_IR 144", "Иванов"), ("\\ISO 2022 IR 87", "山田")],
)
def test_text_is_read_in_its_character_set(tmp_path, character_set, name):
    ecg = dataset()
    ecg.SpecificCharacterSet = character_set.split("\\") if "\\" in character_set else character_set
    ecg.Manufacturer = name
    assert _read(write_dicom(tmp_path / "ecg.dcm", ecg)).text(MAKER) == name


@pytest.mark.parametrize("nested", [_element(MAKER, b"LO", b"Maker "), _element(MAKER, b"UN", b"Maker ")])
@pytest.mark.parametrize("closed", [True, False])
def test_a_sequence_is_read_whether_its_length_is_written_or_open(tmp_path, nested, closed):
    end_of_item, end = struct.pack("<HHL", 0xFFFE, 0xE00D, 0), struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    items = _item(nested) if closed else _item(nested + end_of_item, length=OPEN) + end
    body = _element(SETTINGS, b"SQ", items, length=None if closed else OPEN) + _element(MAKER, b"LO", b"after ")
    root = _read(_write(tmp_path, body))
    assert ([item.text(MAKER) for item in root.items(SETTINGS)], root.text(MAKER)) == (["Maker"], "after")


def test_a_sequence_passed_on_as_unknown_is_read(tmp_path):
    root = _read(_write(tmp_path, _element(SETTINGS, b"UN", _item(_plain(MAKER, b"Maker ")))))
    assert root.first(SETTINGS).text(MAKER) == "Maker"


def test_reading_ends_where_pixels_begin(tmp_path):
    body = _element(MAKER, b"LO", b"Maker ") + _element(PIXELS, b"OB", b"cut off", length=1 << 30)
    assert _read(_write(tmp_path, body)).text(MAKER) == "Maker"


def test_numbers_are_read_and_what_is_none_is_not_made_one():
    item = Item({1: b"1.5 \0", 2: b"nan", 3: b"1\\2", 4: b"\x01\x02\x03"}, {}, ">")
    assert [item.number(tag) for tag in range(5)] == [None, 1.5, None, None, None]
    assert (item.integers(4, 2), item.integers(5, 2)) == ((258,), ())


def _deep(levels: int) -> bytes:
    body = b""
    for _ in range(levels):
        body = _element(SETTINGS, b"SQ", _item(body))
    return body


def test_sequences_may_be_nested_as_deep_as_is_allowed(tmp_path):
    assert _read(_write(tmp_path, _deep(DEEPEST))).items(SETTINGS)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (_deep(DEEPEST + 1), f"sequences more than {DEEPEST} deep"),
        (_element(MAKER, b"LO", b"Maker ")[:-1], "a file that is cut off"),
        (_element(SETTINGS, b"SQ", _item(b"")[:-1], length=OPEN), "a damaged DICOM file"),
        (_element(SETTINGS, b"SQ", b"\0" * 5), "a damaged DICOM file"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, body, found):
    with pytest.raises(BadRecording) as refusal:
        _read(_write(tmp_path, body))
    assert str(refusal.value).startswith(f"ecg.dcm: found {found}")


@pytest.mark.parametrize(
    ("syntax", "found"), [(JPEGBaseline8Bit, f"transfer syntax {JPEGBaseline8Bit}"), ("", "transfer syntax missing")]
)
def test_an_encoding_that_ecgs_do_not_use_is_refused(tmp_path, syntax, found):
    with pytest.raises(BadRecording, match=f"found {found}"):
        _read(_write(tmp_path, b"", syntax))


def test_more_elements_than_an_ecg_has_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("cardiolens.formats.dicom.elements.MOST_ELEMENTS", 100)
    assert len(_read(_write(tmp_path, _element(SETTINGS, b"SQ", _item(b"") * 100))).items(SETTINGS)) == 100
    with pytest.raises(BadRecording, match="found more than 100 items"):
        _read(_write(tmp_path, _element(SETTINGS, b"SQ", _item(b"") * 101)))
    with pytest.raises(BadRecording, match="found more than 100 elements"):
        _read(_write(tmp_path, _element(MAKER, b"LO", b"") * 101))


def _deflate(content: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflate.compress(content) + deflate.flush()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"\xff" * 100, "a deflated data set that cannot be inflated"),
        (_deflate(_element(MAKER, b"LO", b"Maker "))[:-2], "a deflated data set cut off"),
        (_deflate(bytes(MOST_BYTES + 1)), f"a deflated data set of more than {MOST_BYTES >> 20} MiB"),
    ],
)
def test_a_deflated_data_set_is_inflated_whole_and_within_bounds_or_not_at_all(tmp_path, body, found):
    with pytest.raises(BadRecording, match=f"found {found}"):
        _read(_write(tmp_path, body, DeflatedExplicitVRLittleEndian))
