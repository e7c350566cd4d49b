"""Damage to files, and what a reader must do with it: a recording or one of our own errors, in bounded time and memory."""

import contextlib
import gc
import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cardiolens.errors import CardiolensError

EXAMPLES = 500
MOST_SEED_BYTES = 50_000
MOST_SECONDS = 2.0
MOST_KIB = 500_000
_HEADER_BYTES = 600
_WORDS = (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\x00\x00\x00", b"\x01\x00")
_TEXTS = (b"999999999999", b"-1", b"0", b"nan", b"1e308", b"../../etc/passwd", b"<", b">", b'"', b",", b"\n", b" ", b"\\")


def fuzz_test(write: Callable[[Path], Path], read: Callable[[Path], object], *, damaged: str | None = None):
    """A test: whatever is done to the file that `write(folder)` makes, `read` gives a recording or raises one of our errors.

    `write` returns the path to read, of at most 50 kB; `damaged` names the file to damage where it is another, beside it.
    """

    def test(tmp_path_factory):
        folder = tmp_path_factory.mktemp("fuzz")
        path = write(folder)
        target = folder / damaged if damaged else path
        whole = target.read_bytes()
        assert len(whole) <= MOST_SEED_BYTES
        read(path)  # whole, it can be read; and what is imported late is imported now

        @settings(
            max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(edits(len(whole)))
        def survives(changes):
            target.write_bytes(edited(whole, changes))
            assert_refused_or_read(read, path)

        survives()

    return test


def assert_refused_or_read(read: Callable[[Path], object], path: Path) -> None:
    """`read(path)` returns or raises one of our errors, within 2 s of this process's own time and 500 MB."""
    measured = _reset_peak()
    before = _peak_kib()
    # A collection goes through all that earlier tests left behind, which takes half a second and is not the reader's.
    gc.disable()
    try:
        began = time.process_time()
        with contextlib.suppress(CardiolensError):
            read(path)
        seconds = time.process_time() - began
    finally:
        gc.enable()
    assert seconds < MOST_SECONDS
    assert not measured or _peak_kib() - before < MOST_KIB


def edits(size: int) -> st.SearchStrategy[list[tuple[int, str, bytes]]]:
    """One to six changes of a file of `size` bytes, half of them near its beginning, where the promises are."""
    place = st.one_of(st.integers(0, min(size, _HEADER_BYTES) - 1), st.integers(0, size - 1))
    extreme = st.sampled_from(_WORDS + _TEXTS)
    replaced = st.tuples(place, st.just("replace"), st.one_of(st.binary(min_size=1, max_size=4), extreme))
    inserted = st.tuples(place, st.just("insert"), st.one_of(st.binary(min_size=1, max_size=64), extreme))
    removed = st.tuples(place, st.just("remove"), st.binary(min_size=1, max_size=64))
    cut = st.tuples(place, st.just("cut"), st.just(b""))
    return st.lists(st.one_of(replaced, replaced, inserted, removed, cut), min_size=1, max_size=6)


def edited(whole: bytes, changes: list[tuple[int, str, bytes]]) -> bytes:
    """The bytes after the changes, one after the other."""
    for place, kind, piece in changes:
        after = {"replace": place + len(piece), "insert": place, "remove": place + len(piece), "cut": len(whole)}[kind]
        whole = whole[:place] + (piece if kind in {"replace", "insert"} else b"") + whole[after:]
    return whole


def _reset_peak() -> bool:
    """Whether the process's greatest memory can be measured anew from here (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _peak_kib() -> int:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return int(status.split("VmHWM:")[1].split()[0])
