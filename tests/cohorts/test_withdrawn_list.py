"""Lists of people who withdrew, in every form in which studies send them."""

import pytest

from cardiolens.cohorts.withdrawn_list import read_withdrawn
from cardiolens.errors import BadOption


def _read(tmp_path, content):
    path = tmp_path / "w12345_20230101.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_withdrawn(path)


@pytest.mark.parametrize(
    "content",
    [
        "1234567\n2345678\n",
        "1234567\r\n2345678",
        "eid\n1234567\n2345678\n",
        "participant.eid\n1234567\n2345678\n",
        '"f.eid"\n"1234567"\n"2345678"\n',
        "EID\n1234567.0\n2345678.0\n",
        "\ufeff1234567\n2345678\n",
        "\n\n  1234567  \n\n\t2345678\t\n\n",
        "1234567,\n2345678;\n",
        "'1234567'\n'2345678'\n",
        "2345678\n1234567\n1234567\n",
        "01234567\n2345678\n",
    ],
)
def test_a_person_on_the_list_is_on_it_however_the_list_is_written(tmp_path, content):
    assert {"1234567", "2345678"} <= _read(tmp_path, content)


@pytest.mark.parametrize("content", ["eid\n1234567\n", "1234567\n"])
def test_a_header_is_nobody_and_the_first_line_without_one_is_somebody(tmp_path, content):
    assert _read(tmp_path, content) == {"1234567"}


def test_a_header_word_further_down_is_a_person_of_an_archive(tmp_path):
    assert _read(tmp_path, "P001\nsubject\n") == {"P001", "subject"}


def test_names_of_an_archive_stay_as_they_are_written(tmp_path):
    assert _read(tmp_path, "P001\n007\nward 3 bed 4\n1E5\n") == {"P001", "007", "7", "ward 3 bed 4", "1E5"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "nobody in it"),
        ("\n \n", "nobody in it"),
        ("eid\n", "nobody in it"),
        ("1234567,2345678\n", "several entries in line 1"),
        ("eid,date\n1234567,2023-01-01\n", "several entries in line 1"),
        ("1234567\n2345678\t3456789\n", "several entries in line 2"),
        ("1234567\n2345678;3456789\n", "several entries in line 2"),
        ("1234567\n2345678 3456789\n", "several entries in line 2"),
        ("1234567\n1,234,568\n", "several entries in line 2"),
        ("1234567" * 20, "several entries in line 1"),
        ("1234567\n1.23457E+06\n", "a rounded number in line 2"),
        ("\ufeff1234567".encode("utf-16"), "a file that cannot be read"),
        (b"\xff\xfe\x00", "a file that cannot be read"),
    ],
)
def test_a_list_that_would_exclude_nobody_unseen_is_refused_without_a_number(tmp_path, content, said):
    with pytest.raises(BadOption, match=r"^w12345_20230101\.csv: found ") as error:
        _read(tmp_path, content)
    assert said in str(error.value)
    assert "1234567" not in str(error.value)
    assert "2345678" not in str(error.value)


def test_a_list_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(BadOption, match="found a file that cannot be read"):
        read_withdrawn(tmp_path / "nowhere.csv")
    with pytest.raises(BadOption, match="found a file that cannot be read"):
        read_withdrawn(tmp_path)


def test_where_everybody_is_a_number_another_line_is_refused_by_its_place(tmp_path):
    path = tmp_path / "w.csv"
    path.write_text("eid\n1234567.0\n\nabc\n")
    assert "abc" in read_withdrawn(path)
    with pytest.raises(BadOption, match="found no number in line 4") as error:
        read_withdrawn(path, numbers_only=True)
    assert "abc" not in str(error.value)
    path.write_text("eid\n1234567.0\n")
    assert "1234567" in read_withdrawn(path, numbers_only=True)
