import pytest
import torch

from cardiolens.errors import BadOption
from cardiolens.training.device import choose_device


@pytest.mark.parametrize(
    ("gpus", "name", "chosen"),
    [(0, "auto", "cpu"), (2, "auto", "cuda:0"), (2, "cuda", "cuda:0"), (2, "cpu", "cpu"), (2, "cuda:1", "cuda:1")],
)
def test_a_device_is_chosen_among_those_that_are_there(monkeypatch, gpus, name, chosen):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert choose_device(name) == torch.device(chosen)


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "gpu", ""])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(BadOption, match="auto, cpu"):
        choose_device(name)
