import pytest
from wfdb_files import write_record

from cardiolens.errors import BadRecording, UnknownFormat
from cardiolens.formats import read_recording, readers
from cardiolens.signals.contract import prepare_recording


def test_every_reader_on_the_shelf_is_found():
    assert [reader.__name__.rsplit(".", 1)[1] for reader in readers()] == ["cardiosoft_xml", "wfdb_record"]
    assert all(reader.NAME for reader in readers())


def test_a_file_is_known_by_what_it_holds_not_by_its_name(tmp_path):
    path = write_record(tmp_path)
    assert read_recording(path.rename(tmp_path / "header.txt")).signal_mv.shape == (12, 2500)


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"", "an empty file"), (b"\x80\x04\x95", "a file of another kind"), (b"<svg/>", "a file of another kind")],
)
def test_an_unknown_file_is_refused_with_what_would_be_read(tmp_path, content, found):
    path = tmp_path / "1234567_20205_2_0.bin"
    path.write_bytes(content)
    with pytest.raises(UnknownFormat) as refusal:
        read_recording(path)
    line = str(refusal.value)
    assert f"found {found}; expected GE CardioSoft XML (UK Biobank field 20205) or WFDB record" in line
    assert "1234567" not in line


def test_a_path_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(BadRecording, match=r"none\.hea: found a file that cannot be read \(No such file"):
        read_recording(tmp_path / "none.hea")
    with pytest.raises(BadRecording, match="cannot be read"):
        read_recording(tmp_path)


def test_every_real_file_of_these_formats_meets_the_input_contract(shared_data):
    formats = shared_data / "ecg" / "formats"
    paths = [
        *(formats / "wfdb_cinc").glob("*.hea"),
        *(formats / "wfdb_cinc").glob("*.mat"),
        *(formats / "cardiosoft_xml").glob("*.xml"),
    ]
    assert len(paths) >= 12
    for path in paths:
        prepared = prepare_recording(read_recording(path))
        assert prepared.rate_hz == 500
        assert prepared.signal_mv.shape[0] == 12


def test_real_files_of_other_formats_are_refused(shared_data):
    others = [p for folder in ("dicom", "hl7_aecg", "scp") for p in (shared_data / "ecg" / "formats" / folder).iterdir()]
    for path in others:
        with pytest.raises(UnknownFormat):
            read_recording(path)
