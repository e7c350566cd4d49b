import os
import sys
import zipfile

import pytest
from golden_recordings import sample_paths
from wfdb_files import write_record

from cardiolens.errors import BadRecording, UnknownFormat
from cardiolens.formats import HEAD_BYTES, read_recording, readers
from cardiolens.formats.declaration import Declaration
from cardiolens.types import LEADS


def test_every_reader_on_the_shelf_is_found():
    assert [reader.__name__.rsplit(".", 1)[1] for reader in readers()] == [
        "cardiosoft_xml", "delimited_text", "dicom_ecg", "edf", "hl7_aecg", "muse_xml", "npy_array", "parquet_table",
        "philips_xml", "scp_ecg", "wfdb_record",
    ]  # fmt: skip
    assert all(reader.NAME for reader in readers())


def test_a_file_is_known_by_what_it_holds_not_by_its_name(tmp_path):
    path = write_record(tmp_path)
    assert read_recording(path.rename(tmp_path / "header.txt")).signal_mv.shape == (12, 2500)


def test_an_empty_file_is_to_be_exported_again(tmp_path):
    path = tmp_path / "ecg.xml"
    path.touch()
    with pytest.raises(UnknownFormat, match=r"^ecg\.xml: found an empty file; expected an ECG file; export or copy it again$"):
        read_recording(path)


@pytest.mark.parametrize("content", [b"\x80\x04\x95", b"<svg/>"])
def test_an_unknown_file_is_refused_with_what_would_be_read(tmp_path, content):
    path = tmp_path / "1234567_20205_2_0.bin"
    path.write_bytes(content)
    with pytest.raises(UnknownFormat) as refusal:
        read_recording(path)
    line = str(refusal.value)
    assert "found a file of another kind; expected GE CardioSoft XML (UK Biobank field 20205), " in line
    assert all(reader.NAME in line for reader in readers())
    assert "1234567" not in line


def test_a_path_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(BadRecording, match=r"none\.hea: found a file that cannot be read \(No such file"):
        read_recording(str(tmp_path / "none.hea"))
    with pytest.raises(BadRecording, match="cannot be read"):
        read_recording(tmp_path)


def test_a_zip_archive_is_named_as_what_it_is(tmp_path):
    path = tmp_path / "ecgs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(UnknownFormat, match="found a zip archive; expected one ECG; unpack it"):
        read_recording(path)


def test_control_characters_of_a_strangers_file_are_not_shown(tmp_path):
    path = write_record(tmp_path, leads=(*LEADS, "\x1b[31mV7"))
    recording = read_recording(path)
    assert "\x1b" not in repr(recording.leads) + repr(recording.notes)


def test_each_real_sample_is_known_by_one_reader_alone(shared_data):
    for path in sample_paths(shared_data / "ecg" / "formats"):
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        assert len([reader for reader in readers() if reader.sniff(path, head)]) == 1, path.name


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadRecording, match="found no regular file"):
        read_recording(tmp_path / "pipe")


def test_a_declaration_that_contradicts_the_file_is_refused(tmp_path):
    path = write_record(tmp_path)
    assert read_recording(path, Declaration(rate_hz=500.0, unit="uV")).rate_hz == 500
    with pytest.raises(BadRecording, match="found 500 Hz in the file; expected 250 Hz as declared"):
        read_recording(path, Declaration(rate_hz=250.0))
