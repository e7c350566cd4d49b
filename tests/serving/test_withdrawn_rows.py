"""Rows taken out of one table: every layout that tables of subjects come in, and nothing else in the file changes."""

import errno

import numpy as np
import pandas as pd
import pyarrow
import pytest
from pyarrow.parquet import ParquetFile, read_table, write_table

from cardiolens.errors import NoSpace
from cardiolens.serving.withdrawn_rows import remove_rows

SUBJECTS = [f"{index:012x}" for index in range(0xAB0, 0xABA)]
GONE = {SUBJECTS[0], SUBJECTS[4], SUBJECTS[9]}
KEPT = [subject not in GONE for subject in SUBJECTS]


@pytest.fixture
def vectors():
    values = np.random.default_rng(0).normal(size=(len(SUBJECTS), 4)).astype(np.float32)
    return pd.DataFrame(values, columns=list("abcd"), index=pd.Index(SUBJECTS, name="subject"))


def test_a_table_with_subjects_as_its_index(tmp_path, vectors):
    vectors.to_parquet(tmp_path / "t.parquet")
    assert remove_rows(tmp_path / "t.parquet", GONE) == 3
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), vectors[KEPT])


def test_a_table_that_was_shuffled(tmp_path, vectors):
    shuffled = vectors.reset_index().sample(frac=1, random_state=0)
    shuffled.to_parquet(tmp_path / "t.parquet")
    assert remove_rows(tmp_path / "t.parquet", GONE) == 3
    expected = shuffled[~shuffled["subject"].isin(GONE)]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), expected)


def test_a_table_that_pandas_numbered(tmp_path, vectors):
    numbered = vectors.reset_index()
    numbered.to_parquet(tmp_path / "t.parquet")
    assert remove_rows(tmp_path / "t.parquet", GONE) == 3
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), numbered[KEPT].reset_index(drop=True))


def test_lists_and_large_numbers_stay_as_they_are(tmp_path, vectors):
    flat = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(vectors.to_numpy().ravel()), 4)
    numbers = [None, *range(2**60, 2**60 + 9)]
    table = pyarrow.table({"subject": SUBJECTS, "vector": flat, "count": pyarrow.array(numbers, pyarrow.int64())})
    table = table.replace_schema_metadata({b"made by": b"somebody"})
    write_table(table, tmp_path / "t.parquet", compression="gzip")
    table = read_table(tmp_path / "t.parquet")
    assert remove_rows(tmp_path / "t.parquet", GONE) == 3
    left = read_table(tmp_path / "t.parquet")
    assert left.schema.equals(table.schema, check_metadata=True)
    assert left.equals(table.filter(pyarrow.array(KEPT)))
    assert ParquetFile(tmp_path / "t.parquet").metadata.row_group(0).column(0).compression == "GZIP"


def test_a_folder_that_looks_like_a_column_adds_none(tmp_path, vectors):
    (tmp_path / "run=3").mkdir()
    vectors.to_parquet(tmp_path / "run=3" / "t.parquet")
    assert remove_rows(tmp_path / "run=3" / "t.parquet", GONE) == 3
    assert ParquetFile(tmp_path / "run=3" / "t.parquet").schema_arrow.names == ["a", "b", "c", "d", "subject"]


@pytest.mark.parametrize("rows", [[SUBJECTS[0], SUBJECTS[1]], [SUBJECTS[1]]])
def test_categories_of_who_is_gone_go_too_and_the_others_keep_their_order(tmp_path, rows):
    words = pd.Categorical(rows, categories=SUBJECTS[::-1])
    methods = pd.Categorical(["b"] * len(rows), categories=["c", "b", "a"], ordered=True)
    pd.DataFrame({"subject": words, "method": methods}).to_parquet(tmp_path / "t.parquet", compression=None)
    assert remove_rows(tmp_path / "t.parquet", GONE) == len(rows) - 1
    content = (tmp_path / "t.parquet").read_bytes()
    assert not [subject for subject in GONE if subject.encode() in content]
    left = pd.read_parquet(tmp_path / "t.parquet")
    assert list(left["subject"]) == [SUBJECTS[1]]
    assert left["method"].cat.ordered


def test_categories_in_another_column_go_too(tmp_path):
    who = pd.Categorical(["x"], categories=["x", SUBJECTS[0]])
    pd.DataFrame({"who": who, "a": [1]}).to_parquet(tmp_path / "t.parquet", compression=None)
    assert remove_rows(tmp_path / "t.parquet", GONE) == 0
    assert SUBJECTS[0].encode() not in (tmp_path / "t.parquet").read_bytes()
    assert pd.read_parquet(tmp_path / "t.parquet")["a"].tolist() == [1]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_table_of_text_loses_their_lines_and_no_other_byte(tmp_path, line_end):
    kept = ['\ufeff"subject",note,score', f'{SUBJECTS[1]},"two\nlines, ""quoted""",1.50', "unknown,ä, 007 ", ",,"]
    lines = [*kept[:2], f'"{SUBJECTS[0]}","also\ntwo lines",2.50', *kept[2:], f"{SUBJECTS[4]},last,3"]
    path = tmp_path / "t.csv"
    path.write_bytes(line_end.join(lines).encode())
    assert remove_rows(path, GONE) == 2
    assert path.read_bytes().decode() == line_end.join(kept) + line_end


def test_a_table_of_text_in_another_encoding(tmp_path):
    path = tmp_path / "t.CSV"
    path.write_bytes(f"a,subject\nä\x85b,{SUBJECTS[1]}\nö,{SUBJECTS[0]}\n".encode("latin-1"))
    assert remove_rows(path, GONE) == 1
    assert path.read_bytes() == f"a,subject\nä\x85b,{SUBJECTS[1]}\n".encode("latin-1")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("semicolons.csv", f"subject;a\n{SUBJECTS[0]};1\n"),
        ("other_column.csv", f"who,a\n{SUBJECTS[0]},1\n"),
        ("row_names.csv", f"subject,a\nrow1,{SUBJECTS[0]},1\n"),
        ("subjects.txt", f"subject,a\n{SUBJECTS[0]},1\n"),
        ("nobody.csv", f"subject,a\n{SUBJECTS[1]},1\n"),
        ("empty.csv", ""),
        ("long.csv", f"subject,a\n{SUBJECTS[0]},{'x' * 200_000}\n"),
        ("broken.parquet", "PAR1"),
    ],
)
def test_what_is_no_such_table_is_left_alone(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    before = (tmp_path / name).stat().st_mtime_ns
    assert remove_rows(tmp_path / name, GONE) == 0
    assert (tmp_path / name).read_text() == text
    assert (tmp_path / name).stat().st_mtime_ns == before


def test_subjects_that_are_lists_are_no_such_table(tmp_path):
    write_table(pyarrow.table({"subject": [[SUBJECTS[0]]]}), tmp_path / "t.parquet")
    assert remove_rows(tmp_path / "t.parquet", GONE) == 0


def test_nobody_to_remove_changes_no_byte(tmp_path, vectors):
    vectors.to_parquet(tmp_path / "t.parquet")
    before = (tmp_path / "t.parquet").stat().st_mtime_ns
    assert remove_rows(tmp_path / "t.parquet", ()) == 0
    assert (tmp_path / "t.parquet").stat().st_mtime_ns == before


def test_what_a_killed_process_left_of_the_same_file_is_taken_away(tmp_path, vectors):
    vectors.to_parquet(tmp_path / "t.parquet")
    (tmp_path / ".t.parquet.99.part").write_text("half")
    (tmp_path / ".other.parquet.99.part").write_text("half")
    remove_rows(tmp_path / "t.parquet", GONE)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.parquet.99.part", "t.parquet"]


def test_a_full_disk_is_said_and_the_file_is_as_it_was(tmp_path, vectors, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    vectors.to_parquet(tmp_path / "t.parquet")
    before = (tmp_path / "t.parquet").read_bytes()
    monkeypatch.setattr("cardiolens.atomic.write_through", full)
    with pytest.raises(NoSpace):
        remove_rows(tmp_path / "t.parquet", GONE)
    assert (tmp_path / "t.parquet").read_bytes() == before


HIDDEN = [f"id-{index:08x}" for index in range(0xAB0, 0xABA)]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_files_loses_the_rows_whose_name_bears_them(tmp_path, suffix):
    sources = [f"ward/{name}_20205_2_0.xml" for name in HIDDEN] + [f"{HIDDEN[0]}_and_{HIDDEN[1]}.xml", "plain.xml", None]
    table = pd.DataFrame({"source": sources, "af_risk": np.arange(13.0), "refused": ""})
    path = tmp_path / f"predictions{suffix}"
    (table.to_csv if suffix == ".csv" else table.to_parquet)(path, index=False)
    assert remove_rows(path, {HIDDEN[0], HIDDEN[4]}) == 3
    left = (pd.read_csv if suffix == ".csv" else pd.read_parquet)(path)
    assert left["af_risk"].tolist() == [1, 2, 3, 5, 6, 7, 8, 9, 11, 12]
