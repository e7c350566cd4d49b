from dataclasses import replace

import numpy as np
import pytest
from small_methods import AUTOENCODER, CONTRASTIVE, run_config

from cardiolens.errors import BadOption, BadRun
from cardiolens.training.pictures import ExamplePictures, example_pictures, similarity_maps
from cardiolens.training.train import train


@pytest.fixture(scope="module")
def runs(tiny_cohort, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [
        train(run_config(method, epochs=1), tiny_cohort, folder / name)
        for name, method in (("mdm", AUTOENCODER), ("mmcl", CONTRASTIVE))
    ]


def test_the_pictures_are_those_of_the_test_split_and_come_back_from_their_file(runs, tiny_cohort, tmp_path):
    shown = example_pictures(*runs, tiny_cohort, num_maps=3)
    rows = tiny_cohort.rows("test")
    np.testing.assert_array_equal(shown.original, tiny_cohort.ecg[rows[0], :, :2500].astype(np.float32))
    np.testing.assert_array_equal(shown.pictures, tiny_cohort.cmr[rows[:3], 1])
    assert shown.reconstructed.shape == shown.original.shape
    assert shown.hidden.sum() == 12 * 5 - int(60 * (1 - 0.8))
    assert shown.similarity.shape == (3, 210, 210)
    assert np.abs(shown.similarity).max() <= 1
    again = ExamplePictures.read(shown.write(tmp_path / "pictures.npz"))
    assert all(np.array_equal(value, getattr(again, name)) for name, value in vars(shown).items())


def test_a_map_differs_over_the_picture_and_between_hearts(runs, tiny_cohort):
    _, maps = similarity_maps(runs[1], tiny_cohort, tiny_cohort.rows("test")[:2])
    assert (maps.std(axis=(1, 2)) > 0).all()
    assert not np.allclose(maps[0], maps[1])


def test_runs_of_another_method_are_refused(runs, tiny_cohort):
    with pytest.raises(BadRun, match="expected a finished run of Contrastive"):
        example_pictures(runs[0], runs[0], tiny_cohort)


def test_a_test_split_without_mri_is_refused(runs, tiny_cohort):
    without = replace(tiny_cohort, subjects=tiny_cohort.subjects.assign(has_cmr=False))
    with pytest.raises(BadOption, match="MRI"):
        example_pictures(*runs, without)


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "pictures.npz"
    path.write_bytes(b"PK not a zip")
    with pytest.raises(BadRun, match="not whole"):
        ExamplePictures.read(path)
