"""A manifest as users write them: what is understood, what is left out and named, and what is refused in one line."""

import numpy as np
import pandas as pd
import pytest

from cardiolens.cohorts.archive.manifest import Manifest, read_manifest
from cardiolens.errors import BadOption

PEOPLE = [f"P{number:05d}" for number in range(8)]


def _csv(path, text, *, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def _table(tmp_path, **columns) -> Manifest:
    """The manifest of eight people with these columns."""
    table = pd.DataFrame({"subject": PEOPLE, "ecg": [f"{name}.xml" for name in PEOPLE], **columns})
    table.to_csv(tmp_path / "m.csv", index=False)
    return read_manifest(tmp_path / "m.csv")


def _refusal(tmp_path, text) -> str:
    with pytest.raises(BadOption) as error:
        read_manifest(_csv(tmp_path / "m.csv", text))
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("m.csv: found")
    return str(error.value)


def test_two_columns_are_enough(tmp_path):
    told = read_manifest(_csv(tmp_path / "m.csv", "subject,ecg\nP00123,a.xml\nP00124,b/c.hea\n"))
    assert list(told.rows["subject"]) == ["P00123", "P00124"]
    assert list(told.rows["visit"]) == [0, 0]
    assert told.numbers.shape == told.texts.shape == (2, 0)
    assert told.left_out == {}
    assert told.folder == tmp_path.resolve()


def test_visits_are_counted_in_the_order_of_the_rows_or_taken_as_given(tmp_path):
    text = "subject,ecg{}\nA,1.xml{}\nB,2.xml{}\nA,3.xml{}\n"
    assert list(read_manifest(_csv(tmp_path / "m.csv", text.format("", "", "", ""))).rows["visit"]) == [0, 0, 1]
    given = text.format(",visit", ",2.0", ",0", ",3")
    assert list(read_manifest(_csv(tmp_path / "m.csv", given)).rows["visit"]) == [2, 0, 3]


def test_a_table_of_excel_on_windows_is_read(tmp_path):
    text = "Subject,ECG,Sex,CAD\r\nP00123, a.xml ,female,1\r\nP00124,b.xml,M,0\r\n"
    told = read_manifest(_csv(tmp_path / "m.csv", text, encoding="utf-8-sig"))
    assert list(told.rows["ecg"]) == ["a.xml", "b.xml"]
    assert list(told.texts["sex"]) == ["F", "M"]
    assert list(told.numbers["cad"]) == [1, 0]


def test_parquet_gives_what_csv_gives(tmp_path):
    columns = {"day": pd.to_datetime(["2019-05-31", None]), "cad": [True, False], "age_years": [61, 55], "mri": [None, "b.zip"]}
    table = pd.DataFrame({"subject": [123, 7], "ecg": ["a.xml", "b.xml"], **columns})
    table.to_parquet(tmp_path / "m.parquet")
    table.to_csv(tmp_path / "m.csv", index=False)
    one, two = (read_manifest(tmp_path / name) for name in ("m.parquet", "m.csv"))
    assert list(one.rows["subject"]) == ["123", "7"]
    pd.testing.assert_frame_equal(one.rows, two.rows)
    pd.testing.assert_frame_equal(one.numbers, two.numbers)
    assert one.rows["day"].iloc[0] == pd.Timestamp("2019-05-31")
    assert one.rows["mri"].isna().tolist() == [True, False]


def test_a_table_that_was_filtered_by_pandas_keeps_its_rows_together(tmp_path):
    table = pd.DataFrame({"subject": PEOPLE, "ecg": [f"{name}.xml" for name in PEOPLE], "age_years": range(40, 48)})
    table[table["age_years"] % 2 == 1].to_parquet(tmp_path / "m.parquet")
    told = read_manifest(tmp_path / "m.parquet")
    assert list(told.rows.index) == list(told.numbers.index) == list(told.texts.index) == [0, 1, 2, 3]
    assert list(told.numbers["age_years"]) == [41, 43, 45, 47]


def test_numbers_with_gaps_and_whole_numbers_with_a_point_are_the_same_people(tmp_path):
    table = pd.DataFrame({"subject": [12345.0, 678.0], "ecg": ["a.xml", "b.xml"]})
    table.to_parquet(tmp_path / "m.parquet")
    assert list(read_manifest(tmp_path / "m.parquet").rows["subject"]) == ["12345", "678"]


def test_zeros_before_a_number_belong_to_it(tmp_path):
    told = read_manifest(_csv(tmp_path / "m.csv", "subject,ecg\n00123,a.xml\n00007,b.xml\n"))
    assert list(told.rows["subject"]) == ["00123", "00007"]


@pytest.mark.parametrize(
    "words", [["True", "False"], ["yes", "no"], ["Yes", "NO"], ["1", "0"], ["1.0", "0.0"], [" true ", "FALSE"]], ids="-".join
)
def test_a_label_may_be_written_in_several_ways(tmp_path, words):
    column = [words[0], words[1], "", words[1], words[0], words[0], "NA", words[1]]
    told = _table(tmp_path, cad=column)
    np.testing.assert_array_equal(told.numbers["cad"], [1, 0, np.nan, 0, 1, 1, np.nan, 0])


def test_sex_is_understood_and_what_is_none_is_unknown(tmp_path):
    told = _table(tmp_path, sex=["F", "m", "Female", " MALE ", "", "unknown", "f", "U"])
    assert list(told.texts["sex"]) == ["F", "M", "F", "M", None, None, "F", None]


@pytest.mark.parametrize("codes", [[0, 1], [1, 2], ["m", "w"], ["weiblich", "männlich"]], ids=str)
def test_a_sex_that_would_be_lost_or_guessed_is_refused(tmp_path, codes):
    with pytest.raises(BadOption, match=r"entries in sex that are neither F nor M, the first in row"):
        _table(tmp_path, sex=codes * 4)


def test_a_few_words_are_kept_under_their_own_name(tmp_path):
    told = _table(tmp_path, site=["north", "south", "", "north", "south", "north", "north", "south"])
    assert list(told.texts["site"])[:3] == ["north", "south", None]
    assert told.left_out == {}


def test_what_could_tell_who_somebody_is_is_left_out_and_named(tmp_path):
    told = _table(
        tmp_path,
        patient_name=["Smith"] * 8,
        date_of_birth=["1950-01-01"] * 8,
        mrn=range(8),
        hospital_number=range(8),
        Nachname=["Müller"] * 8,
        doctor=["Ann A", "Ben B", "Cem C", "Dan D", "Eve E", "Fay F", "Gus G", "Hal H"],
        chart=[f"{name[1:]}" for name in PEOPLE],
        folder=PEOPLE,
        record=range(1_000_000, 1_000_008),
        remark=["a word that is said of several people but is a long one"] * 8,
        nothing=[""] * 8,
        **{"LVEDV (mL)": range(8)},
    )
    assert set(told.left_out) == {
        "patient_name", "date_of_birth", "mrn", "hospital_number", "nachname", "doctor", "folder", "record", "remark",
        "nothing", "lvedv (ml)",
    }  # fmt: skip
    assert list(told.texts) == []
    assert list(told.numbers) == ["chart"]
    said = " ".join(told.left_out.values())
    assert not any(word in said for word in ("Smith", "Ann", "P00001", "1950"))


def test_a_word_that_nobody_shares_is_left_out_however_few_people_there_are(tmp_path):
    told = read_manifest(_csv(tmp_path / "m.csv", "subject,ecg,referred_by\nA,1.xml,Dr Jones\nB,2.xml,Dr Smith\n"))
    assert list(told.left_out) == ["referred_by"]
    assert "Jones" not in told.left_out["referred_by"]


def test_values_of_several_visits_do_not_make_a_name_common(tmp_path):
    rows = "".join(f"{who},{who}{visit}.xml,{who.lower()}smith\n" for who in "ABCD" for visit in range(5))
    assert "called" in read_manifest(_csv(tmp_path / "m.csv", f"subject,ecg,called\n{rows}")).left_out


def test_numbers_that_are_none_do_not_become_values(tmp_path):
    told = _table(tmp_path, bnp=["inf"] + ["3"] * 7, lvedv_ml=["about 150"] * 8, age_years=["61,5"] * 8)
    assert list(told.numbers) == []
    assert told.left_out["bnp"] == "some of its numbers are infinite"
    assert told.left_out["lvedv_ml"] == told.left_out["age_years"] == "it should hold numbers and holds text"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "a file that cannot be read"),
        ("subject,ecg\n", "no rows"),
        ("patient,ecg\nA,1.xml\n", "no column subject"),
        ("subject,file\nA,1.xml\n", "no column ecg"),
        ("subject,ecg\n,1.xml\n", "1 empty cells in subject, the first in row 1"),
        ("subject,ecg\nA,1.xml\nB, \n", "1 empty cells in ecg, the first in row 2"),
        ('subject,ecg\n" ",1.xml\n', "1 empty cells in subject"),
        ("subject,ecg,ECG\nA,1.xml,2.xml\n", "two columns ecg"),
        ("subject,ecg,split\nA,1.xml,train\n", "a column split"),
        ("subject,ecg,everybody\nA,1.xml,1\n", "a column everybody"),
        ("subject,ecg,visit\nA,1.xml,0\nA,2.xml,0\n", "1 visits of one subject and number, the first in row 2"),
        ("subject,ecg,visit\nA,1.xml,0\nA,2.xml,0.5\n", "1 entries in visit that are no whole number"),
        ("subject,ecg,visit\nA,1.xml,inf\n", "1 entries in visit that are no whole number"),
        ("subject,ecg,visit\nA,1.xml,-1\n", "1 entries in visit that are no whole number"),
        ("subject,ecg,visit\nA,1.xml,first\n", "1 entries in visit that are no whole number"),
        ("subject,ecg,day\nA,1.xml,31.05.2019\n", "1 entries in day that are no day"),
        ("subject,ecg,died\nA,1.xml,2019-02-30\n", "1 entries in died that are no day"),
        ("subject,ecg\nA,1.xml\nB,1.xml\n", "1 ECG files named twice, the first in row 2"),
        ("subject,ecg\nA,x/1.xml\nB,./x/../x/1.xml\n", "1 ECG files named twice"),
        ("subject,ecg\nA,1.hea\nB,1.dat\n", "1 ECG files named twice"),
        ("subject,ecg,mri\nA,1.xml,m.zip\nB,2.xml,./m.zip\n", "2 rows with an MRI of another subject"),
        ("subject,ecg\n00123,1.xml\nB,2.xml\n123,3.xml\n", "2 rows of numbers that are written with and without zeros"),
        ("subject,ecg\n1.23457E+12,1.xml\n", "1 subjects that a spreadsheet rounded"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_not_what_it_should_be_is_refused_in_one_line(tmp_path, text, found):
    assert found in _refusal(tmp_path, text)


def test_an_ecg_is_the_same_by_its_relative_and_its_absolute_path(tmp_path):
    assert "named twice" in _refusal(tmp_path, f"subject,ecg\nA,1.xml\nB,{tmp_path.resolve() / '1.xml'}\n")


def test_two_visits_of_one_subject_may_share_an_mri(tmp_path):
    told = read_manifest(_csv(tmp_path / "m.csv", "subject,ecg,mri\nA,1.xml,m.zip\nA,2.xml,m.zip\n"))
    assert list(told.rows["mri"]) == ["m.zip", "m.zip"]


def test_a_day_may_come_with_a_time(tmp_path):
    told = read_manifest(_csv(tmp_path / "m.csv", "subject,ecg,day\nA,1.xml,2019-05-31T08:15\nB,2.xml,\n"))
    assert told.rows["day"].tolist()[0] == pd.Timestamp("2019-05-31")
    assert told.rows["day"].isna().tolist() == [False, True]


def test_a_refusal_names_nobody(tmp_path):
    texts = (
        "subject,ecg\nP00123,smith_john.xml\nP00124,smith_john.xml\n",
        "subject,ecg,day\nP00123,smith_john.xml,smith\n",
        "subject,ecg,visit\nP00123,smith_john.xml,smith\n",
        "subject,ecg,sex\nP00123,smith_john.xml,smith\n",
        "P00123,smith_john.xml\nP00124,b.xml\n",
    )
    for text in texts:
        said = _refusal(tmp_path, text)
        assert "P0012" not in said
        assert "smith" not in said
