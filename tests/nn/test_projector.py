import torch

from cardiolens.nn.projector import Projector, ProjectorConfig


def test_a_projector_is_two_linear_layers_with_a_relu_between():
    projector = Projector(ProjectorConfig(hidden=5, width=3), 4)
    features = torch.randn(2, 6, 4)
    hidden = (features @ projector.expand.weight.T + projector.expand.bias).clamp(min=0)
    torch.testing.assert_close(projector(features), hidden @ projector.project.weight.T + projector.project.bias)


def test_the_papers_projector_ends_in_128_numbers():
    shapes = [tuple(p.shape) for p in Projector(ProjectorConfig(), 384).parameters()]
    assert shapes == [(512, 384), (512,), (128, 512), (128,)]
