import pytest

from cardiolens.serving.inspection import Inspection
from cardiolens.serving.inspection_picture import is_picture_file, write_picture
from cardiolens.signals.contract import examine_recording
from cardiolens.signals.quality import Verdict

INSPECTION = Inspection("archive.zip/a b<1>.xml", Verdict.GOOD)


@pytest.mark.parametrize(("name", "begins"), [("ecg.png", b"\x89PNG"), ("ecg.SVG", b"<?xml")])
def test_one_picture_is_of_the_kind_its_name_says(tmp_path, recording, name, begins):
    path = write_picture(tmp_path / name, 1, INSPECTION, examine_recording(recording))
    assert is_picture_file(path)
    assert path.read_bytes().startswith(begins)


def test_in_a_folder_a_picture_is_named_by_number_and_source(tmp_path, recording):
    path = write_picture(tmp_path / "drawn", 7, INSPECTION, examine_recording(recording))
    assert path.name == "00007_archive.zip_a_b_1_.xml.png"
    assert not is_picture_file(tmp_path / "drawn")
