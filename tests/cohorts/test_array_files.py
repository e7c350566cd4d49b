import os

import numpy as np
import pytest

from cardiolens.cohorts import array_files
from cardiolens.cohorts.array_files import ArrayRows, keep_rows


def _rows(path, num_rows=6):
    return ArrayRows(path, num_rows=num_rows, row_shape=(2, 3), dtype=np.dtype(np.float32))


def test_rows_written_in_any_order_are_read_by_numpy(tmp_path):
    rows = _rows(tmp_path / "a.npy")
    for row in (5, 0, 3):
        rows.write(row, np.full((2, 3), row + 1, np.float32))
    rows.close()
    assert (np.load(tmp_path / "a.npy")[:, 0, 0] == [1, 0, 0, 4, 0, 6]).all()


def test_opening_again_keeps_what_was_written(tmp_path):
    for row in (1, 2):
        rows = _rows(tmp_path / "a.npy")
        rows.write(row, np.full((2, 3), row, np.float32))
        rows.close()
    assert (np.load(tmp_path / "a.npy")[:, 1, 2] == [0, 1, 2, 0, 0, 0]).all()


def test_a_disk_that_takes_a_few_bytes_at_a_time_gets_all_of_them(tmp_path, monkeypatch):
    real = os.pwrite
    monkeypatch.setattr(array_files.os, "pwrite", lambda file, content, offset: real(file, content[:5], offset))
    rows = _rows(tmp_path / "a.npy")
    written = np.arange(6, dtype=np.float32).reshape(2, 3)
    rows.write(4, written)
    rows.close()
    assert (np.load(tmp_path / "a.npy")[4] == written).all()


@pytest.mark.parametrize("wrong", [np.zeros((2, 3)), np.zeros((3, 2), np.float32)])
def test_a_row_of_another_type_or_shape_is_our_mistake(tmp_path, wrong):
    with pytest.raises(AssertionError):
        _rows(tmp_path / "a.npy").write(0, wrong)


def test_keeping_rows_twice_is_keeping_them_once(tmp_path, monkeypatch):
    monkeypatch.setattr(array_files, "_BLOCK_BYTES", 50)
    values = np.arange(70, dtype=np.int16).reshape(10, 7)
    np.save(tmp_path / "a.npy", values)
    kept = np.array([0, 2, 3, 7, 9])
    for _ in range(2):
        keep_rows(tmp_path / "a.npy", kept)
        assert (np.load(tmp_path / "a.npy") == values[kept]).all()
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
