from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz_test
from table_files import lead_columns, samples_mv, write_parquet

from cardiolens.errors import BadRecording
from cardiolens.formats import parquet_table
from cardiolens.formats.declaration import NOTHING_DECLARED, Declaration
from cardiolens.formats.parquet_table import read, sniff
from cardiolens.types import LEADS

RATE = Declaration(500.0)


def _refusal(path: Path, declared: Declaration = RATE) -> str:
    with pytest.raises(BadRecording) as refusal:
        read(path, declared)
    line = str(refusal.value)
    assert line.startswith(f"{path.name}: found ")
    assert "\n" not in line
    return line


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
@pytest.mark.parametrize("options", [{}, {"use_dictionary": False, "data_page_version": "2.0"}, {"row_group_size": 70}])
def test_a_table_is_read_however_it_is_packed(tmp_path, kind, compression, options):
    path = write_parquet(tmp_path / "r.parquet", lead_columns(samples_mv().astype(kind)), compression=compression, **options)
    recording = read(path, RATE)
    np.testing.assert_allclose(recording.signal_mv, samples_mv(), atol=1e-3 if kind == "f2" else 1e-6)
    assert recording.signal_mv.dtype == np.float32
    assert (recording.leads, recording.rate_hz, recording.source, recording.notes) == (LEADS, 500.0, "r.parquet", ())


@pytest.mark.parametrize("kind", ["i1", "i2", "i4", "i8", "u1", "u2"])
def test_whole_numbers_are_read_in_the_unit_of_their_names(tmp_path, kind):
    values = (samples_mv() * 50 + 60).astype(kind)
    recording = read(write_parquet(tmp_path / "r.parquet", lead_columns(values, " [uV]")), RATE)
    np.testing.assert_allclose(recording.signal_mv, values / 1000, atol=1e-6)


def test_null_and_nan_are_missing_samples(tmp_path):
    columns = {"I_mV": [1.0, None, float("nan"), 2.0], "II_uV": [None, 1000, 2000, 3000]}
    np.testing.assert_array_equal(
        read(write_parquet(tmp_path / "r.parquet", columns), RATE).signal_mv, [[1, np.nan, np.nan, 2], [np.nan, 1, 2, 3]]
    )


def test_a_column_of_time_gives_the_rate_and_others_are_left_out_whatever_they_hold(tmp_path):
    columns = {"who": ["Jane Smith"] * 1000, "time_ms": np.arange(1000) * 4, **lead_columns(samples_mv())}
    recording = read(write_parquet(tmp_path / "r.parquet", columns), NOTHING_DECLARED)
    np.testing.assert_allclose(recording.signal_mv, samples_mv(), atol=1e-6)
    assert (recording.rate_hz, recording.notes) == (250.0, ("left out who",))
    assert "Smith" not in repr(recording)


def test_declared_names_stand_in_for_columns_without(tmp_path):
    path = write_parquet(tmp_path / "r.parquet", {f"ch.{place}": row for place, row in enumerate(samples_mv())})
    recording = read(path, Declaration(500.0, "mV", LEADS))
    np.testing.assert_allclose(recording.signal_mv, samples_mv(), atol=1e-6)
    assert "found 12 columns with ch.0, ch.1," in _refusal(path)


def test_batches_are_put_together(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_table, "_ROWS_AT_ONCE", 7)
    path = write_parquet(tmp_path / "r.parquet", lead_columns(samples_mv()))
    np.testing.assert_allclose(read(path, RATE).signal_mv, samples_mv(), atol=1e-6)


def test_what_pandas_writes_is_read(tmp_path):
    import pandas as pd

    path = tmp_path / "r.parquet"
    pd.DataFrame(lead_columns(samples_mv()), index=pd.Index(np.arange(1000) / 500, name="time_s")).to_parquet(path)
    recording = read(path, NOTHING_DECLARED)
    np.testing.assert_allclose(recording.signal_mv, samples_mv(), atol=1e-6)
    assert (recording.rate_hz, recording.notes) == (500.0, ())


@pytest.mark.parametrize(
    ("column", "kind"),
    [(["1.0"], "string"), ([True], "bool"), ([datetime(2015, 2, 3)], "timestamp"), ([b"1"], "binary"), ([None], "null")],
)
def test_a_lead_that_holds_no_numbers_is_refused(tmp_path, column, kind):
    assert f"found column I_mV of {kind}" in _refusal(write_parquet(tmp_path / "r.parquet", {"I_mV": column}))


def test_a_name_that_comes_twice_is_refused(tmp_path):
    import pyarrow
    from pyarrow.parquet import write_table

    path = tmp_path / "r.parquet"
    write_table(pyarrow.table([[1.0], [2.0]], names=["I_mV", "I_mV"]), path)
    assert "found column I_mV twice" in _refusal(path)


def test_an_empty_table_is_refused(tmp_path):
    assert "found no samples" in _refusal(write_parquet(tmp_path / "r.parquet", {"I_mV": np.zeros(0)}))


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"compression": "none", "write_page_checksum": True}])
def test_pages_that_cannot_be_unpacked_are_refused(tmp_path, options):
    path = write_parquet(tmp_path / "r.parquet", {"I_mV": samples_mv()[0]}, use_dictionary=False, **options)
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + bytes(100) + whole[300:])
    assert "found a damaged Parquet file" in _refusal(path)


def test_it_is_known_by_its_first_bytes(tmp_path):
    path = write_parquet(tmp_path / "r.parquet", lead_columns(samples_mv()))
    assert sniff(Path("any.name"), path.read_bytes()[:8192])
    assert not sniff(path, path.read_bytes()[1:])


def _seed(folder: Path) -> Path:
    return write_parquet(folder / "seed.parquet", lead_columns(samples_mv(num_samples=300)))


def _plain_seed(folder: Path) -> Path:
    columns = lead_columns(samples_mv(num_samples=300).astype(np.float32))
    return write_parquet(folder / "seed.parquet", columns, compression="zstd", use_dictionary=False, data_page_version="2.0")


test_a_damaged_table_is_read_or_refused = fuzz_test(_seed, lambda path: read(path, RATE))
test_a_damaged_table_of_another_packing_is_read_or_refused = fuzz_test(_plain_seed, lambda path: read(path, RATE))
