"""The shared space on a cohort of a few hearts: its plumbing; what it is worth stands in the shipped bundle's card."""

import numpy as np
import pytest
import torch

from cardiolens.bundles.bundle import read_bundle
from cardiolens.errors import BadBundle, BadRun
from cardiolens.imaging.augmentation import resize_image
from cardiolens.recipes import smoke
from cardiolens.recipes.selection import aimed_at
from cardiolens.serving.bundling import bundle_run
from cardiolens.serving.refit import refit_bundle
from cardiolens.serving.shared_space_fit import BANK_PIXELS
from cardiolens.training.predict import predict_embeddings
from cardiolens.training.similarity import finished_contrastive
from cardiolens.training.train import train


@pytest.fixture(scope="module")
def runs(tiny_cohort, tmp_path_factory):
    work = tmp_path_factory.mktemp("runs")
    mmcl = train(smoke.mmcl(), tiny_cohort, work / "mmcl")
    joint = train(aimed_at(smoke.joint(), tiny_cohort, ["cad", "lv"]), tiny_cohort, work / "joint", start_from=mmcl.path)
    return mmcl, joint


@pytest.fixture(scope="module")
def bundle(runs, tiny_cohort, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundles") / "joint"
    made = bundle_run(runs[1], tiny_cohort, path, name="", training_data="few", contrastive=runs[0], bank_hearts=6)
    return read_bundle(made.path)


def test_pictures_lie_where_contrastive_training_put_them(bundle, runs, tiny_cohort):
    space, contrastive = bundle.shared_space(), finished_contrastive(runs[0])
    cmr = torch.from_numpy(np.array(tiny_cohort.cmr[:3])).float() / 255
    cmr = resize_image(cmr, space.config.picture_size)
    with torch.inference_mode():
        expected = torch.nn.functional.normalize(contrastive.project_image(cmr), dim=1)
        places = torch.nn.functional.normalize(contrastive.project_places(cmr), dim=-1)
        assert torch.allclose(space.of_pictures(cmr), expected, atol=2e-2)
        assert torch.allclose(space.of_places(cmr), places, atol=3e-2)


def test_training_ecgs_come_closer_to_their_own_pictures(bundle, tiny_cohort):
    rows = tiny_cohort.rows("train")
    space = bundle.shared_space()
    embedding = torch.from_numpy(predict_embeddings(bundle.model(), tiny_cohort, rows))
    cmr = resize_image(torch.from_numpy(np.array(tiny_cohort.cmr[rows])).float() / 255, space.config.picture_size)
    with torch.inference_mode():
        cosines = (space.of_ecgs(embedding) @ space.of_pictures(cmr).T).numpy()
    own = np.diag(cosines).mean()
    assert own > (cosines.sum() - np.trace(cosines)) / (cosines.size - len(cosines))


def test_the_bank_holds_hearts_of_the_training_split(bundle, tiny_cohort):
    bank, card = bundle.bank(), bundle.config.bank
    assert len(bank.names) == card.hearts == 6
    assert bank.names[0] == "synthetic heart 1"
    assert bank.pictures.shape == (6, 3, BANK_PIXELS, BANK_PIXELS)
    train_rows = tiny_cohort.subjects[tiny_cohort.subjects["split"] == "train"]
    known = train_rows["lvedv_ml"].to_numpy()
    of_bank = bank.values[:, bank.columns.index("lvedv_ml")]
    assert np.abs(known[:, None] - of_bank).min(axis=0).max() < 0.1
    assert card.origin == "They are synthetic hearts of the training cohort"


def test_a_bundle_that_is_fitted_again_keeps_space_and_bank(bundle, tiny_cohort, tmp_path):
    again = refit_bundle(bundle, tiny_cohort, tmp_path / "again")
    assert again.bank().names == bundle.bank().names
    for name, tensor in bundle.shared_space().state_dict().items():
        assert torch.equal(again.shared_space().state_dict()[name], tensor)


def test_a_changed_bank_and_another_run_are_refused(bundle, runs, tiny_cohort, tmp_path):
    with pytest.raises(BadRun, match="contrastive"):
        bundle_run(runs[1], tiny_cohort, tmp_path / "b", name="", training_data="", contrastive=runs[1])
    file = bundle.path / "bank.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(BadBundle, match="bank"):
        read_bundle(bundle.path)
    file.write_bytes(whole)


def test_a_bundle_without_them_says_none(tiny_cohort, runs, tmp_path):
    made = bundle_run(runs[1], tiny_cohort, tmp_path / "plain", name="", training_data="")
    assert (made.shared_space(), made.bank()) == (None, None)
    assert sorted(file.name for file in made.path.iterdir()) == ["MODEL_CARD.md", "config.json", "model.safetensors"]
