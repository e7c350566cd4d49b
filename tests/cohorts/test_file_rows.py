"""Rows from single files: what is kept, what a bad part costs, and what is never said."""

import pickle
import re
import traceback
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from fake_mri import MEASURES, FakeMri

from cardiolens.cohorts.file_rows import FileRows, Visit, VisitTable, inputs_digest
from cardiolens.cohorts.release.numbers import participant_number
from cardiolens.cohorts.release.subject import Layout, ReleaseConfig, write_subject
from cardiolens.errors import BadInput
from cardiolens.formats import cardiosoft_xml, read_recording
from cardiolens.privacy import hiding_by, keyed_hash
from cardiolens.signals.cleaning import CleaningConfig

KEY = b"k" * 32
NUMBER = str(participant_number(4, 0))
SUBJECT = keyed_hash(NUMBER, key=KEY)
TABLE = VisitTable(("age_years", "heart_rate_bpm"), np.array([[61.0, np.nan]]), ("sex", "site"), (("F", None),))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One ECG as XML and as WFDB."""
    place = tmp_path_factory.mktemp("ecg")
    config = ReleaseConfig(ecg_share=1.0, repeat_share=0.0, wfdb=True)
    write_subject(place, seed=4, index=0, with_mri=False, layout=Layout.FLAT, config=config)
    return place


@pytest.fixture(scope="module")
def xml(folder):
    return folder / f"{NUMBER}_20205_2_0.xml"


@pytest.fixture(scope="module")
def recorded(xml):
    return read_recording(xml)


def _rows(ecg: Path, *, table=TABLE, rows=None, **visit) -> FileRows:
    one = Visit(SUBJECT, 2, str(ecg), hidden=(NUMBER,), **visit)
    return FileRows((one,), table, CleaningConfig(), KEY, **({"only": cardiosoft_xml.NAME} | (rows or {})))


def _refused(maker: FileRows) -> str:
    with hiding_by(maker.hash_key), pytest.raises(BadInput) as error:
        maker.make(0)
    assert NUMBER not in str(error.value)
    assert NUMBER not in f"{error.value.source} {error.value.found} {error.value.expected} {error.value.remedy}"
    return str(error.value)


def test_a_row_is_the_cleaned_ecg_with_what_the_table_says(xml):
    row = _rows(xml).make(0)
    assert (row.subject, row.visit, row.cmr, row.lost) == (SUBJECT, 2, None, {})
    assert (row.ecg.shape, row.ecg.dtype, row.ecg_scale.shape) == ((12, 5000), np.float16, (3,))
    assert row.numbers["age_years"] == 61
    assert row.texts == {"sex": "F", "site": None}


def test_a_heart_rate_comes_from_the_ecg_only_where_the_table_has_none(xml, recorded):
    assert _rows(xml).make(0).numbers["heart_rate_bpm"] == pytest.approx(60_000 / recorded.intervals_ms["rr"])
    table = replace(TABLE, values=np.array([[61.0, 77.0]]))
    assert _rows(xml, table=table).make(0).numbers["heart_rate_bpm"] == 77


def test_a_missing_interval_leaves_the_heart_rate_unknown(xml, tmp_path):
    text = re.sub(r"<RRInterval.*?</RRInterval>", '<RRInterval units="ms"></RRInterval>', xml.read_text("latin-1"))
    (tmp_path / xml.name).write_text(text, "latin-1")
    assert np.isnan(_rows(tmp_path / xml.name).make(0).numbers["heart_rate_bpm"])


def test_an_mri_gives_a_picture_and_what_was_measured(xml, tmp_path):
    scan, masks = tmp_path / "scan.zip", tmp_path / "masks.nii.gz"
    scan.write_text("87")
    masks.write_text("155")
    rows = {"read_mri": FakeMri(), "own_phenotypes": MEASURES}
    row = _rows(xml, mri=str(scan), masks=str(masks), rows=rows).make(0)
    assert (row.cmr == 87).all()
    assert (row.numbers["lvm_g"], row.numbers["lvedv_ml"]) == (87, 155)
    assert np.isnan(_rows(xml, mri=str(scan), rows=rows).make(0).numbers["lvedv_ml"])


def test_only_what_is_measured_here_is_taken_from_the_mri(xml, tmp_path):
    (tmp_path / "scan.zip").write_text("87")
    table = VisitTable(("lvedv_ml",), np.array([[140.0]]))
    rows = {"read_mri": FakeMri(), "own_phenotypes": ("lvm_g",)}
    row = _rows(xml, table=table, mri=str(tmp_path / "scan.zip"), rows=rows).make(0)
    assert (row.numbers["lvedv_ml"], row.numbers["lvm_g"]) == (140, 87)


def test_without_an_mri_what_would_be_measured_is_unknown_whatever_the_table_says(xml):
    table = VisitTable(("lvm_g",), np.array([[99.0]]))
    row = _rows(xml, table=table, rows={"read_mri": FakeMri(), "own_phenotypes": MEASURES}).make(0)
    assert row.cmr is None
    assert all(np.isnan(row.numbers[column]) for column in MEASURES)


def test_a_bad_mri_costs_the_mri_and_one_reason_without_a_name(xml, tmp_path):
    scan = tmp_path / f"{NUMBER}_20209_2_0.zip"
    scan.write_text("broken")
    rows = {"read_mri": FakeMri(), "own_phenotypes": MEASURES}
    with hiding_by(KEY):
        row = _rows(xml, mri=str(scan), lost={"labels": "no date"}, rows=rows).make(0)
    assert row.cmr is None
    assert np.isnan(row.numbers["lvm_g"])
    assert row.numbers["age_years"] == 61
    assert set(row.lost) == {"labels", "mri"}
    assert NUMBER not in row.lost["mri"]
    assert row.lost["mri"].startswith(f"id-{SUBJECT[:8]}_20209_2_0.zip: found no zip in")


def test_an_mri_is_left_alone_where_nobody_reads_it(xml, tmp_path):
    row = _rows(xml, mri=str(tmp_path / "nowhere.zip")).make(0)
    assert (row.cmr, row.lost) == (None, {})


@pytest.mark.parametrize(("days", "said"), [(0, None), (1, None), (-1, None), (2, "2 days before"), (-400, "400 days after")])
def test_a_recorder_whose_clock_is_off_by_more_than_a_day_is_noted(xml, recorded, days, said):
    day = recorded.recorded_at.date() + timedelta(days=days)
    lost = _rows(xml, day=day).make(0).lost
    assert lost == ({} if said is None else {"clock": f"the recorder's date is {said} the visit's, which is used"})


@pytest.mark.parametrize(("days", "said"), [(0, None), (1, None), (3, "3 days after"), (-800, "800 days before")])
def test_a_scan_of_another_day_than_the_visit_is_noted_and_kept(xml, recorded, tmp_path, days, said):
    scan = tmp_path / "scan.zip"
    scan.write_text("80")
    day = recorded.recorded_at.date()
    rows = {"read_mri": FakeMri(taken_on=day + timedelta(days=days)), "own_phenotypes": MEASURES}
    row = _rows(xml, mri=str(scan), day=day, rows=rows).make(0)
    assert row.cmr is not None
    assert row.lost == ({} if said is None else {"mri clock": f"the scanner's date is {said} the visit's, which is used"})


def test_without_one_of_the_two_dates_no_clock_is_judged(xml, recorded, tmp_path):
    assert _rows(xml).make(0).lost == {}
    text = re.sub(r"<ObservationDateTime>.*?</ObservationDateTime>", "", xml.read_text("latin-1"), flags=re.S)
    (tmp_path / xml.name).write_text(text, "latin-1")
    assert _rows(tmp_path / xml.name, day=recorded.recorded_at.date() + timedelta(days=99)).make(0).lost == {}


def _cut(text):
    return text[: len(text) // 2]


def _without_strip(text):
    return re.sub(r"<StripData>.*</StripData>", "", text, flags=re.S)


def _exercise(text):
    return text.replace("<ObservationType>RestECG<", "<ObservationType>ExerciseECG<")


def _other_xml(text):
    return f"<RestingECG><PatientID>{NUMBER}</PatientID></RestingECG>"


def _one_lead_short(text):
    return re.sub(r'(<StripData>.*?<WaveformData lead="I">)\s*-?\d+,', r"\1", text, flags=re.S)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_cut, "expected"),
        (_without_strip, "found no StripData"),
        (_exercise, "6025 is the exercise test"),
        (_other_xml, "expected"),
        (_one_lead_short, "samples in lead I"),
        (lambda _: "", "an empty file"),
        (lambda _: f"participant {NUMBER}", "a file of another kind"),
    ],
    ids=["cut", "no strip", "exercise", "other xml", "short lead", "empty", "text"],
)
def test_an_ecg_that_cannot_be_used_is_refused_by_hash(xml, tmp_path, spoil, said):
    path = tmp_path / xml.name
    path.write_text(spoil(xml.read_text("latin-1")), "latin-1")
    told = _refused(_rows(path))
    assert said in told
    assert told.startswith(f"id-{SUBJECT[:8]}_20205_2_0.xml: found ")


def test_names_that_are_no_numbers_are_hidden_too(xml, tmp_path):
    path = tmp_path / "smith_jane.xml"
    path.write_text(_without_strip(xml.read_text("latin-1")), "latin-1")
    (tmp_path / "smith_jane.zip").write_text("broken")
    visit = Visit(SUBJECT, 0, str(path), hidden=("smith_jane",))
    with pytest.raises(BadInput, match=rf"^id-{SUBJECT[:8]}\.xml: found no StripData"):
        FileRows((visit,), TABLE, CleaningConfig(), KEY).make(0)
    visit = replace(visit, ecg=str(xml), mri=str(tmp_path / "smith_jane.zip"))
    lost = FileRows((visit,), TABLE, CleaningConfig(), KEY, FakeMri()).make(0).lost["mri"]
    assert lost.startswith(f"id-{SUBJECT[:8]}.zip: found no zip in ")
    assert "smith_jane" not in lost


def test_an_ecg_that_is_not_there_is_refused_by_hash(tmp_path):
    assert f"id-{SUBJECT[:8]}_20205_2_0.xml: found a file that cannot be read" in _refused(
        _rows(tmp_path / f"{NUMBER}_20205_2_0.xml")
    )


def test_a_good_ecg_of_another_format_is_refused_where_one_is_expected(folder):
    path = folder / "wfdb" / f"{NUMBER}_2.hea"
    assert f"expected {cardiosoft_xml.NAME}" in _refused(_rows(path))
    assert _rows(path, rows={"only": None}).make(0).ecg.shape == (12, 5000)


def test_a_part_makes_the_same_rows_by_the_same_numbers(xml):
    visits = tuple(Visit(f"{k:012d}", k, str(xml)) for k in range(6))
    table = VisitTable(("age_years",), np.arange(6.0)[:, None], ("sex",), tuple(("FM"[k % 2],) for k in range(6)))
    whole = FileRows(visits, table, CleaningConfig(), KEY)
    part = pickle.loads(pickle.dumps(whole.part(range(2, 5)))).part(range(3, 5))
    assert len(part.visits) == len(part.table.values) == len(part.table.texts) == 2
    for index in (3, 4):
        row = part.make(index)
        assert (row.subject, row.visit) == (part.subject(index), part.visit(index)) == (visits[index].subject, index)
        assert (row.numbers["age_years"], row.texts["sex"]) == (index, "FM"[index % 2])
        assert (row.ecg == whole.make(index).ecg).all()


def test_rows_with_an_mri_are_stored_by_few(xml):
    assert _rows(xml, rows={"read_mri": FakeMri()}).chunk_rows < _rows(xml).chunk_rows


def test_objects_do_not_show_whose_files_they_are(xml):
    maker = _rows(xml, mri=str(xml), masks=str(xml))
    assert NUMBER not in repr(maker)
    assert NUMBER not in repr(maker.visits[0])
    assert KEY.hex() not in repr(maker)
    assert repr(KEY) not in repr(maker)


def test_a_table_without_words_has_none():
    assert VisitTable(("a",), np.zeros((2, 1))).words(1) == {}
    assert VisitTable(("a",), np.zeros((2, 1))).part(slice(1, 2)).numbers(0) == {"a": 0}


def _digest(visit, table=TABLE, key=KEY):
    return inputs_digest([visit], table, key)


def test_the_digest_of_inputs_changes_with_whatever_goes_into_a_cohort(xml, tmp_path):
    ecg = tmp_path / "a.xml"
    ecg.write_text("12345")
    visit = Visit(SUBJECT, 2, str(ecg))
    before = _digest(visit)
    assert before == _digest(visit)
    others = [
        _digest(replace(visit, number=3)),
        _digest(replace(visit, subject="0" * 12)),
        _digest(replace(visit, mri=str(ecg))),
        _digest(replace(visit, masks=str(ecg))),
        _digest(replace(visit, lost={"labels": "no date"})),
        _digest(replace(visit, day=date(2015, 1, 1))),
        _digest(visit, replace(TABLE, values=np.array([[62.0, np.nan]]))),
        _digest(visit, replace(TABLE, values=np.array([[61.0, 0.0]]))),
        _digest(visit, replace(TABLE, columns=("age_years", "bmi"))),
        _digest(visit, replace(TABLE, texts=(("M", None),))),
        _digest(visit, key=b"another"),
        inputs_digest([visit, visit], TABLE, KEY),
    ]
    ecg.write_text("123456")
    others.append(_digest(visit))
    ecg.unlink()
    others.append(_digest(visit))
    assert len({before, *others}) == len(others) + 1


def test_the_digest_does_not_depend_on_where_files_lie_or_how_nan_is_written(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ecg.xml").write_text("12345")
    odd_nan = np.array([[0x40_4E_80_00_00_00_00_00, 0xFF_F8_00_00_00_00_00_01]], np.uint64).view(np.float64)
    assert odd_nan[0, 0] == 61
    found = {
        _digest(Visit(SUBJECT, 2, str(tmp_path / name / "ecg.xml")), replace(TABLE, values=values))
        for name, values in (("a", TABLE.values), ("b", odd_nan))
    }
    assert len(found) == 1


def test_nothing_that_an_error_is_made_of_names_the_person(tmp_path):
    path = tmp_path / f"{NUMBER}_20205_2_0.xml"
    path.write_text("<CardiologyXML></CardiologyXML>")
    with hiding_by(KEY), pytest.raises(BadInput) as error:
        _rows(path).make(0)
    again = pickle.loads(pickle.dumps(error.value))
    assert str(again) == str(error.value)
    assert NUMBER not in "".join(traceback.format_exception_only(error.value))
