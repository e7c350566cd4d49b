import os

import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """The tensors here are too small to share out; threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def no_waiting_for_the_disk(monkeypatch):
    """What a test writes need not survive a power cut; on a busy disk each flush takes a quarter of a second."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
