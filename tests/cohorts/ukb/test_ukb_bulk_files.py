"""Bulk files found by their names, and everything that lies beside them."""

import os

import pytest
from main_tables import everything_said, written

from cardiolens.cohorts.ukb.bulk_files import CINE_FIELD, ECG_FIELD, find_bulk_files
from cardiolens.errors import BadOption

A, B = 1234567, 2345678


def _placed(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("number", [ECG_FIELD, CINE_FIELD])
def test_files_are_found_by_their_names_wherever_they_lie(tmp_path, number):
    ending = {ECG_FIELD: "xml", CINE_FIELD: "zip"}[number]
    names = (f"{A}_{number}_2_0.{ending}", f"12/a b/{A}_{number}_3_0.{ending}", f"23/{B}_{number}_2_0.{ending.upper()}")
    found = find_bulk_files(_placed(tmp_path, *names), number)
    assert {key: file.path for key, file in found.first.items()} == {
        key: str(tmp_path / name) for key, name in zip([(A, 2), (A, 3), (B, 2)], names, strict=True)
    }
    assert found.more == ()


@pytest.mark.parametrize(
    "name",
    ["12345678_20205_2_0.xml", "0234567_20205_2_0.xml", "123456_20205_2_0.xml", "a1234567_20205_2_0.xml",
     "1234567_20205_2_0.xml.part", "1234567_20205_2.xml", "1234567-20205-2-0.xml", "1234567_20205_2_0",
     ".1234567_20205_2_0.xml", "1234567_20205_2_0.pdf",
     "1234567_20209_2_0.xml"],
)  # fmt: skip
def test_names_of_another_form_are_no_ecgs(tmp_path, name):
    found = find_bulk_files(_placed(tmp_path, f"{B}_20205_2_0.xml", name), ECG_FIELD)
    assert list(found.first) == [(B, 2)]
    assert found.more == ()


def test_other_fields_and_instances_are_passed_over_and_counted(tmp_path):
    names = [
        "6025_0_0.xml",
        "6025_1_0.xml",
        "6025_2_0.xml",
        "20205_0_0.xml",
        "20205_1_0.xml",
        "20205_2_0.xml",
        "20205_20_0.xml",
    ]
    names = [f"{A}_{name}" for name in (*names, "20209_2_0.zip", "20208_2_0.zip")] + [f"{B}_20205_3_0.xml"]
    found = find_bulk_files(_placed(tmp_path, *names), ECG_FIELD)
    assert set(found.first) == {(A, 2), (B, 3)}
    assert found.counts == {
        "ECG files": 2,
        "ECG files of instance 0 passed over": 1,
        "ECG files of instance 1 passed over": 1,
        "ECG files of instance 20 passed over": 1,
        "files of field 6025 passed over": 3,
        "files of field 20208 passed over": 1,
    }


def test_of_several_files_of_one_visit_the_lowest_array_then_path_counts(tmp_path):
    names = [
        f"z/{A}_20205_2_0.xml",
        f"a/{A}_20205_2_1.xml",
        f"b/{A}_20205_2_10.xml",
        f"y/{A}_20205_2_0.xml",
        f"{A}_20205_3_1.xml",
    ]
    found = find_bulk_files(_placed(tmp_path, *names), ECG_FIELD)
    assert found.first[A, 2].path == str(tmp_path / names[3])
    assert [file.path for file in found.more] == [str(tmp_path / names[k]) for k in (0, 1, 2)]
    assert found.first[A, 3].array == 1


def test_a_list_of_paths_takes_the_place_of_a_folder(tmp_path):
    folder = tmp_path / "elsewhere"
    lines = [f"Bulk/12/{A}_20205_2_0.xml", "", f"  {folder}/{B}_20205_2_0.xml  ", "readme.txt", f"{A}_6025_0_0.xml"]
    for mark in ("", "\ufeff"):
        place = written(tmp_path / "list.txt", mark + "\r\n".join(lines))
        found = find_bulk_files(place, ECG_FIELD)
        assert found.first[A, 2].path == str(tmp_path / lines[0])
        assert found.first[B, 2].path == str(folder / f"{B}_20205_2_0.xml")
        assert found.counts["files of field 6025 passed over"] == 1


def test_a_path_twice_in_a_list_is_one_file(tmp_path):
    place = written(tmp_path / "list.txt", f"{A}_20205_2_0.xml\n" * 2)
    found = find_bulk_files(place, ECG_FIELD)
    assert found.more == ()
    assert found.counts == {"ECG files": 1}


def test_links_are_passed_over_and_counted(tmp_path):
    outside = _placed(tmp_path / "outside", f"{B}_20205_2_0.xml")
    folder = _placed(tmp_path / "bulk", f"{A}_20205_2_0.xml", "12/note.txt")
    (folder / "round").symlink_to(folder)
    (folder / f"{B}_20205_2_0.xml").symlink_to(outside / f"{B}_20205_2_0.xml")
    found = find_bulk_files(folder, ECG_FIELD)
    assert list(found.first) == [(A, 2)]
    assert found.counts["links passed over"] == 2


def test_no_file_of_the_field_is_said_with_what_lies_there(tmp_path):
    _placed(tmp_path / "bulk", f"{A}_6025_0_0.xml", f"{A}_20205_1_0.xml", f"{A}_20209_2_0.zip")
    with pytest.raises(
        BadOption, match=r"no file of field 20205 \(1 ECG files of instance 1.*; 1 files of field 6025"
    ) as error:
        find_bulk_files(tmp_path / "bulk", ECG_FIELD)
    assert str(A) not in everything_said(error.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadOption, match=r"empty: found no file of field 20209; expected files such as 1000000_20209_2_0\.zip"):
        find_bulk_files(tmp_path / "empty", CINE_FIELD)


def test_a_place_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(BadOption, match="nowhere: found no such folder or list"):
        find_bulk_files(tmp_path / "nowhere", ECG_FIELD)


def test_a_file_that_is_no_list_is_one_line(tmp_path):
    with pytest.raises(BadOption, match="found a file that cannot be read; expected a list of paths"):
        find_bulk_files(written(tmp_path / "scan.zip", b"PK\x03\x04\xff\xfe\xfd"), ECG_FIELD)


def test_a_folder_that_may_not_be_read_stops_the_search(tmp_path, monkeypatch):
    _placed(tmp_path, f"{A}_20205_2_0.xml", f"12/{B}_20205_2_0.xml")
    scandir = os.scandir

    def shut(path):
        if str(path).endswith("12"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", shut)
    with pytest.raises(BadOption, match="a folder that cannot be read"):
        find_bulk_files(tmp_path, ECG_FIELD)


def test_the_objects_do_not_show_whose_files_they_are(tmp_path):
    found = find_bulk_files(_placed(tmp_path, f"{A}_20205_2_0.xml", f"{A}_20205_2_1.xml"), ECG_FIELD)
    assert str(A) not in repr(found)
    assert str(A) not in repr(found.first[A, 2])
