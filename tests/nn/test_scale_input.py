import torch

from cardiolens.nn.scale_input import LOG_SCALE_MEAN, ScaleInput

POOLED = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
SCALE_MV = torch.tensor([[0.05, 0.05, 0.1], [0.1, 0.1, 0.2], [0.2, 0.2, 0.4], [0.1, 0.1, 0.4]])


def trained(width: int = 8) -> ScaleInput:
    torch.manual_seed(0)
    layer = ScaleInput(width)
    torch.nn.init.normal_(layer.output.weight)
    return layer


def test_a_fresh_one_changes_nothing():
    assert torch.equal(ScaleInput(8)(POOLED, SCALE_MV), POOLED)


def test_a_fresh_one_can_learn():
    layer = ScaleInput(8)
    layer(POOLED, SCALE_MV).square().sum().backward()
    assert layer.output.weight.grad.abs().max() > 0


def test_voltage_changes_what_comes_out():
    layer = trained()
    assert (layer(POOLED, 2 * SCALE_MV) - layer(POOLED, SCALE_MV)).abs().max() > 0.1


def test_what_a_voltage_means_depends_on_the_shape():
    layer = trained()
    effect = layer(POOLED, 2 * SCALE_MV) - layer(POOLED, SCALE_MV)
    other = layer(-POOLED, 2 * SCALE_MV) - layer(-POOLED, SCALE_MV)
    assert (effect - other).abs().max() > 0.1


def test_equal_factors_of_voltage_are_equal_steps_of_its_input():
    layer = trained()
    seen = []
    layer.from_scale.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for factor in (1, 2, 4):
        layer(POOLED, factor * SCALE_MV)
    torch.testing.assert_close(seen[2] - seen[1], seen[1] - seen[0])
    layer(POOLED[:1], torch.tensor([LOG_SCALE_MEAN]).exp())
    torch.testing.assert_close(seen[3], torch.zeros(1, 3), rtol=0, atol=1e-5)
