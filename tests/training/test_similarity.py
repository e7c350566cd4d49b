import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_methods import AUTOENCODER, CONTRASTIVE, run_config
from torch.nn.functional import adaptive_avg_pool2d

from cardiolens.cohorts.synthetic_masks import synthetic_masks
from cardiolens.errors import BadOption, BadRun
from cardiolens.evaluation.localisation import inside_share, localisation, pointing, sanity
from cardiolens.imaging.augmentation import ImageAugmentationConfig
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.training import similarity as similarity_module
from cardiolens.training.predict import first_visits
from cardiolens.training.run import Run
from cardiolens.training.similarity import (
    FROM_THE_TOP,
    RETRIEVAL_COLUMNS,
    LocalSimilarity,
    Projections,
    exchanged,
    finished_contrastive,
    local_similarity,
    partner_ranks,
    project,
    randomised,
    retrieval,
)
from cardiolens.training.train import train


@pytest.fixture(scope="module")
def method(tiny_cohort, tmp_path_factory):
    small = replace(
        CONTRASTIVE,
        image_encoder=ImageEncoderConfig(blocks=(1, 1, 1, 1), widths=(8, 8, 16, 16), bottleneck=False),
        image_augmentation=ImageAugmentationConfig(size=128),
    )
    folder = tmp_path_factory.mktemp("runs")
    return finished_contrastive(train(run_config(small, epochs=12, base_lr=3e-3), tiny_cohort, folder / "mmcl"))


@pytest.fixture(scope="module")
def rows(tiny_cohort):
    return first_visits(tiny_cohort, "train", images=True)


@pytest.fixture(scope="module")
def maps(method, tiny_cohort, rows):
    return local_similarity(method, tiny_cohort, rows)


class _CopiesBrightness(torch.nn.Module):
    """Says of every place how bright and how dark it is."""

    def local(self, cmr):
        bright = adaptive_avg_pool2d(cmr[:, 1:2], 7)
        return torch.cat([bright, 1 - bright], dim=1)

    def forward(self, cmr):
        return self.local(cmr).mean(dim=(2, 3))


def _looks_for_brightness(method):
    """A model whose ECGs all ask for what is bright, so that its maps are the pictures."""
    known = copy.deepcopy(method)
    known.image_encoder, known.image_projector = _CopiesBrightness(), torch.nn.Identity()
    known.project_ecg = lambda ecg: torch.tensor([[1.0, 0.0]]).expand(len(ecg), 2)
    known.project_segments = lambda ecg: torch.tensor([1.0, 0.0]).expand(len(ecg), 12, 10, 2)
    return known


def test_a_map_belongs_to_its_subject_and_comes_back_from_its_file(method, maps, tiny_cohort, rows, tmp_path):
    assert list(maps.subjects) == list(tiny_cohort.subjects["subject"].iloc[rows])
    assert (maps.picture.shape, maps.ecg.shape) == ((len(rows), 8, 8), (len(rows), 12, 10))
    alone = local_similarity(method, tiny_cohort, rows[5:6])
    np.testing.assert_allclose(alone.picture[0], maps.picture[5], atol=1e-5)
    np.testing.assert_allclose(alone.ecg[0], maps.ecg[5], atol=1e-5)
    again = LocalSimilarity.read(maps.write(tmp_path / "maps.npz"))
    assert all(np.array_equal(value, getattr(again, name)) for name, value in vars(maps).items())


def test_the_size_of_a_batch_does_not_matter(method, maps, tiny_cohort, rows, monkeypatch):
    monkeypatch.setattr(similarity_module, "BATCH_SIZE", 5)
    np.testing.assert_allclose(local_similarity(method, tiny_cohort, rows).picture, maps.picture, atol=1e-5)


def test_a_shuffled_pair_has_the_ecg_of_somebody_else(method, maps, tiny_cohort, rows):
    others = exchanged(rows, np.random.default_rng(0))
    assert (others != rows).all()
    assert sorted(others) == sorted(rows)
    shuffled = local_similarity(method, tiny_cohort, rows, ecg_rows=others)
    assert list(shuffled.subjects) == list(maps.subjects), "the picture's subject"
    by_hand = replace(tiny_cohort, ecg=np.array(tiny_cohort.ecg))
    by_hand.ecg[rows[0]] = tiny_cohort.ecg[others[0]]
    np.testing.assert_allclose(shuffled.picture[0], local_similarity(method, by_hand, rows[:1]).picture[0], atol=1e-5)
    with pytest.raises(BadOption, match="two subjects"):
        exchanged(rows[:1], np.random.default_rng(0))


def test_a_map_that_copies_a_bright_blob_points_at_it(method, tiny_cohort):
    rows = np.arange(4)
    pictures = np.zeros_like(tiny_cohort.cmr)
    inside = np.zeros((4, 210, 210), bool)
    inside[:, 60:150, 60:150] = True
    pictures[:2, :, 90:120, 90:120] = 255
    pictures[2:4, :, 0:30, 180:210] = 255
    found = local_similarity(_looks_for_brightness(method), replace(tiny_cohort, cmr=pictures), rows)
    np.testing.assert_array_equal(pointing(found.picture, inside), [1, 1, 0, 0])
    shares = inside_share(found.picture, inside)
    assert (shares[:2] > 0.99).all()
    assert (shares[2:] < 0.01).all()


def test_brightness_lies_in_the_hearts_cavities_whoever_the_ecg_is_of(method, tiny_cohort, rows):
    known, heart = _looks_for_brightness(method), (synthetic_masks(tiny_cohort, rows) % 2 == 1).any(axis=1)
    found = local_similarity(known, tiny_cohort, rows)
    others = local_similarity(known, tiny_cohort, rows, ecg_rows=exchanged(rows, np.random.default_rng(0)))
    kinds = {"own": found.picture, "exchanged": others.picture}
    table = localisation(kinds, heart, subjects=found.subjects, rng=np.random.default_rng(0)).set_index(
        ["measure", "maps", "minus"]
    )
    assert table.loc[("inside_share", "own", "chance"), "low"] > 0.05
    assert table.loc[("pointing", "own", "chance"), "low"] > 0
    assert table.loc[("inside_share", "own", "exchanged"), "value"] == 0


def test_little_of_a_trained_map_is_left_with_random_weights_and_all_of_one_that_needs_none(method, maps, tiny_cohort, rows):
    draws = [local_similarity(randomised(method, seed=seed), tiny_cohort, rows).picture for seed in range(5)]
    found = sanity(maps.picture, {"everything": np.stack(draws)}, subjects=maps.subjects, rng=np.random.default_rng(0))
    assert found["value"].abs().max() < 0.5
    # The picture's own brightness, which an edge detector or a poor explanation would show.
    known = _looks_for_brightness(method)
    blind = local_similarity(known, tiny_cohort, rows).picture
    draws = [local_similarity(randomised(known, seed=seed), tiny_cohort, rows).picture for seed in range(2)]
    worthless = sanity(blind, {"everything": np.stack(draws)}, subjects=maps.subjects, rng=np.random.default_rng(0))
    assert (worthless["value"] > 0.999).all()


def test_weights_are_randomised_in_the_named_parts_alone(method):
    before, top = method.state_dict(), randomised(method, seed=1, parts=FROM_THE_TOP[:1]).state_dict()
    changed = {name for name in before if not torch.equal(before[name], top[name])}
    assert changed
    assert all(name.startswith("image_projector.") for name in changed)
    fresh = method.config.build(seed=1).state_dict()
    assert all(torch.equal(tensor, fresh[name]) for name, tensor in randomised(method, seed=1).state_dict().items())
    assert all(name.startswith(FROM_THE_TOP) for name in before)


def test_a_projection_is_of_the_first_window_or_the_mean_of_all(method, tiny_cohort, rows):
    first, both = (project(method, tiny_cohort, rows[:3], all_windows=all_windows) for all_windows in (False, True))
    ecg = torch.from_numpy(tiny_cohort.ecg[rows[:3]].astype(np.float32))
    with torch.inference_mode():
        windows = [method.project_ecg(ecg[..., start : start + 2500]).numpy() for start in (0, 2500)]
    windows = [window / np.linalg.norm(window, axis=1, keepdims=True) for window in windows]
    np.testing.assert_allclose(first.ecg, windows[0], atol=1e-5)
    mean = sum(windows)
    np.testing.assert_allclose(both.ecg, mean / np.linalg.norm(mean, axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(both.picture, first.picture, atol=1e-6)
    assert (first.ecg_windows, both.ecg_windows) == (1, 2)


def test_retrieval_counts_both_ways_beside_chance():
    angles = np.deg2rad([0.0, 10.0, 100.0])
    pictures = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # The second ECG lies nearer to the first picture than the first ECG does.
    angles = np.deg2rad([-4.0, 3.0, 100.0])
    ecgs = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    names = np.array(["a", "b", "c"])
    np.testing.assert_array_equal(partner_ranks(pictures, ecgs), [2, 1, 1])
    np.testing.assert_array_equal(partner_ranks(ecgs, pictures), [1, 2, 1])
    table = retrieval(Projections(names, pictures, ecgs, ecg_windows=1))
    assert tuple(table.columns) == RETRIEVAL_COLUMNS
    assert len(table) == 8
    there = table.set_index(["direction", "measure"])
    assert there.loc[("image_to_ecg", "recall_at_1"), "value"] == pytest.approx(2 / 3)
    assert there.loc[("ecg_to_image", "recall_at_5"), "value"] == 1
    assert there.loc[("ecg_to_image", "median_rank"), "value"] == 1
    assert list(there.loc["image_to_ecg", "chance"]) == pytest.approx([1 / 3, 1, 1, 2])


def test_a_model_that_finds_all_alike_finds_nobody():
    alike = np.ones((20, 4)) / 2
    assert (partner_ranks(alike, alike) == 20).all()


def test_ranks_do_not_depend_on_how_many_are_ranked_at_once(monkeypatch):
    pictures, ecgs = np.random.default_rng(0).standard_normal((2, 30, 8))
    together = partner_ranks(pictures, ecgs)
    monkeypatch.setattr(similarity_module, "_RANKED_AT_ONCE", 7)
    np.testing.assert_array_equal(partner_ranks(pictures, ecgs), together)


def test_other_runs_half_done_runs_and_subjects_without_mri_are_refused(method, tiny_cohort, tmp_path):
    mdm = Run.start_or_resume(tmp_path / "mdm", run_config(AUTOENCODER), cohort="")
    with pytest.raises(BadRun, match="a finished contrastive run"):
        finished_contrastive(mdm)
    half = Run.start_or_resume(tmp_path / "mmcl", run_config(CONTRASTIVE), cohort="")
    with pytest.raises(BadRun, match=r"no done\.json"):
        finished_contrastive(half)
    without = replace(tiny_cohort, subjects=tiny_cohort.subjects.assign(has_cmr=False))
    with pytest.raises(BadOption, match="2 of 2 subjects without MRI"):
        local_similarity(method, without, np.arange(2))
    with pytest.raises(BadOption, match="no subject with MRI"):
        project(method, tiny_cohort, np.arange(0))


def test_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "maps.npz"
    path.write_bytes(b"PK not a zip")
    with pytest.raises(BadRun, match="not whole"):
        LocalSimilarity.read(path)
