import errno
import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from cardiolens.cohorts.tensors import tensor_writer
from cardiolens.cohorts.tensors.tensor_writer import write_rows, write_table
from cardiolens.errors import NoSpace


def _blocks(count=3):
    return (np.full((2, 4), block, dtype=np.float32) for block in range(count))


def test_blocks_become_one_tensor_and_nothing_else_is_left(tmp_path):
    write_rows(tmp_path / "rows.pt", _blocks(), shape=(6, 4))
    stored = torch.load(tmp_path / "rows.pt", weights_only=True, mmap=True)
    assert torch.equal(stored, torch.arange(3.0).repeat_interleave(2)[:, None].expand(6, 4))
    assert [path.name for path in tmp_path.iterdir()] == ["rows.pt"]


def test_the_same_rows_give_the_same_bytes_whatever_the_files_name(tmp_path):
    for name in ("one.pt", "two.pt"):
        write_rows(tmp_path / name, _blocks(), shape=(6, 4))
        write_table(tmp_path / f"table_{name}", [1, 2])
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "two.pt").read_bytes()
    assert (tmp_path / "table_one.pt").read_bytes() == (tmp_path / "table_two.pt").read_bytes()


def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path):
    write_rows(tmp_path / "rows.pt", _blocks(), shape=(6, 4))
    before = (tmp_path / "rows.pt").read_bytes()

    def broken():
        yield from _blocks(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_rows(tmp_path / "rows.pt", broken(), shape=(6, 4))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"rows.pt": before}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="fills a disk by /dev/full")
def test_a_disk_that_is_full_when_torch_writes_is_said(tmp_path, monkeypatch):
    class Full(io.BytesIO):
        def write(self, content):
            raise OSError(errno.ENOSPC, "No space left on device")

    real = Path.open
    monkeypatch.setattr(
        tensor_writer.Path,
        "open",
        lambda path, mode: Full() if ".numbers." not in path.name and mode == "wb" else real(path, mode),
    )
    with pytest.raises(NoSpace, match=r"rows.pt: no space left"):
        write_rows(tmp_path / "rows.pt", _blocks(), shape=(6, 4))
    assert not list(tmp_path.iterdir())


def _own_memory():
    return int(re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) << 10


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks for memory in /proc")
def test_a_large_tensor_is_written_with_the_memory_of_a_block(tmp_path, monkeypatch):
    most, real = [], torch.save

    def watched(*arguments):
        real(*arguments)
        most.append(_own_memory())

    def blocks():
        for _ in range(50):
            yield np.ones((2, 250_000), dtype=np.float32)
            most.append(_own_memory())

    write_rows(tmp_path / "first.pt", _blocks(), shape=(6, 4))
    monkeypatch.setattr(tensor_writer.torch, "save", watched)
    before = _own_memory()
    write_rows(tmp_path / "rows.pt", blocks(), shape=(100, 250_000))
    assert (tmp_path / "rows.pt").stat().st_size > 100 * 10**6
    assert max(most) - before < 25 * 10**6
