import pytest
import torch

from cardiolens.cohorts.tensors.tensor_rows import EcgFile, PictureFile, open_ecgs
from cardiolens.errors import BadInput

ECG = torch.linspace(-1, 1, 60_000).reshape(12, 5000)


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        (torch.zeros(2, 12, 2500), r"a tensor of float32 \(2, 12, 2500\)"),
        (torch.zeros(2, 8, 5000), r"\(2, 8, 5000\)"),
        (torch.zeros(12, 5000), r"\(12, 5000\)"),
        (torch.zeros(2, 12, 5000, dtype=torch.int16), "a tensor of int16"),
        (torch.zeros(0, 12, 5000), "no rows"),
        ([], "no rows"),
        ([ECG, ECG[:, :4096], ECG[:6]], r"2 of 3 rows that do not fit, the first, row 1: a tensor of float32 \(12, 4096\)"),
        ([("ecg", ECG), ("eeg", "text")], "1 of 2 rows that do not fit, the first, row 1: a str"),
        ({"ecg": ECG}, "a dict"),
        (torch.zeros(1).expand(2, 12, 5000), "that claims 480000 bytes"),
    ],
)
def test_what_is_no_cleaned_ten_second_ecg_is_refused(tmp_path, stored, found):
    torch.save(stored, tmp_path / "ecgs.pt")
    with pytest.raises(BadInput, match=rf"^ecgs.pt: found .*{found}.*; expected ") as caught:
        EcgFile(tmp_path / "ecgs.pt")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stored", [torch.zeros(2, 1, 210, 210), torch.zeros(2, 3, 78, 78), [1, 2]])
def test_what_is_no_picture_of_three_phases_is_refused(tmp_path, stored):
    torch.save(stored, tmp_path / "images.pt")
    with pytest.raises(BadInput, match=r"expected pictures of shape \(3, 210, 210\)"):
        PictureFile(tmp_path / "images.pt")


def test_pictures_in_grey_levels_are_refused_before_anything_is_built(tmp_path):
    torch.save(torch.rand(2, 3, 210, 210) * 255, tmp_path / "images.pt")
    with pytest.raises(BadInput, match=r"found brightness from .*; expected 0 to 1; scale"):
        PictureFile(tmp_path / "images.pt")


def test_an_old_file_and_a_list_of_views_hold_the_same_rows(tmp_path):
    both = torch.stack([ECG, 2 * ECG])
    torch.save(both, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    torch.save(list(both), tmp_path / "views.pt")
    for name in ("old.pt", "views.pt"):
        file = EcgFile(tmp_path / name)
        assert len(file) == 2
        assert (file.ecg(1) == (2 * ECG).half().numpy()).all()


def test_a_process_that_has_a_file_open_sees_when_it_is_another(tmp_path):
    path = tmp_path / "ecgs.pt"
    torch.save(ECG[None], path)
    assert open_ecgs(path) is open_ecgs(path)
    torch.save(ECG[None].expand(3, -1, -1).clone(), tmp_path / "new.pt")
    (tmp_path / "new.pt").replace(path)
    assert len(open_ecgs(path)) == 3
