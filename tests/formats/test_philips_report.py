from datetime import datetime
from xml.etree.ElementTree import fromstring

import numpy as np
import pytest
from philips_files import document

from cardiolens.formats.philips import report


def _root(change=str, version="1.04.01"):
    root = fromstring(change(document(np.zeros((12, 5), int), version=version, coding="Plain")))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _said(root):
    return report.statements(root, report.persons(root))


def _remarks(change, version="1.04.01"):
    root = _root(change, version)
    return report.remarks(root, report.persons(root))


def _changed(old: str, new: str):
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


@pytest.mark.parametrize(
    ("version", "intervals"),
    [
        ("1.03", {"pq": 151.0, "qrs": 96.0, "qtc": 402.0}),
        ("1.04.01", {"p": 104.0, "pq": 164.0, "qrs": 102.0, "qt": 399.0, "qtc": 412.0, "rr": 938.0}),
    ],
)
def test_the_interpretations_intervals_come_before_the_devices_and_what_failed_or_is_zero_is_absent(version, intervals):
    assert report.intervals_ms(_root(version=version)) == intervals


@pytest.mark.parametrize("version", ["1.03", "1.04.01"])
def test_statements_carry_their_reasons_and_end_with_the_severity(version):
    said = ("Sinus rhythm: V-rate 50-99", "Borderline", "OTHERWISE NORMAL ECG")
    assert _said(_root(version=version)) == (said, ())


def test_the_latest_interpretation_counts():
    later = '<interpretation date="2015-02-03" time="10:00:00"><statement><leftstatement>AF</leftstatement></statement>'
    root = _root(_changed("</interpretations>", f"{later}</interpretation></interpretations>"))
    assert _said(root)[0] == ("AF",)
    assert report.intervals_ms(root) == {"pq": 7.0, "qrs": 102.0}


def test_a_statement_that_names_a_person_of_the_file_is_left_out():
    root = _root(_changed("Borderline", "Seen by Mr Brown"))
    assert _said(root)[1] == ("left out 1 of 3 statements, for they name a person",)


@pytest.mark.parametrize(
    "line", ["as Green said", "as 7654321", "born 1951-02-04", "04.02.51", "no US1234567", "by Hill", "RN7"]
)
def test_persons_are_those_who_are_numbered_born_operating_or_signing(line):
    root = _root(
        lambda text: (
            text.replace("<patientid>", "<MRN>US1234567</MRN><patientid>")
            .replace("<operatorid>", '<operator id="RN7"/><operatorid>')
            .replace("Confirmed by EDITH GREEN", "Electronically confirmed by Mary Hill")
        )
    )
    assert report.persons(root).are_in(line)
    assert not report.persons(_root()).are_in("by Hill")


def test_a_file_without_interpretation_says_nothing():
    root = _root()
    root.remove(root.find("interpretations"))
    assert _said(root) == ((), ())
    assert report.intervals_ms(root) == {"pq": 7.0, "qrs": 102.0}


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ("<years>61</years>", 61.0),
        ("<months>18</months>", 1.5),
        ("<dateofbirth>1951-02-04</dateofbirth>", 63.0),
        ("<dateofbirth>1951-02-03</dateofbirth>", 64.0),
        ("<dateofbirth></dateofbirth>", None),
        ("<dateofbirth>yesterday</dateofbirth>", None),
        ("<years>199</years>", None),
        ("", None),
    ],
)
def test_age_is_written_or_follows_from_the_birth_date_and_the_assumed_age_is_no_age(age, expected):
    assert report.age(_root(_changed("<dateofbirth>1951-02-04</dateofbirth>", age))) == expected


def test_a_birth_date_alone_gives_no_age():
    assert report.age(_root(_changed('time="09:05:01" statflag', "statflag"))) is None


def test_moment_sex_and_device_are_read_without_the_machines_own_number():
    root = _root()
    assert report.recorded_at(root) == datetime(2015, 2, 3, 9, 5, 1)
    assert report.sex(root) == "F"
    assert report.device(root, report.persons(root)) == "PageWriter TC Philips Medical Products:860315:A.07"


def test_a_file_that_says_nothing_leaves_all_unknown():
    root = fromstring("<restingecgdata/>")
    assert [question(root) for question in (report.recorded_at, report.age, report.sex)] == [None] * 3
    assert report.device(root, report.persons(root)) is None
    assert report.remarks(root, report.persons(root)) == ()


@pytest.mark.parametrize(
    ("old", "new", "remark"),
    [
        ("<pacestatus>Unknown", "<pacestatus>Paced with magnet", "the device reports a pacemaker"),
        ("ECG OK", "Poor ECG, retry if possible", "the device says of the signal: Poor ECG, retry if possible"),
    ],
)
def test_what_the_device_remarks_is_a_note(old, new, remark):
    assert _remarks(_changed(old, new)) == (remark,)


@pytest.mark.parametrize("status", ["Non paced", "Unknown", ""])
def test_no_pacemaker_is_no_note(status):
    assert _remarks(_changed("<pacestatus>Unknown", f"<pacestatus>{status}")) == ()


def test_a_loose_electrode_is_a_note_and_an_empty_place_for_one_is_none():
    filled = _changed("<inops></inops>", '<inops><inop starttime="10" duration="200"/></inops>')
    empty = _changed("<inops></inops>", '<inops><inop starttime="" duration=""/></inops>')
    assert _remarks(filled, "1.03") == ("lead V2 was off for a time, says the device",)
    assert _remarks(empty, "1.03") == ()
