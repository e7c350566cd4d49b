import os

import pytest


@pytest.fixture
def no_waiting_for_the_disk(monkeypatch):
    """What a test writes need not survive a power cut; on a busy disk each flush takes a quarter of a second."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
