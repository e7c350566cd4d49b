import contextlib
import io
import os
import pickle
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fuzzing import fuzz_test
from table_files import samples_mv, write_array
from wfdb_files import counts, write_record

from cardiolens.errors import BadRecording, CardiolensError, UnknownFormat
from cardiolens.formats import bounds
from cardiolens.formats.collection import EcgInput, list_inputs, read_input
from cardiolens.formats.declaration import Declaration
from cardiolens.types import LEADS


def _zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _record(folder: Path, **fields) -> dict[str, bytes]:
    """The two files of a WFDB record by their names."""
    header = write_record(folder, **fields)
    return {file.name: file.read_bytes() for file in (header, header.with_suffix(".dat"))}


def _listed(*paths: Path) -> list[str]:
    return [ecg_input.source for ecg_input in list_inputs(paths)]


def test_a_folder_is_listed_in_the_order_of_names_folder_by_folder(tmp_path):
    for name in ("b.xml", "a/2.xml", "a/1.xml", "c/d/e.edf", ".hidden/x.xml", ".x.xml", "__MACOSX/y.xml", "a/.DS_Store"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert _listed(tmp_path) == ["a/1.xml", "a/2.xml", "b.xml", "c/d/e.edf"]
    assert _listed(tmp_path / "b.xml", tmp_path / "a", tmp_path / "none") == ["b.xml", "1.xml", "2.xml", "none"]


def test_a_header_stands_for_its_data_files(tmp_path):
    for name in ("r.hea", "r.dat", "r.MAT", "s.dat", "t.mat", "u.xml"):
        (tmp_path / name).touch()
    assert _listed(tmp_path) == ["r.hea", "s.dat", "t.mat", "u.xml"]
    archive = _zip(tmp_path / "a.zip", dict.fromkeys(("x/r.hea", "x/r.dat", "r.dat", "x/r.mat"), b""))
    assert _listed(archive) == ["a.zip/r.dat", "a.zip/x/r.hea"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_links_are_followed_to_files_of_the_same_folder_only(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "r.xml").touch()
    (tmp_path / "out.xml").touch()
    os.symlink(tmp_path / "in" / "r.xml", tmp_path / "in" / "inside.xml")
    os.symlink(tmp_path / "out.xml", tmp_path / "in" / "outside.xml")
    os.symlink(tmp_path, tmp_path / "in" / "up")
    os.symlink(tmp_path / "in" / "loop", tmp_path / "in" / "loop")
    os.symlink(tmp_path / "in", tmp_path / "named")
    assert _listed(tmp_path / "in") == ["inside.xml", "r.xml"]
    assert _listed(tmp_path / "named") == ["inside.xml", "r.xml"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert _listed(tmp_path) == []


def test_a_folder_that_cannot_be_listed_is_one_input_that_says_why(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "b.xml").touch()
    scandir = os.scandir

    def forbidding(folder):
        if Path(folder).name == "a":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", forbidding)
    forbidden, other = list_inputs([tmp_path])
    assert other.source == "b.xml"
    with pytest.raises(BadRecording, match=r"^a: found a file that cannot be read"):
        read_input(forbidden)


def test_a_folder_is_listed_without_reading_ahead(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.xml").touch()
    inputs = list_inputs([tmp_path])
    assert next(inputs).source == "a/1.xml"
    (tmp_path / "a" / "1.xml").unlink()
    assert list(inputs) == []


def test_an_archive_is_known_by_what_it_holds_and_stands_for_its_members(tmp_path):
    _zip(tmp_path / "no_suffix", {"x/2.xml": b"", "x/1.xml": b"", "__MACOSX/x/._1.xml": b""})
    (tmp_path / "fake.zip").write_bytes(b"<xml/>")
    np.savez(tmp_path / "table.npz", samples_mv())
    assert _listed(tmp_path) == ["fake.zip", "no_suffix/x/1.xml", "no_suffix/x/2.xml", "table.npz"]


def test_a_member_is_read_as_the_file_would_be(tmp_path):
    archive = _zip(tmp_path / "a.zip", {"x/ecg.npy": write_array(tmp_path / "r.npy", samples_mv()).read_bytes()})
    (ecg_input,) = list_inputs([archive])
    declared = Declaration(500.0, "mV", LEADS)
    recording = read_input(ecg_input, declared)
    plain = read_input(EcgInput(tmp_path / "r.npy"), declared)
    np.testing.assert_array_equal(recording.signal_mv, plain.signal_mv)
    assert (recording.source, plain.source) == ("a.zip/x/ecg.npy", "r.npy")
    assert recording.format == plain.format


@pytest.mark.parametrize("folder", ["", "deep/down/"])
@pytest.mark.parametrize("name", ["r", "s-1_a"])
def test_a_header_in_an_archive_finds_the_data_file_that_it_names_or_that_bears_its_name(tmp_path, folder, name):
    files = _record(tmp_path, name="r")
    members = {f"{folder}{name}.hea": files["r.hea"], f"{folder}r.dat": files["r.dat"], "elsewhere/r.dat": b"other"}
    inputs = list(list_inputs([_zip(tmp_path / "a.zip", members)]))
    header = next(ecg_input for ecg_input in inputs if ecg_input.member.endswith(".hea"))
    recording = read_input(header)
    np.testing.assert_allclose(recording.signal_mv, counts() / 1000, rtol=1e-6)
    assert recording.source == f"a.zip/{folder}{name}.hea"


def test_a_data_file_of_another_folder_of_the_archive_is_not_taken(tmp_path):
    files = _record(tmp_path)
    archive = _zip(tmp_path / "a.zip", {"x/r.hea": files["r.hea"], "r.dat": files["r.dat"]})
    with pytest.raises(BadRecording, match=r"^a\.zip/x/r\.hea: found no file r\.dat beside it"):
        read_input(EcgInput(archive, "x/r.hea"))


def test_a_header_cannot_draw_other_files_out_of_an_archive_or_the_disk(tmp_path):
    write_record(tmp_path)
    archive = tmp_path / "a.zip"
    for name in ("../r.dat", "/etc/passwd", "x/r.dat"):
        header = write_record(tmp_path / "", signal=name + " 16 1000/mV 16 0 0 0 0 {lead}").read_bytes()
        _zip(archive, {"x/q.hea": header, "r.dat": b"", name: b""})
        with pytest.raises(BadRecording, match="found a data file named"):
            read_input(EcgInput(archive, "x/q.hea"))


def test_nothing_is_left_in_the_temporary_folder(tmp_path, monkeypatch):
    archive = _zip(tmp_path / "a.zip", _record(tmp_path) | {"bad.hea": b"r 1 500 5\nno.dat 16 1000/mV 16 0 0 0 0 I\n"})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    read_input(EcgInput(archive, "r.hea"))
    with pytest.raises(BadRecording):
        read_input(EcgInput(archive, "bad.hea"))
    assert list(scratch.iterdir()) == []


def test_one_bad_member_does_not_stop_the_others(tmp_path):
    nested = io.BytesIO()
    with zipfile.ZipFile(nested, "w") as inner:
        inner.writestr("r.xml", b"x")
    archive = _zip(tmp_path / "a.zip", {"../up.xml": b"x", "inner.zip": nested.getvalue(), **_record(tmp_path), "t.txt": b"x"})
    up, inner, record, text = list_inputs([archive])
    assert read_input(record).signal_mv.shape == (12, 2500)
    for bad, kind in ((up, BadRecording), (inner, UnknownFormat), (text, UnknownFormat)):
        with pytest.raises(kind) as refusal:
            read_input(bad)
        assert str(refusal.value).startswith(f"{bad.source}: found ")
        assert refusal.value.source == bad.source


def test_header_and_data_together_are_bounded(tmp_path, monkeypatch):
    archive = _zip(tmp_path / "a.zip", _record(tmp_path))
    monkeypatch.setattr(bounds, "MOST_BYTES", 60_000)
    with pytest.raises(BadRecording, match=r"^a\.zip/r\.hea: found a member of 60000 bytes; expected 59\d\d\d at most"):
        read_input(EcgInput(archive, "r.hea"))


def test_an_archive_that_cannot_be_listed_is_one_input_that_says_why(tmp_path):
    archive = _zip(tmp_path / "a.zip", _record(tmp_path))
    archive.write_bytes(archive.read_bytes()[:-30])
    (ecg_input,) = list_inputs([archive])
    assert ecg_input.member is None
    with pytest.raises(BadRecording, match=r"^a\.zip: found a broken zip"):
        read_input(ecg_input)


def test_an_archive_as_such_is_no_ecg(tmp_path):
    with pytest.raises(UnknownFormat, match="found a zip archive; expected one ECG"):
        read_input(EcgInput(_zip(tmp_path / "a.zip", {"r.xml": b"x"})))
    np.savez(tmp_path / "table.npz", samples_mv())
    with pytest.raises(UnknownFormat):
        read_input(EcgInput(tmp_path / "table.npz"))


def test_an_archive_that_is_gone_is_refused(tmp_path):
    with pytest.raises(BadRecording, match=r"^a\.zip/r\.hea: found a file that cannot be read \(No such file"):
        read_input(EcgInput(tmp_path / "a.zip", "r.hea"))


def test_participants_and_control_characters_never_show(tmp_path):
    archive = _zip(tmp_path / "1234567.zip", {"7654321/7654322_20205.hea": b"x", "a\x1b[31m.xml": b"x"})
    sources = _listed(archive)
    assert sources[0].startswith("id-")
    assert sources[1].endswith("/a?[31m.xml")
    for ecg_input in list_inputs([archive]):
        with pytest.raises(CardiolensError) as refusal:
            read_input(ecg_input)
        assert not any(private in str(refusal.value) + ecg_input.source for private in ("1234567", "765432", "\x1b"))


@pytest.mark.parametrize("num_before", range(245, 256))
def test_a_number_at_the_place_where_a_long_name_is_cut_never_shows_in_part(tmp_path, num_before):
    source = EcgInput(tmp_path / "a.zip", "x" * (num_before - len("a.zip/")) + "_7654321.hea").source
    assert len(source) <= 255
    assert "_7" not in source


def test_a_participant_in_a_member_s_name_does_not_reach_the_recording(tmp_path):
    archive = _zip(tmp_path / "a.zip", _record(tmp_path, name="7654321_20205"))
    (ecg_input,) = list_inputs([archive])
    recording = read_input(ecg_input)
    assert recording.signal_mv.shape == (12, 2500)
    assert "7654321" not in repr(recording)


def test_an_input_can_be_sent_to_another_process(tmp_path):
    ecg_input = EcgInput(tmp_path / "a.zip", "x/r.hea")
    assert pickle.loads(pickle.dumps(ecg_input)) == ecg_input


@pytest.mark.parametrize("name", ["r.dat", "r.MAT"])
def test_a_data_file_whose_header_is_missing_says_so(tmp_path, name):
    (tmp_path / name).write_bytes(counts().T.tobytes())
    archive = _zip(tmp_path / "a.zip", {f"x/{name}": counts().T.tobytes()})
    for ecg_input in (EcgInput(tmp_path / name), EcgInput(archive, f"x/{name}")):
        with pytest.raises(
            BadRecording, match=r"found a WFDB data file without its header; expected the \.hea beside it; copy"
        ):
            read_input(ecg_input)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UnknownFormat, match="found an empty file"):
        read_input(EcgInput(tmp_path / name))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_a_table_in_utf_16_says_so_and_a_document_of_another_kind_does_not(tmp_path, encoding):
    (tmp_path / "t.csv").write_bytes("\ufeffI_mV,II_mV\n1,2\n".encode(encoding))
    with pytest.raises(BadRecording, match=r"found text in UTF-16; expected text in UTF-8; save it as UTF-8"):
        read_input(EcgInput(tmp_path / "t.csv"))
    (tmp_path / "t.xml").write_bytes("\ufeff<other/>".encode(encoding))
    with pytest.raises(UnknownFormat, match="found a file of another kind"):
        read_input(EcgInput(tmp_path / "t.xml"))


def _seed(folder: Path) -> Path:
    record = _record(folder, samples=counts(num_samples=500))
    return _zip(folder / "seed.zip", record | {"x/note.txt": b"a note", "x/t.csv": b"I_mV,II_mV,time_s\n1,2,0\n1,2,1\n"})


def _read_all(path: Path) -> None:
    for ecg_input in list_inputs([path]):
        with contextlib.suppress(CardiolensError):
            read_input(ecg_input)


test_a_damaged_archive_is_read_or_refused = fuzz_test(_seed, _read_all)
