import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from cardiolens.configs import from_json, to_json
from cardiolens.errors import BadOption
from cardiolens.imaging.volume_augmentation import VolumeAugmentationConfig
from cardiolens.methods import temporal_contrastive
from cardiolens.methods.contrastive import clip_loss
from cardiolens.methods.method import MethodConfig
from cardiolens.methods.temporal_contrastive import (
    TemporalContrastiveConfig,
    local_loss,
    moment_similarity,
    phase_weights,
)
from cardiolens.nn.image_encoder import ImageEncoderConfig
from cardiolens.nn.projector import ProjectorConfig

PICTURES = ImageEncoderConfig(channels=1, blocks=(1, 1, 1, 1), widths=(4, 4, 8, 8), bottleneck=False)
PHASES = 4


@pytest.fixture(autouse=True)
def beats(monkeypatch):
    """ECGs of 40 samples with a beat every 16, of which the first 5 samples lie before any."""
    phase = (torch.arange(40.0) - 5) % 16 / 16
    phase[:5] = torch.nan
    monkeypatch.setattr(temporal_contrastive, "cardiac_phase", lambda ecg: phase.expand(len(ecg), -1))


@pytest.fixture
def config(encoder, none):
    return TemporalContrastiveConfig(
        encoder=replace(encoder, learn_positions=True), frame_encoder=PICTURES, projector=ProjectorConfig(hidden=16, width=8),
        augmentation=none, mri_augmentation=VolumeAugmentationConfig(probability=0.0),
    )  # fmt: skip


@pytest.fixture
def batch(make_batch):
    draw = torch.Generator().manual_seed(5)
    return replace(make_batch(5), cmr_cine=torch.rand(5, PHASES, 32, 32, generator=draw))


def test_the_local_loss_is_the_mean_over_known_moments_of_both_directions():
    draw = np.random.default_rng(2)
    moments, frames = draw.normal(size=(2, 3, PHASES, 6)) * np.array([1.0, 4.0])[:, None, None, None]
    known = np.array([[True, True, False, True], [True, False, False, True], [False] * 4])
    losses = []
    for heart in range(3):
        cosine = [[m @ f / np.linalg.norm(m) / np.linalg.norm(f) for f in frames[heart]] for m in moments[heart]]
        for k in range(PHASES):
            if known[heart, k]:
                to_frame = math.log(sum(math.exp(cosine[k][other] / 0.2) for other in range(PHASES))) - cosine[k][k] / 0.2
                candidates = [other for other in range(PHASES) if known[heart, other]]
                to_moment = math.log(sum(math.exp(cosine[other][k] / 0.2) for other in candidates)) - cosine[k][k] / 0.2
                losses.append((to_frame + to_moment) / 2)
    similarity = moment_similarity(torch.from_numpy(moments).float(), torch.from_numpy(frames).float())
    found = local_loss(similarity, torch.from_numpy(known), temperature=0.2)
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)


def test_a_moment_is_made_of_the_segments_in_which_its_samples_lie():
    phase = torch.tensor([[math.nan, 0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.7, 0.8, 0.95, 0.0, 0.2]])
    weights, known = phase_weights(phase, num_segments=3, num_phases=PHASES)
    expected = np.zeros((PHASES, 3))
    for time, one in enumerate(phase[0].tolist()):
        if not math.isnan(one):
            nearest = min(range(PHASES), key=lambda k: min(abs(one - k / PHASES), 1 - abs(one - k / PHASES)))
            expected[nearest, time // 4] += 1
    expected /= expected.sum(axis=1, keepdims=True)
    assert known.all()
    assert_close(weights[0].double(), torch.from_numpy(expected), rtol=1e-6, atol=1e-6)


def test_a_moment_without_samples_is_unknown():
    weights, known = phase_weights(torch.full((1, 12), 0.5), num_segments=3, num_phases=PHASES)
    assert known.tolist() == [[False, False, True, False]]
    assert not weights[:, [0, 1, 3]].any()


def test_without_the_local_loss_it_is_clips_loss_of_ecgs_and_cines(config, batch):
    method = replace(config, local_weight=0.0).build(seed=0).eval()
    frames = torch.stack([method.frame_encoder(batch.cmr_cine[:, k : k + 1]) for k in range(PHASES)], dim=1)
    cines, ecgs = method.frame_projector(frames.mean(dim=1)), method.project_ecg(batch.ecg[:, :, :40])
    output = method(batch)
    assert_close(output.loss, clip_loss(cines, ecgs, temperature=0.1, image_weight=0.5))
    assert set(output.metrics) == {"global_loss", "ecg_to_cine_top1"}


def test_both_losses_are_weighed_and_reported(config, batch):
    method = replace(config, local_weight=0.3).build(seed=0).eval()
    output = method(batch)
    assert_close(output.loss, output.metrics["global_loss"] + 0.3 * output.metrics["local_loss"])
    assert 0 <= output.metrics["local_top1"] <= 1


def test_the_local_loss_alone_teaches_the_encoder(config, batch, monkeypatch):
    monkeypatch.setattr(temporal_contrastive, "clip_loss", lambda *args, **options: torch.zeros(()))
    method = config.build(seed=0).train()
    method(batch).loss.backward()
    assert method.ecg_encoder.blocks[0].mlp.expand.weight.grad.abs().max() > 1e-6
    assert max(float(p.grad.abs().max()) for p in method.frame_encoder.parameters()) > 1e-6


def test_the_order_of_the_frames_is_told_from_another(config, batch):
    method = config.build(seed=0).eval()
    turned = replace(batch, cmr_cine=batch.cmr_cine.roll(1, dims=1))
    one, other = method(batch).metrics, method(turned).metrics
    assert_close(one["global_loss"], other["global_loss"])
    assert (one["local_loss"] - other["local_loss"]).abs() > 1e-3


def test_a_heart_is_compared_with_itself_alone_by_the_local_loss(config, batch):
    method = config.build(seed=0).eval()
    alone = torch.stack([method(batch.rows(slice(k, k + 1))).metrics["local_loss"] for k in range(5)])
    assert_close(method(batch).metrics["local_loss"], alone.mean())


def test_one_batch_is_fitted(config, batch, losses_of_fitting):
    losses = losses_of_fitting(config.build(seed=0), batch, 80)
    assert losses[-1] < 0.5 * losses[0]


def test_settings_come_back_from_json_and_wrong_ones_are_refused(config):
    assert from_json(MethodConfig, json.loads(json.dumps(to_json(config))), source="a test") == config
    assert config.needs_cine
    for wrong in ({"local_weight": -1.0}, {"frame_encoder": ImageEncoderConfig(channels=3)}):
        with pytest.raises(BadOption):
            replace(config, **wrong)
