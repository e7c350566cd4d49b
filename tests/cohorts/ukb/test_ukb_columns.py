"""Names of columns as each tool writes them."""

from pathlib import Path

import pytest

from cardiolens.cohorts.ukb.columns import (
    FieldColumn,
    field_columns,
    in_both_namings,
    is_participant_column,
    parse_column,
    participant_column,
)
from cardiolens.errors import BadOption

TABLE = Path("main.csv")


@pytest.mark.parametrize(
    ("name", "field", "instance", "array"),
    [
        ("31-0.0", 31, 0, 0),
        ("21003-2.0", 21003, 2, 0),
        ("41270-0.242", 41270, 0, 242),
        ("f.31.0.0", 31, 0, 0),
        ("f.4080.2.1", 4080, 2, 1),
        ("p31", 31, 0, 0),
        ("p21003_i2", 21003, 2, 0),
        ("p4080_i2_a1", 4080, 2, 1),
        ("p41280_a17", 41280, 0, 17),
        ("participant.p53_i3", 53, 3, 0),
        ("participant.p31", 31, 0, 0),
        ('"53-2.0"', 53, 2, 0),
        (" 53-2.0 ", 53, 2, 0),
    ],
)
def test_every_naming_means_field_instance_and_array(name, field, instance, array):
    assert parse_column(name) == FieldColumn(field, instance, array)


@pytest.mark.parametrize(
    "name",
    ["", "eid", "31", "p", "31-0", "31-0.0.0", "f.31.0", "p31_a", "p31_2", "p31_a1_i2", "hesin.p31", "xp31", "p31x",
     "Sex | Instance 0", "31-0.0_missing", "participant.participant.p31"],
)  # fmt: skip
def test_other_names_are_of_no_field(name):
    assert parse_column(name) is None


@pytest.mark.parametrize("name", ["eid", "f.eid", "participant.eid", '"eid"', " eid"])
def test_participants_stand_under_a_known_name(name):
    assert is_participant_column(name)
    assert participant_column(TABLE, ["31-0.0", name, "53-2.0"]) == name


@pytest.mark.parametrize("name", ["id", "eid2", "n_eid", "EID_old", "participant"])
def test_other_columns_are_not_taken_for_participants(name):
    assert not is_participant_column(name)
    with pytest.raises(BadOption, match=r"main\.csv: found no column eid"):
        participant_column(TABLE, [name, "31-0.0"])


def test_two_columns_of_participants_are_refused():
    with pytest.raises(BadOption, match="2 columns of participants"):
        participant_column(TABLE, ["eid", "31-0.0", "f.eid"])


def test_columns_of_fields_keep_the_tables_own_names():
    found = field_columns(TABLE, ["participant.eid", "participant.p31", "note", "f.53.2.0"])
    assert found == {FieldColumn(31): "participant.p31", FieldColumn(53, 2): "f.53.2.0"}


@pytest.mark.parametrize("names", [("31-0.0", "p31"), ("p31", "p31_i0"), ("31-0.0", "31-0.0"), ("p31", "participant.p31")])
def test_two_columns_for_one_thing_are_refused_and_never_chosen_between(names):
    with pytest.raises(BadOption, match=r"two columns for 31-0\.0 \(p31\)"):
        field_columns(TABLE, ["eid", *names])


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        (FieldColumn(31), "31-0.0 (p31)"),
        (FieldColumn(21003, 2), "21003-2.0 (p21003_i2)"),
        (FieldColumn(4080, 2, 1), "4080-2.1 (p4080_i2_a1)"),
    ],
)
def test_a_column_is_shown_as_every_user_finds_it(column, shown):
    assert in_both_namings(column) == shown
    assert parse_column(shown.split()[0]) == parse_column(shown.split()[1].strip("()")) == column
