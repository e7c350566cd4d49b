"""Tables as they come: every naming, delimiter and type, rows in any order, and much that is none of our business."""

import datetime
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from main_tables import PEOPLE, csv_of, everything_said, read, table_of, written

from cardiolens.cohorts.ukb import table_pieces
from cardiolens.cohorts.ukb.columns import FieldColumn
from cardiolens.cohorts.ukb.main_table import require, require_days
from cardiolens.errors import BadOption

A, B, C = PEOPLE
SEX, AGE, DAY, CODE = FieldColumn(31), FieldColumn(21003, 2), FieldColumn(53, 2), FieldColumn(41270)
WEIGHT, STRAIN = FieldColumn(21002, 2), FieldColumn(24141, 2)


def _words(table, column) -> list[str | None]:
    return [None if word is None or pd.isna(word) else word for word in table.texts(column)]


CLASSIC = f'"eid","31-0.0","21003-2.0","53-2.0"\n"{B}","1","61","2015-05-02"\n"{A}","0","",""\n'


@pytest.mark.parametrize(
    "content",
    [
        CLASSIC,
        CLASSIC.replace('"', ""),
        CLASSIC.replace("\n", "\r\n"),
        "\ufeff" + CLASSIC,
        "\ufeff" + CLASSIC.replace('"', ""),
        CLASSIC.replace(",", ";"),
        CLASSIC.replace("\n", "\n\n"),
        CLASSIC.removesuffix("\n"),
        f"f.eid\tf.31.0.0\tf.21003.2.0\tf.53.2.0\n{B}\t1\t61\t2015-05-02\n{A}\t0\tNA\tNA\n",
        f"eid,p31,p21003_i2,p53_i2\n{B},1,61,2015-05-02\n{A},0,,\n",
        f"participant.eid,participant.p31,participant.p21003_i2,participant.p53_i2\n{B}.0,1.0,61.0,2015-05-02\n{A}.0,0.0,,\n",
        f" eid , 31-0.0 ,21003-2.0,53-2.0\n {B} , 1 ,61, 2015-05-02\n{A},0, ,\n",
        f"53-2.0,31-0.0,21003-2.0,eid\n2015-05-02 00:00:00,1,61,{B}\n,0,,{A}\n",
        f'"eid","31-0.0","21003-2.0","53-2.0"\n"-1","1","99","2015-01-01"\n"","1","99",""\n"{B}","1","61","2015-05-02"\n"{A}","0","",""\n',
    ],
    ids=["quoted", "bare", "crlf", "bom quoted", "bom bare", "semicolon", "blank lines", "no last newline", "r tab NA",
         "platform", "entity and floats", "blanks", "other order and times", "rows of nobody"],
)  # fmt: skip
def test_however_a_csv_is_written_it_says_the_same(tmp_path, content):
    table = read(written(tmp_path / "main.csv", content), people=(B, A))
    assert table.people.tolist() == [A, B]
    assert table.known.all()
    np.testing.assert_array_equal(table.numbers(SEX), [0, 1])
    np.testing.assert_array_equal(table.numbers(AGE), [math.nan, 61])
    days = table.days(DAY)
    assert pd.isna(days[0])
    assert days[1] == pd.Timestamp("2015-05-02")


def test_parquet_of_any_types_says_the_same_as_text(tmp_path):
    frame = {
        "participant.eid": pa.array([float(B), float(A), None]),
        "participant.p31": pa.array([1, 0, 1], pa.int8()),
        "participant.p21003_i2": pa.array([61.0, math.nan, 1.0]),
        "participant.p53_i2": pa.array([datetime.date(2015, 5, 2), None, None]),
        "participant.p191": pa.array([datetime.datetime(2016, 1, 1), None, None]),
        "participant.p41270": pa.array([["I251", None, "E119"], [], ["J00"]]),
        "participant.p40001_i0": pa.array(["I259", None, "J00"]).dictionary_encode(),
        "participant.p21002_i2": pa.array([81.5, None, None], pa.float32()),
        "participant.p20116_i2": pa.array([None, None, None]),
    }
    pq.write_table(pa.table(frame), tmp_path / "participant.parquet")
    table = read(tmp_path / "participant.parquet", people=(A, B))
    assert _words(table, SEX) == ["0", "1"]
    np.testing.assert_array_equal(table.numbers(AGE), [math.nan, 61])
    np.testing.assert_array_equal(table.numbers(WEIGHT), [math.nan, 81.5])
    assert _words(table, DAY) == [None, "2015-05-02"]
    assert table.days(FieldColumn(191))[1] == pd.Timestamp("2016-01-01")
    assert _words(table, CODE) == [None, "I251||E119"]
    assert _words(table, FieldColumn(40001)) == [None, "I259"]
    assert _words(table, FieldColumn(20116, 2)) == [None, None]


@pytest.mark.parametrize("kind", [pa.int64(), pa.int32(), pa.float64(), pa.string(), pa.large_string(), pa.uint32()])
def test_participants_are_known_whatever_type_they_have(tmp_path, kind):
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    numbers = pa.array([str(C), f"{A}.0"] if texts else [C, A], pa.string() if texts else pa.int64()).cast(kind)
    pq.write_table(pa.table({"eid": numbers, "p31": [1, 0]}), tmp_path / "main.parquet")
    assert read(tmp_path / "main.parquet", people=(A, C)).numbers(SEX).tolist() == [0, 1]


@pytest.mark.parametrize("nothing", ["", " ", "NA", "nan", "NaN", "None", "NaT", "<NA>", "null", "#N/A"])
def test_what_stands_for_an_empty_cell_is_nobodys_diagnosis(tmp_path, nothing):
    pq.write_table(pa.table({"eid": [A, B], "p131306": [nothing, "2015-01-01"]}), tmp_path / "main.parquet")
    csv_of(tmp_path / "main.csv", {"131306-0.0": [nothing, "2015-01-01"]}, people=(A, B))
    for name in ("main.parquet", "main.csv"):
        assert _words(read(tmp_path / name, people=(A, B)), FieldColumn(131306)) == [None, "2015-01-01"]


def test_rows_come_in_any_order_and_many_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(table_pieces, "_BLOCK_BYTES", 256)
    monkeypatch.setattr(table_pieces, "_ROWS_AT_ONCE", 7)
    rng = np.random.default_rng(0)
    everyone = 1_000_000 + rng.choice(5_000_000, 300, replace=False)
    note = 'of "several"\nlines, and ;'.replace('"', '""')
    cells = {"note": [note] * 300, "53-2.0": [f"20{k % 90 + 10}-01-01" for k in range(300)], "21002-2.0": everyone % 977}
    path = csv_of(tmp_path / "main.csv", cells, people=everyone.tolist())
    frame = pd.DataFrame({"eid": everyone, "p21002_i2": everyone % 977, "p53_i2": cells["53-2.0"]})
    frame.to_parquet(tmp_path / "main.parquet", row_group_size=50)
    wanted = rng.permutation(everyone)[:120]
    for table in (read(path, people=wanted), read(tmp_path / "main.parquet", people=wanted)):
        assert table.people.tolist() == sorted(wanted)
        assert table.numbers(WEIGHT).tolist() == (np.sort(wanted) % 977).tolist()
        expected = dict(zip(everyone.tolist(), cells["53-2.0"], strict=True))
        assert _words(table, DAY) == [expected[one] for one in sorted(wanted.tolist())]


def test_free_text_of_other_columns_may_be_in_any_encoding(tmp_path):
    content = f'"eid","20001-0.0","31-0.0"\n"{A}","caf\xe9, \xa3 5","1"\n'.encode("latin-1")
    assert read(written(tmp_path / "main.csv", content), people=(A,)).numbers(SEX).tolist() == [1]


def test_only_wanted_columns_are_kept_and_others_are_not_even_read(tmp_path):
    frame = pa.table({"eid": [A, B], "p31": [1, 0], "p99999": ["x" * 5000, "y" * 5000], "p20001": [{"a": 1}, None]})
    path = tmp_path / "main.parquet"
    pq.write_table(frame, path, compression="none", use_dictionary=False)
    assert set(read(path, people=(A, B)).columns) == {SEX}
    _spoil(path, column=2)
    assert read(path, people=(A, B)).numbers(SEX).tolist() == [1, 0]


def test_damage_in_a_wanted_column_is_one_line(tmp_path):
    path = tmp_path / "main.parquet"
    pq.write_table(pa.table({"eid": [A, B], "p31": ["x" * 999, "y"]}), path, compression="none", use_dictionary=False)
    _spoil(path, column=1)
    with pytest.raises(BadOption, match=r"main\.parquet: found .*damaged"):
        read(path, people=(A, B))


def _spoil(path, column):
    place = pq.ParquetFile(path).metadata.row_group(0).column(column)
    content = bytearray(path.read_bytes())
    start = place.data_page_offset
    content[start : start + place.total_compressed_size] = b"\xff" * place.total_compressed_size
    path.write_bytes(bytes(content))


def test_do_not_know_and_prefer_not_to_answer_are_unknown_but_strains_may_be_so(tmp_path):
    cells = {"20116-2.0": ["-3", "1", "-1"], "24141-2.0": ["-3", "-21.5", "-1.0"]}
    table = table_of(tmp_path, cells)
    np.testing.assert_array_equal(table.numbers(FieldColumn(20116, 2)), [math.nan, 1, math.nan])
    np.testing.assert_array_equal(table.numbers(STRAIN, signed=True), [-3, -21.5, -1])


def test_single_cells_that_are_no_numbers_are_unknown(tmp_path):
    table = table_of(tmp_path, {"21002-2.0": ["81.5", "?", "inf"]}, people=PEOPLE)
    with pytest.raises(BadOption, match="cells that are no numbers"):
        table.numbers(WEIGHT)
    table = table_of(tmp_path, {"21002-2.0": ["81.5", "1e2", "inf"]})
    np.testing.assert_array_equal(table.numbers(WEIGHT), [81.5, 100, math.nan])


@pytest.mark.parametrize("cells", [["Female", "Male", ""], ["82,5", "71,5", "90"]])
def test_meanings_in_place_of_codes_and_decimal_commas_are_refused_not_lost(tmp_path, cells):
    table = table_of(tmp_path, {"31-0.0": cells})
    with pytest.raises(BadOption, match=r"31-0\.0 \(p31\): found cells that are no numbers.*raw values") as error:
        table.numbers(SEX)
    assert cells[0] not in str(error.value)


def test_text_that_is_no_day_is_unknown(tmp_path):
    table = table_of(tmp_path, {"53-2.0": ["2015-02-30", "Date uncertain", "2015-06-01T09:30:00"]})
    assert table.days(DAY).isna().tolist() == [True, True, False]
    assert table.days(DAY)[2] == pd.Timestamp("2015-06-01")


def test_days_in_another_writing_are_refused_not_lost(tmp_path):
    table = table_of(tmp_path, {"41280-0.0": ["31/05/2019", "", ""], "41280-0.1": ["01/06/2019"], "53-2.0": ["2019-05-31"]})
    require_days(table, [53, 191])
    with pytest.raises(BadOption, match=r"41280-0\.0 \(p41280\): found cells that are no days; expected days such as") as error:
        require_days(table, [53, 41280])
    assert "2019-06" not in str(error.value)
    assert "31/05" not in str(error.value)


def test_columns_of_several_tables_belong_to_one_person(tmp_path):
    first = csv_of(tmp_path / "a.csv", {"31-0.0": [0, 1, 1]})
    second = csv_of(tmp_path / "b.csv", {"21003-2.0": [63, 62, 61]}, people=PEOPLE[::-1])
    table = read(first, second)
    assert table.numbers(SEX).tolist() == [0, 1, 1]
    assert table.numbers(AGE).tolist() == [61, 62, 63]


def test_what_two_tables_say_of_one_person_is_taken_from_the_first(tmp_path):
    first = csv_of(tmp_path / "a.csv", {"21003-2.0": [61, ""]}, people=(A, B))
    second = csv_of(tmp_path / "b.csv", {"21003-2.0": [1, 2, 3]})
    np.testing.assert_array_equal(read(first, second).numbers(AGE), [61, math.nan, 3])
    np.testing.assert_array_equal(read(second, first).numbers(AGE), [1, 2, 3])


def test_a_table_cut_by_people_is_put_together_again(tmp_path):
    parts = [csv_of(tmp_path / f"{one}.csv", {"41270-0.0": [f"I4{k}"]}, people=(one,)) for k, one in enumerate(PEOPLE)]
    table = read(*parts)
    assert table.known.all()
    assert table.asked(41270).all()
    assert _words(table, CODE) == ["I40", "I41", "I42"]


def test_who_is_not_in_the_table_of_a_field_was_not_asked(tmp_path):
    csv_of(tmp_path / "a.csv", {"31-0.0": [0, 1, 1]})
    csv_of(tmp_path / "b.csv", {"41270-0.0": ["", "I48"]}, people=(A, B))
    table = read(tmp_path / "a.csv", tmp_path / "b.csv")
    assert table.known.tolist() == [True, True, True]
    assert table.asked(41270).tolist() == [True, True, False]
    assert table.asked(31).tolist() == [True, True, True]
    assert table.asked(53).tolist() == [False, False, False]


def test_a_person_who_is_absent_is_unknown_in_every_column(tmp_path):
    table = read(csv_of(tmp_path / "main.csv", {"31-0.0": [1, ""], "53-2.0": ["2015-01-01"]}, people=(A, C)))
    assert table.known.tolist() == [True, False, True]
    np.testing.assert_array_equal(table.numbers(SEX), [1, math.nan, math.nan])
    assert table.days(DAY).notna().tolist() == [True, False, False]


def test_a_column_that_no_table_has_is_unknown_for_all(tmp_path):
    table = table_of(tmp_path, {"31-0.0": [0, 1, 1]})
    assert AGE not in table
    assert np.isnan(table.numbers(AGE)).all()
    assert table.days(DAY).isna().all()
    assert table.texts(CODE).isna().all()
    assert len(table.texts(CODE)) == 3


def test_columns_of_a_field_come_in_order(tmp_path):
    table = table_of(tmp_path, {f"41270-0.{k}": [] for k in (10, 2, 0)} | {"31-0.0": []})
    assert [column.array for column in table.of_field(41270)] == [0, 2, 10]


def test_a_participant_twice_is_refused_without_saying_who(tmp_path):
    path = csv_of(tmp_path / "main.csv", {"31-0.0": [0, 1, 1, 0]}, people=(A, B, C, B))
    with pytest.raises(BadOption, match=r"main\.csv: found 1 participants more than once") as error:
        read(path)
    assert str(B) not in everything_said(error.value)
    assert read(path, people=(A, C)).known.all()


def test_table_and_files_of_two_applications_are_refused(tmp_path):
    others = [one + 1 for one in PEOPLE]
    path = csv_of(tmp_path / "main.csv", {"31-0.0": [0, 1, 1]}, people=others)
    with pytest.raises(BadOption, match=r"main\.csv: found 0 of 3 participants of the ECG files.*one application"):
        read(path)
    path = csv_of(tmp_path / "main.csv", {"31-0.0": [0, 1, 1]}, people=(A, B, C + 1))
    assert read(path).known.tolist() == [True, True, False]


def test_a_second_table_of_another_application_is_refused_by_its_name(tmp_path):
    everyone = range(1_000_000, 1_000_100)
    first = csv_of(tmp_path / "covariates.csv", {"31-0.0": []}, people=everyone)
    # Numbers of two applications meet by chance.
    strangers = [*range(1_000_000, 1_000_010), *range(2_000_000, 2_000_500)]
    second = csv_of(tmp_path / "diagnoses.csv", {"31-0.0": [], "41270-0.0": ["I48"] * 510}, people=strangers)
    with pytest.raises(BadOption, match=r"diagnoses\.csv: found 10 of 100 participants"):
        read(first, second, people=everyone)


def test_a_table_of_the_few_who_came_again_is_no_stranger(tmp_path):
    everyone = range(1_000_000, 1_000_100)
    first = csv_of(tmp_path / "main.csv", {"31-0.0": []}, people=everyone)
    again = csv_of(tmp_path / "repeat.csv", {"21003-3.0": [70, 71]}, people=everyone[:2])
    assert read(first, again, people=everyone).numbers(FieldColumn(21003, 3))[:2].tolist() == [70, 71]


def test_a_needed_column_that_is_absent_is_named_both_ways_or_waived(tmp_path):
    path = csv_of(tmp_path / "main.csv", {"31-0.0": [0, 1, 1]})
    table = read(path)
    require(table, path, [SEX], waived=())
    with pytest.raises(BadOption, match=r"main\.csv: found no column 53-2\.0 \(p53_i2\);.*export field 53.*--without 53"):
        require(table, path, [SEX, DAY], waived=())
    require(table, path, [SEX, DAY], waived={53})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"eid,31-0.0,x\n{A},1,a\n{B},1\n", "rows that do not fit the header"),
        (f"eid,31-0.0\n{A},1,\n{B},1,\n", "rows that do not fit the header"),
        (f"eid,31-0.0\r{A},1\r{B},1\r", "rows that do not fit the header"),
        (f"eid,31-0.0\nP{A},1\n", "participants that are no whole numbers"),
        (f"eid,31-0.0\n{A}.5,1\n", "participants that are no whole numbers"),
        (f"eid,31-0.0\n{A}x,1\n", "participants that are no whole numbers"),
        ("eid,31-0.0\n1.0e+06,1\n", "participants that are no whole numbers"),
        (f"person,31-0.0\n{A},1\n", "no column eid"),
        (f"eid,31-0.0,31-0.0\n{A},1,0\n", "two columns for 31-0.0"),
        (f"eid,eid\n{A},{A}\n", "2 columns of participants"),
        ("", "no column eid"),
        ("eid,31-0.0\n", "0 of 3 participants"),
        (b"PAR1 but no table " + str(A).encode(), "damaged"),
        (b"\x00\xff" * 200_000, ""),
    ],
)
def test_a_damaged_table_is_one_line_that_shows_nobodys_row(tmp_path, content, said):
    path = written(tmp_path / "main.csv", content)
    with pytest.raises(BadOption, match=r"^main\.csv: found ") as error:
        read(path)
    assert said in str(error.value)
    told = everything_said(error.value)
    assert not [number for number in PEOPLE if str(number) in told]


def test_a_table_that_is_not_there_or_a_folder_is_one_line(tmp_path):
    for path in (tmp_path / "main.csv", tmp_path):
        with pytest.raises(BadOption, match="found a file that cannot be read"):
            read(path)


def test_a_column_of_a_type_without_text_is_one_line(tmp_path):
    pq.write_table(pa.table({"eid": [A, B], "p31": [{"a": 1}, {"a": 2}]}), tmp_path / "main.parquet")
    with pytest.raises(BadOption, match=r"main\.parquet: found a column of type struct"):
        read(tmp_path / "main.parquet", people=(A, B))


def test_the_object_does_not_show_who_is_in_it(tmp_path):
    assert not [number for number in PEOPLE if str(number) in repr(table_of(tmp_path, {"31-0.0": [0, 1, 1]}))]
