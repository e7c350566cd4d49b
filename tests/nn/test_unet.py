import pytest
import torch

from cardiolens.errors import BadOption
from cardiolens.nn.unet import UNet, UNetConfig


def test_every_pixel_gets_four_logits_at_any_size_that_divides():
    config = UNetConfig(channels=(4, 8, 8), residual_units=1)
    net = UNet(config).eval()
    assert config.divisor == 4
    assert net(torch.rand(2, 3, 16, 24)).shape == (2, 4, 16, 24)


def test_an_empty_slice_gives_finite_logits():
    assert torch.isfinite(UNet(UNetConfig(channels=(4, 8), residual_units=0)).eval()(torch.zeros(1, 3, 8, 8))).all()


@pytest.mark.parametrize("wrong", [{"channels": (8,)}, {"residual_units": 9}, {"dropout": 1.0}])
def test_sizes_that_no_network_has_are_refused(wrong):
    with pytest.raises(BadOption, match=next(iter(wrong))):
        UNetConfig(**wrong)
