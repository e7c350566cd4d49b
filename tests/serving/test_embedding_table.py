import errno
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cardiolens.errors import NoSpace
from cardiolens.serving import embedding_table
from cardiolens.serving.answers import Refusal
from cardiolens.serving.embedding_model import Embedding, EmbeddingModel, embedding_names
from cardiolens.serving.embedding_table import EmbeddingTable
from cardiolens.serving.withdrawn_rows import remove_rows


@pytest.fixture(scope="module")
def model(untrained_bundle):
    return EmbeddingModel.from_pretrained(untrained_bundle)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(embedding_table, "ROWS_PER_PIECE", 3)


@pytest.fixture(scope="module")
def rows(model):
    numbers = np.random.default_rng(0).normal(size=(8, model.width)).astype(np.float32)
    made = [Embedding(f"id-{k:08x}_{k}.xml", vector) for k, vector in enumerate(numbers)]
    return [*made[:4], Refusal("bad.xml", "bad.xml: found nothing; expected an ECG; look"), *made[4:]]


def _written(path, model, rows, settings=""):
    table = EmbeddingTable(path, model, settings=settings)
    done = table.go_on(row.source for row in rows)
    for row in rows[done:]:
        table.write(row)
    table.finish()
    return table


def _numbers(rows, model):
    return np.stack([row.vector if isinstance(row, Embedding) else np.full(model.width, np.nan) for row in rows])


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_every_row_is_there_to_the_last_bit(tmp_path, model, rows, suffix):
    table = _written(tmp_path / f"t{suffix}", model, rows)
    assert (table.rows, table.refused) == (9, 1)
    read = pd.read_parquet(table.path) if suffix == ".parquet" else pd.read_csv(table.path, keep_default_na=True)
    assert list(read["source"]) == [row.source for row in rows]
    assert list(read["subject"].fillna("")[:2]) == ["id-00000000", "id-00000001"]
    assert list(read["refused"].fillna("") != "") == [isinstance(row, Refusal) for row in rows]
    found = read.filter(like="embedding_")
    assert list(found.columns) == embedding_names(model.width)
    np.testing.assert_array_equal(found.to_numpy(np.float32), _numbers(rows, model))
    assert [file.name for file in tmp_path.iterdir()] == [table.path.name]


def test_parquet_says_which_model_it_is_of(tmp_path, model, rows):
    schema = pq.read_schema(_written(tmp_path / "t.parquet", model, rows).path)
    assert schema.metadata[b"cardiolens.model"] == b"untrained"
    assert b"Research use only" in schema.metadata[b"cardiolens.notice"]
    assert schema.metadata[b"cardiolens.weights_sha256"].decode() == model.weights_sha256
    assert schema.metadata[b"cardiolens.schema_version"] == b"1"
    assert schema.field("embedding_0").type == "float"


def test_a_csv_says_it_in_columns_and_holds_no_formula(tmp_path, model, rows):
    odd = [replace(rows[0], source="=HYPERLINK(1).xml"), *rows[1:]]
    read = pd.read_csv(_written(tmp_path / "t.csv", model, odd).path)
    assert set(read["model"]) == {"untrained"}
    assert read["notice"].str.contains("Research use only").all()
    assert read["source"][0] == "'=HYPERLINK(1).xml"


def test_a_stopped_table_goes_on(tmp_path, model, rows):
    whole = _written(tmp_path / "whole.parquet", model, rows).path
    for stopped_after in range(1, len(rows) + 1):
        path = tmp_path / "t.parquet"
        first = EmbeddingTable(path, model, settings="")
        for row in rows[:stopped_after]:
            first.write(row)
        first.close()
        assert not path.exists()
        again = EmbeddingTable(path, model, settings="")
        assert again.go_on(row.source for row in rows) == stopped_after
        _written(path, model, rows)
        pd.testing.assert_frame_equal(pd.read_parquet(path), pd.read_parquet(whole))
        path.unlink()


def test_what_was_killed_goes_on_after_its_last_piece(tmp_path, model, rows):
    killed = EmbeddingTable(tmp_path / "t.parquet", model, settings="")
    for row in rows[:5]:
        killed.write(row)
    assert EmbeddingTable(tmp_path / "t.parquet", model, settings="").go_on(row.source for row in rows) == 3


def test_rows_of_other_files_or_settings_are_not_gone_on_with(tmp_path, model, rows):
    first = EmbeddingTable(tmp_path / "t.parquet", model, settings="")
    for row in rows[:7]:
        first.write(row)
    first.close()
    other = EmbeddingTable(tmp_path / "t.parquet", model, settings="500 Hz")
    assert other.go_on(row.source for row in rows) == 0
    swapped = [*rows[:4], rows[5], rows[4], *rows[6:]]
    assert EmbeddingTable(tmp_path / "t.parquet", model, settings="").go_on(row.source for row in swapped) == 3
    assert EmbeddingTable(tmp_path / "t.parquet", model, settings="").go_on(row.source for row in rows) == 3


def test_files_that_are_there_no_more_make_it_begin_again(tmp_path, model, rows):
    first = EmbeddingTable(tmp_path / "t.parquet", model, settings="")
    for row in rows[:4]:
        first.write(row)
    first.close()
    assert EmbeddingTable(tmp_path / "t.parquet", model, settings="").go_on(row.source for row in rows[:2]) == 0


def test_a_full_disk_leaves_the_old_table_and_the_pieces(tmp_path, model, rows, monkeypatch):
    old = _written(tmp_path / "t.parquet", model, rows[:2]).path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(embedding_table, "_write_parquet", full)
        with pytest.raises(NoSpace):
            _written(tmp_path / "t.parquet", model, rows)
    assert (tmp_path / "t.parquet").read_bytes() == old
    assert EmbeddingTable(tmp_path / "t.parquet", model, settings="").go_on(row.source for row in rows) == len(rows)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_rows_of_people_who_withdrew_can_be_taken_out(tmp_path, model, rows, suffix):
    path = _written(tmp_path / f"t{suffix}", model, rows).path
    assert remove_rows(path, {"id-00000002"}) == 1
    read = pd.read_parquet(path) if suffix == ".parquet" else pd.read_csv(path)
    assert list(read["source"]) == [row.source for row in rows if not row.source.startswith("id-00000002")]
    if suffix == ".parquet":
        assert pq.read_schema(path).metadata[b"cardiolens.model"] == b"untrained"
