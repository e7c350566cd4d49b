import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from cardiolens.configs import from_json, to_json
from cardiolens.imaging.volume_augmentation import VolumeAugmentationConfig
from cardiolens.methods.contrastive import clip_loss
from cardiolens.methods.method import MethodConfig
from cardiolens.methods.mri_branches import CineConfig, DualPhaseConfig, SliceConfig, StackConfig
from cardiolens.methods.mri_contrastive import MriContrastiveConfig, pairwise_clip_loss
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.projector import ProjectorConfig
from cardiolens.nn.volume_encoder import VolumeEncoderConfig

VOLUMES = VolumeEncoderConfig(blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
PICTURES = ImageEncoderConfig(channels=1, blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
BRANCHES = {
    "slice": SliceConfig(16, PICTURES), "cine": CineConfig(16, VOLUMES), "stack": StackConfig(16, VOLUMES),
    "dual_phase": DualPhaseConfig(16, VOLUMES),
}  # fmt: skip
EVERY_BRANCH = pytest.mark.parametrize("branch", BRANCHES.values(), ids=BRANCHES)


@pytest.fixture
def batch(make_batch):
    draw = torch.Generator().manual_seed(5)
    return replace(
        make_batch(6),
        cmr_volumes=torch.rand(6, 2, 5, 32, 32, generator=draw),
        cmr_cine=torch.rand(6, 4, 32, 32, generator=draw),
    )


@pytest.fixture
def build(encoder, none):
    def build(branch, **settings):
        plain = {
            "encoder": replace(encoder, learn_positions=True),
            "augmentation": none,
            "mri_augmentation": VolumeAugmentationConfig(probability=0.0),
        }
        config = MriContrastiveConfig(branch, projector=ProjectorConfig(hidden=16, width=8), **plain | settings)
        return config.build(seed=0)

    return build


def test_the_triplet_loss_is_the_mean_of_three_symmetric_clip_losses():
    ecg, ed, es = np.random.default_rng(1).normal(size=(3, 5, 7)) * np.array([1.0, 3.0, 0.2])[:, None, None]

    def loss_of_finding(anchors, partners):
        total = 0.0
        for i in range(5):
            cosines = [anchors[i] @ p / (np.linalg.norm(anchors[i]) * np.linalg.norm(p)) for p in partners]
            total += np.log(sum(np.exp(c / 0.1) for c in cosines)) - cosines[i] / 0.1
        return total / 5

    assert loss_of_finding(ecg, ed) != pytest.approx(loss_of_finding(ed, ecg), rel=1e-3), "the directions differ"
    pairs = ((ecg, ed), (ecg, es), (ed, es))
    expected = sum((loss_of_finding(a, b) + loss_of_finding(b, a)) / 2 for a, b in pairs) / 3
    found = pairwise_clip_loss([torch.from_numpy(part).double() for part in (ecg, ed, es)], temperature=0.1)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_with_one_view_it_is_the_symmetric_clip_loss():
    ecg, view = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    expected = clip_loss(view, ecg, temperature=0.2, image_weight=0.5)
    assert_close(pairwise_clip_loss([ecg, view], temperature=0.2), expected)


@EVERY_BRANCH
def test_the_gradient_flows_to_every_trained_weight(branch, batch, build):
    method = build(branch)
    method(batch).loss.backward()
    (group,) = method.parameter_groups(1e-4)
    assert {id(p) for p in group.params} == {id(p) for p in method.parameters() if p.grad is not None}
    for part in (method.ecg_encoder, *method.view_encoders.values(), *method.view_projectors.values(), method.ecg_projector):
        assert sum(p.grad.abs().sum() for p in part.parameters() if p.grad is not None) > 0


@EVERY_BRANCH
def test_a_batch_can_be_learned_by_heart(branch, batch, build, losses_of_fitting):
    losses = losses_of_fitting(build(branch), batch, 25)
    assert losses[-1] < 0.6 * losses[0]


def test_either_phase_has_its_own_encoder(batch, build):
    method = build(BRANCHES["dual_phase"]).eval()
    before = method.project_views(batch.cmr_volumes)
    assert not torch.allclose(*(method.view_encoders[phase](batch.cmr_volumes[:, 0]) for phase in ("ed", "es")), atol=1e-3)
    with torch.no_grad():
        for parameter in method.view_encoders["es"].parameters():
            parameter.add_(0.1)
    after = method.project_views(batch.cmr_volumes)
    assert torch.equal(after["ed"], before["ed"])
    assert not torch.allclose(after["es"], before["es"], atol=1e-3)


def test_a_phase_is_seen_by_its_encoder_alone(batch, build):
    method = build(BRANCHES["dual_phase"]).eval()
    other = torch.stack([batch.cmr_volumes[:, 0], 1 - batch.cmr_volumes[:, 1]], dim=1)
    one, two = method.project_views(batch.cmr_volumes), method.project_views(other)
    assert torch.equal(one["ed"], two["ed"])
    assert not torch.allclose(one["es"], two["es"], atol=1e-3)


@EVERY_BRANCH
def test_a_step_follows_from_the_keys(branch, batch, build, strong):
    method = build(branch, augmentation=strong, mri_augmentation=VolumeAugmentationConfig())
    assert torch.equal(method(batch).loss, method(batch).loss)
    assert not torch.equal(method(replace(batch, keys=batch.keys + 1)).loss, method(batch).loss)


@EVERY_BRANCH
def test_validation_looks_at_the_first_window_and_the_mri_as_it_is(branch, batch, build, strong):
    method = build(branch, augmentation=strong, mri_augmentation=VolumeAugmentationConfig(flip=1.0)).eval()
    changed = batch.ecg.clone()
    changed[:, :, 40:] += 1
    views = method.project_views(branch.read(batch))
    expected = pairwise_clip_loss([method.project_ecg(batch.ecg[:, :, :40]), *views.values()], temperature=0.1)
    assert_close(method(replace(batch, ecg=changed, keys=batch.keys + 1)).loss, expected)


def test_the_hit_rate_counts_ecgs_whose_own_heart_is_nearest(batch, build, monkeypatch):
    method = build(BRANCHES["dual_phase"]).eval()
    ecg = torch.eye(6)
    one_wrong = ecg.clone()
    one_wrong[2] = -one_wrong[2]
    monkeypatch.setattr(method, "project_ecg", lambda window, keys: ecg)
    monkeypatch.setattr(method, "project_views", lambda mri: {"ed": 5 * ecg, "es": one_wrong})
    metrics = method(batch).metrics
    assert metrics["ecg_to_ed_top1"].item() == pytest.approx(1.0)
    assert metrics["ecg_to_es_top1"].item() == pytest.approx(5 / 6)


def test_the_method_says_what_it_reads():
    needs = {
        name: (c.needs_images, c.needs_volumes, c.needs_cine) for name, b in BRANCHES.items() for c in [MriContrastiveConfig(b)]
    }
    assert needs["cine"] == (False, False, True)
    assert needs["slice"] == needs["stack"] == needs["dual_phase"] == (False, True, False)


@EVERY_BRANCH
def test_a_batch_without_its_part_of_the_mri_is_a_mistake_of_the_caller(branch, batch, build):
    with pytest.raises(AssertionError, match="not asked for"):
        build(branch)(replace(batch, cmr_volumes=None, cmr_cine=None))


@EVERY_BRANCH
def test_its_settings_survive_json(branch, build):
    config = build(branch).config
    assert from_json(MethodConfig, json.loads(json.dumps(to_json(config))), source="a test") == config
