import csv

import pytest

from cardiolens.serving.growing_table import GrowingTable

COLUMNS = ("source", "value")


def _table(path, settings: str = "") -> GrowingTable:
    return GrowingTable(path, COLUMNS, settings=settings)


def _rows(path) -> list[dict]:
    return list(csv.DictReader(path.open(encoding="utf-8")))


def test_rows_appear_under_the_name_when_all_are_there(tmp_path):
    table = _table(tmp_path / "t.csv")
    table.write({"source": "a", "value": "1"})
    assert not (tmp_path / "t.csv").exists()
    table.finish()
    assert _rows(tmp_path / "t.csv") == [{"source": "a", "value": "1"}]
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize("torn", ["", "b,2", '"half'])
def test_a_killed_process_costs_its_last_row_at_most(tmp_path, torn):
    table = _table(tmp_path / "t.csv")
    table.write({"source": "a", "value": "1"})
    table.close()
    [part] = tmp_path.iterdir()
    part.write_text(part.read_text() + torn)
    again = _table(tmp_path / "t.csv")
    assert again.rows_before == [{"source": "a", "value": "1"}]
    again.write({"source": "b", "value": "2"})
    again.finish()
    assert [row["source"] for row in _rows(tmp_path / "t.csv")] == ["a", "b"]


def test_rows_of_another_command_are_not_mixed_in(tmp_path):
    table = _table(tmp_path / "t.csv", "one")
    table.write({"source": "a", "value": "1"})
    table.close()
    assert _table(tmp_path / "t.csv", "other").rows_before == []


def test_a_table_can_start_again(tmp_path):
    table = _table(tmp_path / "t.csv")
    table.write({"source": "a", "value": "1"})
    table.close()
    again = _table(tmp_path / "t.csv")
    again.start_again()
    again.finish()
    assert _rows(tmp_path / "t.csv") == []
    assert (tmp_path / "t.csv").read_text() == "source,value\n"


def test_a_spreadsheet_takes_no_cell_for_a_formula(tmp_path):
    table = _table(tmp_path / "t.csv")
    table.write({"source": "=HYPERLINK(1)", "value": "-1.5"})
    table.finish()
    assert _rows(tmp_path / "t.csv") == [{"source": "'=HYPERLINK(1)", "value": "-1.5"}]
