"""Codes and their days out of every form in which the main table holds them."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from main_tables import PEOPLE, csv_of, read, table_of, written

from cardiolens.cohorts.ukb.diagnoses import FIRST_OCCURRENCES, death_days, events

A, B, C = PEOPLE
DAYS = {f"41280-0.{k}": [f"2010-01-0{k + 1}", f"2011-01-0{k + 1}"] for k in range(3)}


def _told(table) -> list[tuple[int, str, str | None]]:
    found = events(table)
    assert list(found) == ["person", "code", "day", "field"]
    rows = found[["person", "code", "day"]].itertuples(index=False)
    return sorted(((int(p), str(c), None if pd.isna(d) else f"{d:%Y-%m-%d}") for p, c, d in rows), key=_sorted)


def _sorted(event):
    return (*event[:2], event[2] or "")


EXPECTED = [(0, "E119", "2010-01-02"), (0, "I251", "2010-01-01"), (0, "I489", "2010-01-03"), (1, "I10", "2011-01-01")]


def test_wide_columns_hold_a_code_each_with_its_day(tmp_path):
    codes = {"41270-0.0": ["I251", "I10"], "41270-0.1": ["E119"], "41270-0.2": ["I489"]}
    days = DAYS | {"41280-0.1": ["2010-01-02"], "41280-0.2": ["2010-01-03"]}
    assert _told(table_of(tmp_path, codes | days)) == EXPECTED


@pytest.mark.parametrize(
    "cells",
    [
        ["['I251', 'E119', 'I489']", "['I10']"],
        ['[""I251"",""E119"",""I489""]', '[""I10""]'],
        ["I251|E119|I489", "I10"],
        ["[I251, E119, I489]", "[I10]"],
        ["I251,E119,I489", "I10"],
        [" ['I251' , 'E119' , 'I489'] ", "['I10',]"],
    ],
    ids=["python", "json", "joined", "bare", "commas", "blanks"],
)
def test_a_list_in_one_cell_goes_with_columns_of_days_by_position(tmp_path, cells):
    lines = ["eid,p41270," + ",".join(f"p41280_a{k}" for k in range(3))]
    for person, one, days in ((A, cells[0], "2010-01-01,2010-01-02,2010-01-03"), (B, cells[1], "2011-01-01,,")):
        lines.append(f'{person},"{one}",{days}')
    assert _told(read(written(tmp_path / "main.csv", "\n".join(lines)), people=(A, B))) == EXPECTED


def test_lists_of_parquet_are_lists(tmp_path):
    frame = {"eid": [A, B, C], "p41270": [["I251", "E119", "I489"], ["I10"], None]}
    frame |= {f"p41280_a{k}": [f"2010-01-0{k + 1}", "2011-01-01" if k == 0 else None, None] for k in range(3)}
    pq.write_table(pa.table(frame), tmp_path / "main.parquet")
    assert _told(read(tmp_path / "main.parquet")) == EXPECTED


def test_a_gap_among_codes_moves_no_day(tmp_path):
    wide = {"41270-0.0": ["I251"], "41270-0.1": [""], "41270-0.2": ["I489"]}
    expected = [(0, "I251", "2010-01-01"), (0, "I489", "2010-01-03")]
    assert _told(table_of(tmp_path, wide | DAYS)) == expected
    assert _told(table_of(tmp_path, {"41270-0.0": ["I251||I489"]} | DAYS)) == expected
    frame = {"eid": [A], "p41270": [["I251", None, "I489"]]} | {f"p41280_a{k}": [f"2010-01-0{k + 1}"] for k in range(3)}
    pq.write_table(pa.table(frame), tmp_path / "main.parquet")
    assert _told(read(tmp_path / "main.parquet", people=(A,))) == expected


def test_the_order_of_columns_and_rows_moves_no_day(tmp_path):
    codes = {f"41270-0.{k}": [f"I{k:02d}", f"J{k:02d}", f"K{k:02d}"] for k in (10, 2, 0, 11, 1)}
    days = {f"41280-0.{k}": [f"20{k:02d}-01-01", f"20{k:02d}-02-01", f"20{k:02d}-03-01"] for k in (1, 11, 0, 10, 2)}
    found = _told(table_of(tmp_path, codes | days, people=(C, A, B)))
    assert found == sorted(
        (person, f"{letter}{k:02d}", f"20{k:02d}-{month}-01")
        for k in (0, 1, 2, 10, 11)
        for person, letter, month in ((2, "I", "01"), (0, "J", "02"), (1, "K", "03"))
    )


@pytest.mark.parametrize("seed", range(4))
def test_random_records_are_the_same_in_every_form(tmp_path, seed):
    rng = np.random.default_rng(seed)
    people = (1_000_000 + rng.choice(5_000_000, 40, replace=False)).tolist()
    codes = [[f"{'IEJ'[rng.integers(3)]}{rng.integers(100):02d}" for _ in range(rng.integers(0, 7))] for _ in people]
    days = [
        [f"20{rng.integers(10, 20)}-0{rng.integers(1, 10)}-1{rng.integers(10)}" * (rng.random() < 0.8) for _ in one]
        for one in codes
    ]
    place = {person: k for k, person in enumerate(sorted(people))}
    rows = zip(people, codes, days, strict=True)
    expected = [(place[one], c, d or None) for one, cs, ds in rows for c, d in zip(cs, ds, strict=True)]
    padded = [[*map(list, (cs + [""] * 7, ds + [""] * 7))] for cs, ds in zip(codes, days, strict=True)]
    wide = {f"{field}-0.{k}": [one[part][k] for one in padded] for part, field in enumerate((41270, 41280)) for k in range(7)}
    platform = {"eid": people, "p41270": codes} | {f"p41280_a{k}": [one[1][k] or None for one in padded] for k in range(7)}
    pq.write_table(pa.table(platform), tmp_path / "lists.parquet")
    texts = pa.table(platform | {"p41270": [str(one) if one else None for one in codes]})
    pq.write_table(texts, tmp_path / "texts.parquet")
    texts.to_pandas().to_csv(tmp_path / "texts.csv", index=False)
    names = {name: f"f.{name.replace('-', '.')}" for name in wide}
    frame = pd.DataFrame({"f.eid": people} | {names[name]: cells for name, cells in wide.items()}).replace("", None)
    frame.sample(frac=1, random_state=seed).to_csv(tmp_path / "r.tab", sep="\t", index=False, na_rep="NA")
    csv_of(tmp_path / "wide.csv", wide, people)
    for name in ("lists.parquet", "texts.parquet", "texts.csv", "r.tab", "wide.csv"):
        assert _told(read(tmp_path / name, people=people)) == sorted(expected, key=_sorted), name


def test_a_code_without_a_day_stays_a_diagnosis(tmp_path):
    cells = {"41270-0.0": ["I251", "I251", "I251"], "41280-0.0": ["", "no day", "2015-01-01"]}
    assert _told(table_of(tmp_path, cells)) == [(0, "I251", None), (1, "I251", None), (2, "I251", "2015-01-01")]
    assert _told(table_of(tmp_path, {"41270-0.0": ["I251"]})) == [(0, "I251", None)]


def test_a_day_without_a_code_is_no_diagnosis(tmp_path):
    assert _told(table_of(tmp_path, {"41270-0.0": ["", "[]"], "41280-0.0": ["2015-01-01", "2015-01-01"]})) == []


def test_first_occurrences_are_events_of_their_code(tmp_path):
    cells = {"131306-0.0": ["2015-01-01", "", "nan"], "131350-0.0": ["", "Code has event date matching birth"]}
    assert _told(table_of(tmp_path, cells)) == [(0, "I25", "2015-01-01"), (1, "I48", None)]
    assert _told(read(csv_of(tmp_path / "r.csv", {"131306-0.0": ["NA", "NA", "NA"]}))) == []


def test_first_occurrences_of_the_sources_are_even_numbers_in_steps_of_two():
    assert len(set(FIRST_OCCURRENCES.values())) == len(FIRST_OCCURRENCES)
    assert all(field % 2 == 0 for field in FIRST_OCCURRENCES.values())
    assert (FIRST_OCCURRENCES["I48"], FIRST_OCCURRENCES["I50"], FIRST_OCCURRENCES["E11"]) == (131350, 131354, 130708)


def test_causes_of_death_are_events_of_its_day(tmp_path):
    cells = {
        "40000-0.0": ["2020-01-01", "", ""],
        "40000-1.0": ["2020-02-02", "2021-01-01", ""],
        "40001-0.0": ["I469", "", "I219"],
    }
    cells |= {"40001-1.0": ["", "I500", ""], "40002-0.0": ["", "", ""], "40002-0.1": ["I259"]}
    table = table_of(tmp_path, cells)
    days = [None if pd.isna(day) else f"{day:%Y-%m-%d}" for day in death_days(table)]
    assert days == ["2020-01-01", "2021-01-01", None]
    assert _told(table) == [(0, "I259", "2020-01-01"), (0, "I469", "2020-01-01"), (1, "I500", "2021-01-01"), (2, "I219", None)]


def test_several_causes_in_one_cell_are_several(tmp_path):
    table = table_of(tmp_path, {"40000-0.0": ["2020-01-01"], "40002-0.0": ["['I469', 'E119']"]})
    assert _told(table) == [(0, "E119", "2020-01-01"), (0, "I469", "2020-01-01")]


def test_a_table_without_diagnoses_has_no_events(tmp_path):
    found = events(table_of(tmp_path, {"31-0.0": [0, 1, 1]}))
    assert len(found) == 0
    assert found["day"].dtype.kind == "M"
    assert death_days(table_of(tmp_path, {"31-0.0": [0, 1, 1]})).isna().all()
