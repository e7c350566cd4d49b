from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.testing import assert_close

from cardiolens.methods.ecg_embedding import EcgEmbedding
from cardiolens.nn.pooling import MeanPoolConfig
from cardiolens.nn.projector import Projector, ProjectorConfig


class Compared(EcgEmbedding):
    """A method that compares nothing."""

    def forward(self, batch):
        raise NotImplementedError


@pytest.fixture
def method(encoder):
    torch.manual_seed(0)
    projector = partial(Projector, ProjectorConfig(hidden=16, width=8))
    return Compared(replace(encoder, learn_positions=True), MeanPoolConfig(), projector)


def test_the_projection_is_that_of_the_pooled_tokens(method, make_batch):
    ecg = make_batch(4).ecg[:, :, :40]
    tokens = method.eval().ecg_encoder(ecg)
    assert_close(method.embed_ecg(ecg), method.ecg_pool(tokens))
    assert_close(method.project_ecg(ecg), method.ecg_projector(method.ecg_pool(tokens)))


def test_everything_learns_alike_but_the_norm_that_belongs_to_others(method):
    (group,) = method.parameter_groups(0.1)
    assert (group.lr_scale, group.weight_decay) == (1.0, 0.1)
    left_out = {name for name, p in method.named_parameters() if all(p is not other for other in group.params)}
    assert left_out == {"ecg_encoder.norm.weight", "ecg_encoder.norm.bias"}
    assert (method.selects_by.metric, method.selects_by.higher_is_better) == ("loss", False)
