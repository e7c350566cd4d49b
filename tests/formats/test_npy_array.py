import io
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz_test
from table_files import samples_mv, write_array

from cardiolens.errors import BadRecording
from cardiolens.formats import bounds
from cardiolens.formats.declaration import Declaration
from cardiolens.formats.npy_array import read, sniff
from cardiolens.types import LEADS

ALL = Declaration(500.0, "mV", LEADS)


def _refusal(path: Path, declared: Declaration = ALL) -> str:
    with pytest.raises(BadRecording) as refusal:
        read(path, declared)
    line = str(refusal.value)
    assert line.startswith(f"{path.name}: found ")
    return line


@pytest.mark.parametrize("kind", ["<f4", "<f8", ">f4", ">f8", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("lead_axis", [0, 1])
def test_floating_point_arrays_are_read_whichever_way_they_lie(tmp_path, kind, order, lead_axis):
    values = samples_mv() if lead_axis == 0 else samples_mv().T
    recording = read(write_array(tmp_path / "r.npy", np.asarray(values, kind, order)), ALL)
    np.testing.assert_allclose(recording.signal_mv, samples_mv(), atol=1e-3 if kind == "<f2" else 1e-6)
    assert recording.signal_mv.dtype == np.float32
    assert (recording.leads, recording.rate_hz, recording.source, recording.notes) == (LEADS, 500.0, "r.npy", ())


@pytest.mark.parametrize("kind", ["<i2", ">i2", "<i4", "<i8", "<u2", "i1", "u1"])
def test_whole_numbers_are_read_in_the_declared_unit(tmp_path, kind):
    values = (samples_mv() * 50 + 60).astype(kind)
    recording = read(write_array(tmp_path / "r.npy", values), Declaration(500.0, "uV", LEADS))
    np.testing.assert_allclose(recording.signal_mv, values / 1000, atol=1e-6)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_format_is_read(tmp_path, version):
    path = tmp_path / "r.npy"
    with path.open("wb") as file:
        np.lib.format.write_array(file, samples_mv(), version)
    np.testing.assert_allclose(read(path, ALL).signal_mv, samples_mv(), atol=1e-6)


def test_declared_names_may_hold_a_row_of_time(tmp_path):
    path = write_array(tmp_path / "r.npy", np.vstack([np.arange(1000) * 0.004, samples_mv(2)]))
    recording = read(path, Declaration(None, "mV", ("time_s", "I", "II")))
    np.testing.assert_allclose(recording.signal_mv, samples_mv(2), atol=1e-6)
    assert recording.rate_hz == 250.0


def test_nan_is_a_missing_sample(tmp_path):
    values = samples_mv()
    values[3, 40:44] = np.nan
    assert (np.isnan(read(write_array(tmp_path / "r.npy", values), ALL).signal_mv) == np.isnan(values)).all()


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.zeros((12, 12)), "an array of 12 x 12"),
        (np.zeros((8, 1000)), "an array of 8 x 1000"),
        (np.zeros((3, 12, 1000)), "an array of 3 x 12 x 1000"),
        (np.zeros(12), "an array of 12"),
        (np.zeros(()), "an array of no axis"),
        (np.zeros((12, 0)), "no samples"),
        (np.zeros((12, 9), complex), "an array of <c16"),
        (np.zeros((12, 9), bool), "an array of |b1"),
        (np.zeros((12, 9), "U9"), "an array of <U9"),
        (np.zeros((12, 9), "M8[s]"), "an array of <M8[s]"),
        (np.zeros((12, 9), [("a", "f4")]), "an array of records or objects"),
        (np.full((12, 9), None), "an array of |O"),
    ],
)
def test_what_is_no_ecg_of_the_declared_leads_is_refused_by_shape_or_kind(tmp_path, values, found):
    assert f"found {found};" in _refusal(write_array(tmp_path / "r.npy", values))


def test_leads_unit_and_rate_must_be_declared(tmp_path):
    path = write_array(tmp_path / "r.npy", samples_mv())
    assert "--lead-names I,II" in _refusal(path, Declaration(500.0, "mV"))
    assert "--unit mV" in _refusal(path, Declaration(500.0, None, LEADS))
    assert "--rate 500" in _refusal(path, Declaration(None, "mV", LEADS))


def _promising(folder: Path, shape: str, *, kind: str = "'<f4'") -> Path:
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    path = folder / "r.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    return path


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ("(12, 5000)", "0 bytes of numbers; expected those of 12 x 5000"),
        ("(12, 1000000000000000000000000)", "0 bytes of numbers"),
        ("(12, -1)", "a header without shape or order"),
        ("(12, __import__('os'))", "a header without shape or order"),
        ("(" + "9" * 5000 + ",)", "a header up to byte 5"),
    ],
)
def test_a_promise_that_the_file_does_not_keep_is_refused(tmp_path, shape, found):
    assert f"found {found}" in _refusal(_promising(tmp_path, shape))


def test_nothing_in_the_header_is_run(tmp_path):
    path = _promising(tmp_path, "(12, 1)", kind=f"__import__('pathlib').Path('{tmp_path}/made').touch()")
    assert "found an array of records or objects" in _refusal(path)
    assert not (tmp_path / "made").exists()


def test_an_array_with_bytes_too_many_or_too_few_is_refused(tmp_path):
    path = write_array(tmp_path / "r.npy", samples_mv())
    whole = path.read_bytes()
    for content in (whole[:-1], whole + b"\0"):
        path.write_bytes(content)
        assert "bytes of numbers; expected those of 12 x 1000" in _refusal(path)
    path.write_bytes(whole[:9])
    assert "found a header cut off" in _refusal(path)
    path.write_bytes(whole[:6] + b"\x09" + whole[7:])
    assert "of another version" in _refusal(path)


def test_an_array_beyond_the_ceiling_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "MOST_SAMPLES", 12 * 1000 - 1)
    assert "found 1000 samples in each of 12 leads" in _refusal(write_array(tmp_path / "r.npy", samples_mv()))


def test_it_is_known_by_its_first_bytes(tmp_path):
    path = write_array(tmp_path / "r.npy", samples_mv())
    assert sniff(Path("any.name"), path.read_bytes()[:8192])
    stored = io.BytesIO()
    np.savez(stored, samples_mv())
    assert not sniff(Path("r.npy"), stored.getvalue()[:8192])


def _seed(folder: Path) -> Path:
    return write_array(folder / "seed.npy", samples_mv(num_samples=900).astype(np.float32))


test_a_damaged_array_is_read_or_refused = fuzz_test(_seed, lambda path: read(path, ALL))


def test_the_unit_in_which_it_was_read_is_remembered(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 100)))
    for unit, symbol in (("volts", "V"), ("MV", "mV"), ("\u00b5V", "uV"), ("nV", "nV")):
        recording = read(tmp_path / "a.npy", Declaration(500.0, unit, ("I", "II")))
        assert recording.read_as == symbol
