from pathlib import Path

import numpy as np
import pytest
from edf_files import ecg_channels, write_edf
from fuzzing import fuzz_test
from table_files import samples_mv, write_text
from wfdb_files import write_record

from cardiolens.errors import BadRecording
from cardiolens.formats import bounds, delimited_text
from cardiolens.formats.declaration import NOTHING_DECLARED, Declaration
from cardiolens.formats.delimited_text import read, sniff
from cardiolens.types import LEADS

RATE = Declaration(500.0)
ALL = Declaration(500.0, "mV", LEADS)


def _refusal(path: Path, declared: Declaration = RATE) -> str:
    with pytest.raises(BadRecording) as refusal:
        read(path, declared)
    line = str(refusal.value)
    assert line.startswith(f"{path.name}: found ")
    assert "\n" not in line
    return line


def _known(path: Path) -> bool:
    return sniff(Path("any.name"), path.read_bytes()[:8192])


def _edited(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("delimiter", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ",")])
def test_a_table_is_read_however_it_is_punctuated(tmp_path, delimiter, decimal, line_end, encoding):
    names = [f"{lead} (µV)" for lead in LEADS]
    path = write_text(
        tmp_path / "r.csv",
        samples_mv() * 1000 + 0.5,
        names,
        delimiter=delimiter,
        decimal=decimal,
        line_end=line_end,
        encoding=encoding,
    )
    assert _known(path)
    recording = read(path, RATE)
    np.testing.assert_allclose(recording.signal_mv, samples_mv() + 0.0005, atol=1e-6)
    assert recording.signal_mv.dtype == np.float32
    assert (recording.leads, recording.rate_hz, recording.source, recording.notes) == (LEADS, 500.0, "r.csv", ())


def test_a_column_of_time_gives_the_rate_and_others_are_left_out(tmp_path):
    times = np.arange(1000) * 4.0
    path = write_text(tmp_path / "r.csv", np.vstack([times, samples_mv()]), ["time_ms", *(f"{lead}_mV" for lead in LEADS)])
    path.write_text("\n".join(f'{line},"walked, then 1234567"' for line in path.read_text().splitlines()))
    recording = read(_edited(path, "walked, then 1234567", "note 1234567"), NOTHING_DECLARED)
    np.testing.assert_allclose(recording.signal_mv, samples_mv(), atol=1e-6)
    assert recording.rate_hz == 250.0
    assert recording.notes[0].startswith("left out note id-")


def test_without_names_the_declared_ones_are_taken(tmp_path):
    path = write_text(tmp_path / "r.csv", samples_mv(), None)
    assert _known(path)
    recording = read(path, ALL)
    np.testing.assert_allclose(recording.signal_mv, samples_mv(), atol=1e-6)
    assert recording.leads == LEADS
    assert "found 12 columns with no names" in _refusal(path, Declaration(500.0, "mV"))


@pytest.mark.parametrize("missing", ["", " ", "NaN", "nan", "NA"])
def test_an_empty_cell_is_a_missing_sample(tmp_path, missing):
    values = samples_mv()
    values[3, 40:44] = np.nan
    signal = read(write_text(tmp_path / "r.csv", values, missing=missing), RATE).signal_mv
    assert (np.isnan(signal) == np.isnan(values)).all()


def test_blank_lines_and_quotes_do_not_matter(tmp_path):
    path = write_text(tmp_path / "r.csv", samples_mv(2, 3), ["I_mV", "II_mV"])
    lines = path.read_text().splitlines()
    path.write_text("\n\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in lines) + "\n\n")
    np.testing.assert_allclose(read(path, RATE).signal_mv, samples_mv(2, 3), atol=1e-6)


def test_numbers_are_read_in_blocks_as_in_one(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited_text, "_ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(read(write_text(tmp_path / "r.csv", samples_mv()), RATE).signal_mv, samples_mv(), atol=1e-6)


def _small(folder: Path, *rows: str, names: str = "I_mV,II_mV") -> Path:
    path = folder / "r.csv"
    path.write_text("\n".join((names, *rows)) + "\n")
    return path


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (("1,2", "3,none"), "text in line 3, column 2"),
        (("1,2", "", "3,1_000"), "text in line 4, column 2"),
        (("1,2", "3.5.1,4"), "text in line 3, column 1"),
        (("1,2", "0x10,4"), "text in line 3, column 1"),
        (("1,2", "true,4"), "text in line 3, column 1"),
        (("1,2", "7" * 9999 + "x,4"), "text in line 3, column 1"),
        (("1,2", "3"), "1 cells in line 3; expected 2"),
        (("1,2", "3,4,5"), "3 cells in line 3; expected 2"),
        (("1,2", "3," + "4" * 200_000), "line 3 not understood"),
        (('"1,5",2',), "commas and points, or commas in quotes"),
        ((), "no samples"),
    ],
)
def test_what_is_no_number_is_refused_with_its_place(tmp_path, rows, found):
    assert f"found {found}" in _refusal(_small(tmp_path, *rows))


def test_decimal_commas_beside_points_are_refused(tmp_path):
    path = _small(tmp_path, "1,5;2", "0.5;1", names="I_mV;II_mV")
    assert "found commas and points" in _refusal(path)


def test_a_name_in_a_cell_is_not_repeated(tmp_path):
    assert "Smith" not in _refusal(_small(tmp_path, "1,Jane Smith"))


@pytest.mark.parametrize("first", ["0,1,2", ",0,1,2"])
def test_column_numbers_are_not_taken_for_samples(tmp_path, first):
    cells = first.count(",") + 1
    path = _small(tmp_path, *[",".join(["0.5"] * cells)] * 3, names=first)
    assert "found a first line of column numbers" in _refusal(path, Declaration(500.0, "mV", LEADS[:cells]))


def test_a_table_beyond_the_ceiling_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "MOST_SAMPLES", 12 * 1000 - 1)
    assert "samples in each of 12 leads" in _refusal(write_text(tmp_path / "r.csv", samples_mv()))


def test_a_table_of_samples_is_known_by_its_first_line(tmp_path):
    assert _known(_small(tmp_path, "1,2"))
    assert _known(_small(tmp_path, "1,x", names="time,V1,V2"))
    assert _known(_small(tmp_path, "1;2", names="0,1;0,2"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"I,II\x00\n",
        b"\xff\xfeI\x00,\x00I\x00I\x00",
        b"ecg_id,patient_id,age,sex,height\n1,15709.0,56.0,1,\n",
        b"lead,wave,n,mean_mV\nI,Q,2100,-0.0733\n",
        b"# I,II of a healthy heart\n1,2\n",
        b"I\n1\n2\n",
        b"I,age\n1,2\n",
        b"1\t2\nx\ty\n",
        b"100\t2\t360\t650000\n100.dat\t212\t200\t11\t1024\t995\t-22131\t0\tMLII\n",
        b'<?xml version="1.0"?>\n<a>I,II,III</a>\n',
        b'{"I": [1, 2], "II": [3, 4]}',
    ],
)
def test_other_text_is_not(content):
    assert not sniff(Path("r.csv"), content)


def test_other_formats_are_not(tmp_path):
    assert not _known(write_record(tmp_path))
    assert not _known(write_edf(tmp_path / "r.edf", ecg_channels()))


def test_real_tables_of_other_things_are_not(shared_data):
    tables = [*shared_data.glob("ecg/*.csv"), *shared_data.glob("ecg/ptbxl/*.csv"), *shared_data.glob("cmr/**/*.csv")]
    assert len(tables) >= 4
    assert not [path.name for path in tables if _known(path)]


def test_a_real_record_survives_the_way_through_a_table(shared_data, tmp_path):
    from cardiolens.formats import wfdb_record

    original = wfdb_record.read(shared_data / "ecg" / "formats" / "wfdb_cinc" / "JS20000.hea")
    path = write_text(tmp_path / "r.csv", original.signal_mv.astype(np.float64), [f"{lead} [mV]" for lead in original.leads])
    np.testing.assert_allclose(read(path, RATE).signal_mv, original.signal_mv, atol=1e-6)


def _seed(folder: Path) -> Path:
    values = np.vstack([samples_mv(num_samples=400), np.arange(400) * 0.002])
    return write_text(folder / "seed.csv", values, [*(f"{lead}_mV" for lead in LEADS), "time_s"])


def _seed_of_numbers(folder: Path) -> Path:
    return write_text(folder / "seed.csv", samples_mv(num_samples=400), None, delimiter=";", decimal=",")


test_a_damaged_table_is_read_or_refused = fuzz_test(_seed, lambda path: read(path, NOTHING_DECLARED))
test_a_damaged_table_of_numbers_is_read_or_refused = fuzz_test(_seed_of_numbers, lambda path: read(path, ALL))
