"""A number is found wherever a file has room for it, with and without the user's list, and is never shown."""

import json
from dataclasses import asdict

import numpy as np
import pyarrow
import pytest
from planted_files import NUMBER, OTHER, PLACES, dicom, edf_header
from pyarrow.parquet import write_table

from cardiolens.cohorts.audit.finding import Kind
from cardiolens.cohorts.audit.folder import audit


@pytest.mark.parametrize("what", PLACES)
def test_a_number_is_a_possible_finding_in_its_place(tmp_path, what):
    place, write = PLACES[what]
    write(tmp_path)
    report = audit([tmp_path])
    assert (place, Kind.PARTICIPANT, False) in {(found.place, found.kind, found.certain) for found in report.findings}
    assert {found.kind for found in report.findings} == {Kind.PARTICIPANT}
    assert not report.notes


@pytest.mark.parametrize("what", PLACES)
def test_a_number_of_the_users_list_is_a_certain_finding(tmp_path, what):
    _, write = PLACES[what]
    write(tmp_path)
    report = audit([tmp_path], participants=[NUMBER, OTHER])
    assert report.num_certain >= 1
    assert report.num_possible == 0


@pytest.mark.parametrize("what", PLACES)
def test_a_list_of_others_makes_nothing_certain(tmp_path, what):
    _, write = PLACES[what]
    write(tmp_path)
    report = audit([tmp_path], participants=[str(int(NUMBER) + 1)])
    assert report.num_certain == 0 < report.num_possible


@pytest.mark.parametrize("known", [(), (NUMBER,)])
@pytest.mark.parametrize("what", PLACES)
def test_no_number_is_in_the_report(tmp_path, what, known):
    _, write = PLACES[what]
    write(tmp_path)
    shown = json.dumps(asdict(audit([tmp_path], participants=known)))
    assert NUMBER not in shown
    assert OTHER not in shown
    assert f"{NUMBER[:2]}*****" in shown


def test_a_number_in_bytes_of_another_kind_is_found_by_the_users_list_only(tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"\0\1\2\x80" + NUMBER.encode() + b"\0\xff" * 8)
    assert not audit([tmp_path]).findings
    [note] = audit([tmp_path]).notes
    assert "1 .pkl" in note
    [found] = audit([tmp_path], participants=[NUMBER]).findings
    assert (found.place, found.certain) == ("byte 4", True)


def test_a_number_in_a_private_dicom_element_is_found_by_the_users_list(tmp_path):
    from pydicom import dcmread

    dicom(tmp_path / "a.dcm", Modality="MR")
    dataset = dcmread(tmp_path / "a.dcm")
    dataset.private_block(0x29, "SCANNER", create=True).add_new(0x10, "OB", b"\0\1 subject " + NUMBER.encode() + b"\0 ")
    dataset.save_as(tmp_path / "a.dcm")
    [found] = audit([tmp_path], participants=[NUMBER]).findings
    assert (found.place, found.certain) == ("tag (0029,1010)", True)


def test_the_person_of_an_edf_file_is_found(tmp_path):
    (tmp_path / "a.edf").write_bytes(edf_header("MCH-0234561 F 04-FEB-1951 Jane_Smith"))
    (tmp_path / "b.edf").write_bytes(edf_header("X F X X"))
    found = {(found.file.rpartition("/")[2], found.kind) for found in audit([tmp_path]).findings}
    assert found == {("a.edf", Kind.PARTICIPANT), ("a.edf", Kind.BIRTH_DATE), ("a.edf", Kind.NAME)}


def test_a_known_number_among_samples_in_json_is_found(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"x": [int(NUMBER), *range(20)]}))
    assert not audit([tmp_path]).findings
    assert audit([tmp_path], participants=[NUMBER]).num_certain == 1


def test_every_column_of_a_wide_table_is_searched(tmp_path):
    columns = {f"c{place}": [0.5] for place in range(150)} | {"eid": [int(NUMBER)]}
    write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    assert [found.place for found in audit([tmp_path]).findings] == ["column eid"]


def test_identifiers_with_letters_are_found_whatever_their_case(tmp_path):
    (tmp_path / "a.log").write_text("read p00123.xml\nread P001234.xml\nread XP00123.xml\nread ab-77-x\n")
    (tmp_path / "P00123_ecg.txt").touch()
    report = audit([tmp_path], participants=["P00123", "AB-77-x"])
    assert [(found.place, found.certain) for found in report.findings] == [
        ("file name", True),
        ("line 1", True),
        ("line 4", True),
    ]
    assert "P00123" not in "".join(found.file for found in report.findings)


def test_a_known_number_that_a_field_counts_is_only_possible(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"num_bytes": int(NUMBER)}))
    [found] = audit([tmp_path], participants=[NUMBER]).findings
    assert not found.certain


def test_a_few_known_numbers_among_many_samples_are_chance(tmp_path):
    samples = np.arange(int(NUMBER) - 500, int(NUMBER) + 500, dtype=np.int32)
    np.save(tmp_path / "a.npy", samples)
    [found] = audit([tmp_path], participants=[NUMBER, int(samples[0]), int(samples[-1])]).findings
    assert (found.certain, found.count) == (False, 3)


def test_numbers_too_short_to_be_told_from_others_are_not_searched_for(tmp_path):
    (tmp_path / "a.txt").write_text("12 leads, 5000 samples")
    report = audit([tmp_path], participants=["12", "5000"])
    assert not report.findings
    assert report.notes[0].startswith("2 of the known numbers are too short")
