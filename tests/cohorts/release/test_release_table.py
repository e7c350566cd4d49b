import pandas as pd
import pyarrow.parquet as pq
import pytest

from cardiolens.cohorts.release.table import COLUMNS, Column, write_classic, write_platform, write_truth

ROWS = [
    {"eid": 1234567, "31-0.0": 1, "21003-2.0": 61, "24100-2.0": 151.25, "53-2.0": "2016-05-04"}
    | {"41270-0.0": "I251", "41270-0.1": "E119", "41280-0.0": "2011-01-02", "41280-0.1": "2012-03-04", "4080-2.1": 140},
    {"eid": 2345678, "31-0.0": 0},
]


@pytest.mark.parametrize(
    ("column", "classic", "platform"),
    [
        (Column(31), "31-0.0", "p31"),
        (Column(21003, 2, instances=True), "21003-2.0", "p21003_i2"),
        (Column(4080, 3, 1, instances=True, arrays=True), "4080-3.1", "p4080_i3_a1"),
        (Column(41280, array=7, arrays=True), "41280-0.7", "p41280_a7"),
    ],
)
def test_a_column_has_a_name_in_either_convention(column, classic, platform):
    assert (column.classic, column.platform) == (classic, platform)


def test_no_two_columns_share_a_name():
    assert len({column.classic for column in COLUMNS}) == len({column.platform for column in COLUMNS}) == len(COLUMNS)


def test_the_classic_table_quotes_every_cell_and_leaves_absent_ones_empty(tmp_path):
    write_classic(tmp_path / "main.csv", ROWS)
    lines = (tmp_path / "main.csv").read_text().splitlines()
    assert all(cell[0] == cell[-1] == '"' for line in lines for cell in line.split(","))
    table = pd.read_csv(tmp_path / "main.csv", dtype={"eid": int}).set_index("eid")
    assert table.loc[1234567, ["24100-2.0", "41270-0.1", "41280-0.1"]].tolist() == [151.25, "E119", "2012-03-04"]
    assert table.loc[2345678].notna().sum() == 1


def test_the_platforms_table_holds_the_same_with_all_codes_in_one_cell(tmp_path):
    write_platform(tmp_path / "participant.parquet", ROWS)
    table = pq.read_table(tmp_path / "participant.parquet").to_pandas().set_index("eid")
    assert table.loc[1234567, "p41270"] == "['I251', 'E119']"
    assert "p41270_a0" not in table
    found = table.loc[1234567, ["p31", "p21003_i2", "p24100_i2", "p53_i2", "p4080_i2_a1", "p41280_a1"]]
    assert found.tolist() == [1, 61, 151.25, "2016-05-04", 140, "2012-03-04"]
    assert pd.isna(table.loc[2345678, "p41270"])


def test_truth_is_kept_with_its_types(tmp_path):
    rows = [{"eid": k, "cad": k == 1, "lvedv_ml": 1.5 * k, "sex": "F"} for k in range(1200)]
    write_truth(tmp_path / "truth.parquet", rows)
    assert pq.read_table(tmp_path / "truth.parquet").to_pylist() == rows
