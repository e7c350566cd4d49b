"""One source per phenotype column, and tables of users as they may be written."""

import itertools
import traceback

import numpy as np
import pandas as pd
import pytest

from cardiolens.cohorts.phenotype_sources import (
    OWN_WITH_STRAIN,
    OWN_WITHOUT_STRAIN,
    Source,
    choose_sources,
    parse_order,
    participant_texts,
    read_phenotype_table,
    read_table,
)
from cardiolens.errors import BadOption
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS, PHENOTYPES

HAVE = {
    Source.OWN: {"lvedv_ml", "lvm_g"},
    Source.UKB: {"lvedv_ml", "rvedv_ml"},
    Source.TABLE: {"lvm_g", "rvedv_ml", "lvesv_ml"},
}
A, B = "1234567", "2345678"


def _written(tmp_path, text):
    path = tmp_path / "phenotypes.csv"
    path.write_text(text)
    return path


def _read(tmp_path, text):
    return read_phenotype_table(_written(tmp_path, text), first_visit=2)


@pytest.mark.parametrize("order", list(itertools.permutations(Source)) + list(itertools.permutations(Source, 2)))
def test_each_column_comes_from_the_first_source_that_has_it(order):
    chosen = choose_sources(order, HAVE)
    for column in ("lvedv_ml", "lvm_g", "rvedv_ml", "lvesv_ml"):
        having = [source for source in order if column in HAVE[source]]
        assert chosen.get(column) == (having[0] if having else None)
    assert list(chosen) == [column for column in PHENOTYPE_COLUMNS if column in chosen]


def test_a_column_that_nobody_has_is_left_out():
    assert choose_sources(tuple(Source), {}) == {}
    assert choose_sources((), HAVE) == {}


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("own,ukb,table", ("own", "ukb", "table")),
        ("table, own", ("table", "own")),
        ("ukb", ("ukb",)),
        ("ukb,,own", ("ukb", "own")),
    ],
)
def test_an_order_is_parsed(text, order):
    assert parse_order(text) == order


@pytest.mark.parametrize("text", ["", " , ", "ours", "own,ours", "own,own", "own ukb", "OWN"])
def test_another_order_is_refused(text):
    with pytest.raises(BadOption, match=r"--phenotypes: .*expected some of own, ukb, table"):
        parse_order(text)


def test_without_strain_everything_else_is_measured():
    assert len(OWN_WITH_STRAIN) == 61
    assert len(OWN_WITHOUT_STRAIN) == 27
    assert not [column for column in OWN_WITHOUT_STRAIN if column.startswith(("ecc", "err"))]


@pytest.mark.parametrize("phenotype", PHENOTYPES, ids=lambda phenotype: phenotype.column)
def test_every_phenotype_is_known_by_our_name_or_the_fields(tmp_path, phenotype):
    for name in (
        phenotype.column,
        phenotype.name,
        f"{phenotype.name} ({phenotype.unit})",
        f"{phenotype.name}[{phenotype.unit}]",
    ):
        found = _read(tmp_path, f"eid,{name}\n{A},1.5\n")
        assert list(found) == [phenotype.column]
        assert found.loc[(A, 2), phenotype.column] == 1.5


def test_a_table_is_keyed_by_participant_and_visit(tmp_path):
    found = _read(tmp_path, f"LVM (g),eid,instance,note\n80,{A},2,x\n81,{A},3,y\n,{B}.0,3.0,z\n")
    assert list(found.index) == [(A, 2), (A, 3), (B, 3)]
    np.testing.assert_array_equal(found["lvm_g"], [80, 81, np.nan])
    assert found["lvm_g"].dtype == np.float64


def test_without_a_visit_every_row_is_of_the_first(tmp_path):
    assert list(_read(tmp_path, f"subject,lvm_g\nP1,80\n{A},70\n").index) == [("P1", 2), (A, 2)]


def test_a_row_without_its_visit_belongs_to_none(tmp_path):
    assert (A, 2) not in _read(tmp_path, f"eid,visit,lvm_g\n{A},,80\n{B},2,70\n").index


@pytest.mark.parametrize("kind", ["int64", "float64", "int32", "str"])
def test_participants_of_parquet_are_the_same_text_whatever_their_type(tmp_path, kind):
    frame = pd.DataFrame({"eid": pd.Series([1234567, 2345678]).astype(kind), "instance": [2, 3], "LVEDV (mL)": [150.0, np.nan]})
    frame.to_parquet(tmp_path / "phenotypes.parquet")
    found = read_phenotype_table(tmp_path / "phenotypes.parquet", first_visit=2)
    assert list(found.index) == [(A, 2), (B, 3)]
    np.testing.assert_array_equal(found["lvedv_ml"], [150, np.nan])


def test_texts_of_participants_are_whole_numbers_or_as_they_are():
    assert participant_texts(pd.Series([" 1234567 ", "1234567.0", "P1.0", "10.05"])).tolist() == [
        "1234567",
        "1234567",
        "P1.0",
        "10.05",
    ]
    assert participant_texts(pd.Series([1234567.0, np.nan])).isna().tolist() == [False, True]


def test_single_cells_that_are_no_numbers_are_unknown(tmp_path):
    found = _read(tmp_path, f"eid,lvm_g,lvef_percent\n{A},80,?\n{B},81,60\n")
    np.testing.assert_array_equal(found["lvef_percent"], [np.nan, 60])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"person,lvm_g\n{A},80\n", "no column eid or subject"),
        (f"eid,weight\n{A},80\n", "no phenotype among the columns"),
        (f"eid,lvm_g\n{A},80\n{A},81\n", "1 visits more than once"),
        (f"eid,instance,lvm_g\n{A},2,80\n{A}.0,2.0,81\n", "1 visits more than once"),
        (f"eid,lvm_g,LVM (g)\n{A},80,81\n", "two columns for lvm_g"),
        (f"eid,LVEDV (L)\n{A},0.15\n", r"column LVEDV (L); expected lvedv_ml in mL"),
        (f"eid,LVEF (fraction)\n{A},0.6\n", "lvef_percent in %"),
        (f'eid,lvm_g,lvef_percent\n{A},"80,5","61,5"\n', "cells that are no numbers"),
        (f"eid,lvm_g\n{A},80,1,2,3\n{B},2,3\n,\n,,,,,,,,\n", "cannot be read"),
        ("", "cannot be read"),
        ("PAR1 no table", "cannot be read"),
    ],
)
def test_a_table_that_would_be_misread_is_refused_without_a_number(tmp_path, text, said):
    with pytest.raises(BadOption, match=r"^phenotypes\.csv: found ") as error:
        _read(tmp_path, text)
    assert said in str(error.value)
    assert A not in "".join(traceback.format_exception(error.value))


def test_a_table_that_is_not_there_or_no_utf8_is_one_line(tmp_path):
    (tmp_path / "latin.csv").write_bytes("eid,lvm_g\n1234567,80 caf\xe9\n".encode("latin-1"))
    for name in ("nowhere.csv", "latin.csv"):
        with pytest.raises(BadOption, match="found a file that cannot be read"):
            read_table(tmp_path / name)


def test_cells_of_a_csv_are_text(tmp_path):
    table = read_table(_written(tmp_path, "\ufeffeid,code\n0012,I10\n"))
    assert table.iloc[0].tolist() == ["0012", "I10"]
    assert list(table) == ["eid", "code"]
