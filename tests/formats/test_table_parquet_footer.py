from pathlib import Path

import numpy as np
import pytest
from table_files import lead_columns, samples_mv, write_parquet

from cardiolens.errors import BadRecording
from cardiolens.formats import bounds
from cardiolens.formats.table import parquet_footer
from cardiolens.formats.table.parquet_footer import read_footer


def _zigzag(number: int, width: int = 0) -> bytes:
    """A Thrift number, in as many bytes as asked for."""
    number *= 2
    septets = [number & 127]
    while (number := number >> 7) or len(septets) < width:
        septets.append(number & 127)
    return bytes([*(septet | 128 for septet in septets[:-1]), septets[-1]])


def _footer(path: Path):
    return read_footer(path, path.read_bytes())


def _refusal(path: Path) -> str:
    with pytest.raises(BadRecording) as refusal:
        _footer(path).refuse_what_would_burst(path, path.read_bytes(), (0,))
    return str(refusal.value)


def test_names_and_rows_are_those_that_were_written(tmp_path):
    path = write_parquet(tmp_path / "r.parquet", lead_columns(samples_mv()), row_group_size=300)
    footer = _footer(path)
    assert footer.names == tuple(lead_columns(samples_mv()))
    assert (footer.num_rows, [num_rows for num_rows, _ in footer.groups]) == (1000, [300, 300, 300, 100])
    footer.refuse_what_would_burst(path, path.read_bytes(), tuple(range(12)))


@pytest.mark.parametrize("compression", ["zstd", "gzip", "snappy"])
def test_a_page_that_unpacks_to_more_than_its_rows_is_refused_whatever_the_footer_says(tmp_path, compression):
    num_rows = 2_000_000
    columns = {"I_mV": np.zeros(num_rows, np.float32)}
    options = {"compression": compression, "use_dictionary": False, "data_page_size": 1 << 30, "max_rows_per_page": num_rows}
    path = write_parquet(tmp_path / "r.parquet", columns, row_group_size=num_rows, **options)
    whole = path.read_bytes()
    size = int.from_bytes(whole[-8:-4], "little")
    pages, footer = whole[: -8 - size], whole[-8 - size :]
    for promised in (num_rows, len(columns["I_mV"]) * 4):
        footer = footer.replace(_zigzag(promised), _zigzag(100, len(_zigzag(promised))))
    path.write_bytes(pages + footer)
    assert _footer(path).num_rows == 100
    assert "found a page larger than its column can be" in _refusal(path)


def test_too_many_rows_or_pages_are_refused_before_any_is_unpacked(tmp_path, monkeypatch):
    path = write_parquet(tmp_path / "r.parquet", lead_columns(samples_mv()), max_rows_per_page=10)
    monkeypatch.setattr(parquet_footer, "_MOST_PAGES", 50)
    assert "found more than 50 pages" in _refusal(path)
    monkeypatch.setattr(bounds, "MOST_SAMPLES", 999)
    assert "found 1000 samples in each of 1 leads" in _refusal(path)


def test_nested_columns_are_refused(tmp_path):
    for column in ([[1.0, 2.0], [3.0]], [{"a": 1.0}, {"a": 2.0}]):
        assert "found columns inside columns" in _refusal(write_parquet(tmp_path / "r.parquet", {"I_mV": column}))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda whole: whole[:-1], "a cut-off or encrypted Parquet file"),
        (lambda whole: whole[:-4] + b"PARE", "a cut-off or encrypted Parquet file"),
        (lambda whole: whole[:-8] + b"\xff\xff\xff\x7f" + whole[-4:], "a cut-off or encrypted Parquet file"),
        (lambda whole: whole[:4] + whole[-4:], "a cut-off or encrypted Parquet file"),
        (lambda whole: whole[:-8] + b"\x01\x00\x00\x00" + whole[-4:], "a footer that is not understood"),
        (lambda whole: whole[:4] + whole[104:], "a page"),
        (lambda whole: whole[:4] + bytes([255] * 100) + whole[104:], "a page that is not understood"),
    ],
)
def test_what_is_cut_off_or_damaged_is_refused(tmp_path, change, found):
    path = write_parquet(tmp_path / "r.parquet", {"I_mV": samples_mv()[0]}, use_dictionary=False, compression="none")
    path.write_bytes(change(path.read_bytes()))
    assert f"found {found}" in _refusal(path)
