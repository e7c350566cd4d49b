import numpy as np
import pytest
import torch
from published_folder import noise, one_hot

from cardiolens.cohorts.tensors.label_files import read_numbers, read_one_hot
from cardiolens.errors import BadInput


@pytest.fixture(scope="module")
def ecgs(tmp_path_factory):
    path = tmp_path_factory.mktemp("ecgs") / "ecgs.pt"
    torch.save(noise(0, 4), path)
    return path


@pytest.fixture
def saved(tmp_path):
    def save(value):
        torch.save(value, tmp_path / "labels.pt")
        return tmp_path / "labels.pt"

    return save


@pytest.mark.parametrize("stored", [[0, 1, 1, 0], torch.tensor([0, 1, 1, 0]), torch.tensor([0.0, 1.0, 1.0, 0.0]).half()])
def test_whole_numbers_are_read_from_lists_and_tensors(saved, ecgs, stored):
    np.testing.assert_array_equal(read_numbers(saved(stored), ecgs), [0, 1, 1, 0])


def test_the_number_that_losses_pass_over_is_unknown(saved, ecgs):
    np.testing.assert_array_equal(read_numbers(saved([0, -100, 1, 0]), ecgs), [0, np.nan, 1, 0])


@pytest.mark.parametrize("convert", [lambda t: t, lambda t: t.float(), lambda t: t.tolist(), list])
def test_two_columns_are_read_from_lists_and_tensors(saved, ecgs, convert):
    np.testing.assert_array_equal(read_one_hot(saved(convert(one_hot([0, 1, 1, 0]))), ecgs), [0, 1, 1, 0])


def test_whole_numbers_where_two_columns_belong_are_the_published_trap(saved, ecgs):
    for stored in ([0, 1, 1, 0], torch.tensor([0, 1, 1, 0])):
        with pytest.raises(BadInput, match=r"reads as class 0 throughout; expected one-hot labels of shape \(rows, 2\)"):
            read_one_hot(saved(stored), ecgs)


def test_two_columns_where_whole_numbers_belong_are_refused(saved, ecgs):
    with pytest.raises(BadInput, match=r"found labels in two columns; expected a list of 0 and 1; move it to labelsOneHot"):
        read_numbers(saved(one_hot([0, 1, 1, 0])), ecgs)


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        ([0, 1, 1], "3 labels; expected 4, as many as ECGs in ecgs.pt"),
        ([0, 1, 2, 0], "labels such as 2"),
        ([0, 1, float("nan"), 0], "labels such as nan"),
        (torch.zeros(4, 1), r"numbers of shape \(4, 1\)"),
        (["no", "yes", "no", "no"], "a list that is no table of numbers"),
        ({"labels": [0, 1, 1, 0]}, "a dict that is no table of numbers"),
        ([[0], [1, 2], [3], [4]], "a list that is no table of numbers"),
        (torch.zeros(1).expand(4), "a Tensor that is no table of numbers"),
        (1, "a int that is no table of numbers"),
    ],
)
def test_other_whole_numbers_are_refused_in_one_line(saved, ecgs, stored, found):
    with pytest.raises(BadInput, match=rf"^labels.pt: found {found}") as caught:
        read_numbers(saved(stored), ecgs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stored", [[[0, 0]] * 4, [[1, 1]] * 4, [[0.5, 0.5]] * 4, [[2, -1]] * 4])
def test_rows_that_name_no_class_or_two_are_refused(saved, ecgs, stored):
    with pytest.raises(BadInput, match="rows without exactly one 1"):
        read_one_hot(saved(torch.tensor(stored)), ecgs)


def test_one_hot_labels_of_other_people_are_refused(saved, ecgs):
    with pytest.raises(BadInput, match="5 labels; expected 4"):
        read_one_hot(saved(one_hot([0, 1, 1, 0, 1])), ecgs)
