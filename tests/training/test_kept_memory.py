"""What the library is told; what it gains depends on where a process's memory lies, and stands in docs/profiles.md."""

import pytest
import torch

from cardiolens.training import kept_memory


class _Library:
    def __init__(self):
        self.told = []

    def mallopt(self, parameter, value):
        self.told.append((parameter, value))

    def malloc_trim(self, pad):
        self.told.append(("trim", pad))


@pytest.fixture
def library(monkeypatch):
    library = _Library()
    monkeypatch.setattr(kept_memory, "_glibc", lambda: library)
    return library


def test_inside_nothing_is_given_back_and_afterwards_everything(library):
    with kept_memory.freed_memory_kept(torch.device("cpu")):
        assert library.told == [(-4, 0), (-1, -1)]
    assert library.told[2:] == [(-4, 65536), (-3, 32 << 20), (-1, 64 << 20), ("trim", 0)]


def test_afterwards_also_means_after_an_error(library):
    with pytest.raises(ValueError, match="lost"), kept_memory.freed_memory_kept(torch.device("cpu")):
        raise ValueError("lost")
    assert library.told[-1] == ("trim", 0)


def test_a_gpus_training_leaves_the_library_as_it_is(library):
    with kept_memory.freed_memory_kept(torch.device("cuda")):
        pass
    assert library.told == []
