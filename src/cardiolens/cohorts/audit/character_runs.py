"""Runs of digits, or of letters and digits, in bytes: where each begins and how long it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Integer

_ALL = np.arange(256)
DIGITS: Bool[np.ndarray, "256"] = (ord("0") <= _ALL) & (ord("9") >= _ALL)
LETTERS_AND_DIGITS: Bool[np.ndarray, "256"] = DIGITS | np.isin(
    _ALL, np.frombuffer(bytes(range(65, 91)) + bytes(range(97, 123)), np.uint8)
)


@dataclass(frozen=True)
class Runs:
    """Every longest run, in order."""

    starts: Integer[np.ndarray, " run"]
    lengths: Integer[np.ndarray, " run"]


def character_runs(text: bytes, wanted: Bool[np.ndarray, "256"]) -> Runs:
    """The runs of wanted bytes."""
    inside = np.zeros(len(text) + 2, bool)
    inside[1:-1] = wanted[np.frombuffer(text, np.uint8)]
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    return Runs(edges[::2], edges[1::2] - edges[::2])
