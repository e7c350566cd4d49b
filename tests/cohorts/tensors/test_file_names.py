import pytest

from cardiolens.cohorts.tensors.file_names import find_tensors
from cardiolens.errors import BadInput


def _touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_each_file_is_known_by_its_name_and_others_are_passed_over(tmp_path):
    _touch(
        tmp_path,
        "ecgs_val_ecg_imaging_noBase_gn.pt",
        "images_val_ecg_imaging.pt",
        "labels_val_flutter_all.pt",
        "labelsOneHot/labels_val_heart_attack_all.pt",
        "ecgs_train_diabetes_tenth_balanced_noBase_gn.pt",
        "labelsOneHot/labels_train_diabetes_tenth_balanced.pt",
        "ecgs_train_diabetes_hundredth_balanced_noBase_gn.pt",
        "labelsOneHot/labels_train_diabetes_hundredth_balanced.pt",
        "labels_train_CAD_balanced.pt",
        "deeper/ecgs_train_ecg_imaging_noBase_gn.pt",
        "README.txt",
    )
    files = find_tensors(tmp_path)
    assert set(files.paired) == set(files.pictures) == {"val"}
    assert set(files.labels) == {("val", "af")}
    assert set(files.one_hot) == {("val", "heart_attack")}
    assert list(files.balanced) == [("dm", "hundredth"), ("dm", "tenth")]
    assert sorted(files.ecgs.values()) == ["train", "train", "val"]
    assert len(files.everything) == 8


@pytest.mark.parametrize(
    ("names", "partner"),
    [
        (["images_train_ecg_imaging.pt"], "ecgs_train_ecg_imaging_noBase_gn.pt"),
        (["labels_test_CAD_all.pt"], "ecgs_test_ecg_imaging_noBase_gn.pt"),
        (["labelsOneHot/labels_test_CAD_all.pt"], "ecgs_test_ecg_imaging_noBase_gn.pt"),
        (["ecgs_train_CAD_all_balanced_noBase_gn.pt"], "labelsOneHot/labels_train_CAD_all_balanced.pt"),
        (["labelsOneHot/labels_train_CAD_all_balanced.pt"], "ecgs_train_CAD_all_balanced_noBase_gn.pt"),
        (["ecgs_val_Regression_noBase_gn.pt"], "labelsOneHot/labels_val_Regression_stdNormed.pt"),
        (
            ["ecgs_val_Regression_noBase_gn.pt", "labelsOneHot/labels_val_Regression_stdNormed.pt"],
            "labels_val_Regression_mask.pt",
        ),
    ],
)
def test_a_file_without_its_partner_is_refused(tmp_path, names, partner):
    _touch(tmp_path, *names)
    with pytest.raises(BadInput, match=f"found this file without {partner}; expected both"):
        find_tensors(tmp_path)


def test_two_files_of_one_label_are_refused(tmp_path):
    _touch(tmp_path, "ecgs_val_ecg_imaging_noBase_gn.pt", "labels_val_flutter_all.pt", "labels_val_af_all.pt")
    with pytest.raises(BadInput, match=r"labels of af, which labels_val_af_all.pt holds too"):
        find_tensors(tmp_path)


@pytest.mark.parametrize("word", ["split", "subject", "lvedv_ml"])
def test_a_label_cannot_take_the_name_of_another_column(tmp_path, word):
    _touch(tmp_path, "ecgs_val_ecg_imaging_noBase_gn.pt", f"labels_val_{word}_all.pt")
    with pytest.raises(BadInput, match=f"a label named {word}"):
        find_tensors(tmp_path)
