"""Bootstrap by subject of r and R2, for many columns and seeds at once.

A sample is a row of counts: how often it holds each subject. Its numbers follow from six sums weighted by these counts, so
thousands of samples are a few products of matrices.

Source: Efron & Tibshirani 1993.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from einops import rearrange
from jaxtyping import Float, UInt16

RESAMPLES = 10_000
"""Samples of participants behind every interval that is bootstrapped."""
_SAMPLES_AT_ONCE = 250
"""Keeps the counts of 10,000 subjects as float64 at 20 MB."""


@dataclass(frozen=True)
class ResampledSums:
    """Sums over the known targets of every sample; `x` is the score and `y` the target, in units of the target's spread."""

    n: Float[np.ndarray, "sample column"]
    y: Float[np.ndarray, "sample column"]
    yy: Float[np.ndarray, "sample column"]
    x: Float[np.ndarray, "seed sample column"]
    xx: Float[np.ndarray, "seed sample column"]
    xy: Float[np.ndarray, "seed sample column"]

    def r(self) -> Float[np.ndarray, "sample column"]:
        """Pearson's r, mean over seeds: 0 for a score that is the same for everybody, NaN for such a target."""
        with np.errstate(divide="ignore", invalid="ignore"):
            varies = self.xx - self.x**2 / self.n
            r = (self.xy - self.x * self.y / self.n) / np.sqrt(varies * self._spread())
        return np.where(varies > 1e-12 * self.xx, r, np.where(self._spread() > 0, 0.0, np.nan)).mean(axis=0)

    def r_squared(self) -> Float[np.ndarray, "sample column"]:
        """One minus squared error over variance, mean over seeds; NaN for a target that does not vary."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return (1 - (self.xx - 2 * self.xy + self.yy) / self._spread()).mean(axis=0)

    def _spread(self) -> Float[np.ndarray, "sample column"]:
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = self.yy - self.y**2 / self.n
            return np.where(spread > 1e-12 * self.yy, spread, np.nan)


def resampled_counts(num_subjects: int, samples: int, rng: np.random.Generator) -> UInt16[np.ndarray, "sample subject"]:
    """How often each of `samples` draws with replacement holds each subject."""
    counts = np.empty((samples, num_subjects), np.uint16)
    for row in counts if num_subjects else ():
        row[:] = np.bincount(rng.integers(num_subjects, size=num_subjects), minlength=num_subjects)
    return counts


def resampled_totals(
    values: Float[np.ndarray, "subject term"], samples: int, rng: np.random.Generator
) -> Float[np.ndarray, "sample term"]:
    """The sum of every column of `values` in each of `samples` draws of subjects with replacement."""
    sums = np.empty((samples, values.shape[1]))
    for first in range(0, samples, _SAMPLES_AT_ONCE):
        counts = resampled_counts(len(values), min(_SAMPLES_AT_ONCE, samples - first), rng)
        sums[first : first + len(counts)] = counts.astype(np.float64) @ values
    return sums


def resampled_alike(
    tables: Sequence[Float[np.ndarray, "_ _"]], samples: int, rng: np.random.Generator
) -> list[Float[np.ndarray, "sample _"]]:
    """`resampled_totals` of each table. Those of as many subjects are drawn alike, which pairs them: drawing is most of the
    work."""
    drawn: list[Float[np.ndarray, "sample _"]] = [np.zeros((samples, 0))] * len(tables)
    for size in dict.fromkeys(map(len, tables)):
        places = [place for place, table in enumerate(tables) if len(table) == size]
        ends = np.cumsum([tables[place].shape[1] for place in places])
        together = resampled_totals(np.concatenate([tables[place] for place in places], axis=1), samples, rng)
        for place, one in zip(places, np.split(together, ends[:-1], axis=1), strict=True):
            drawn[place] = one
    return drawn


def resampled_sums(
    score: Float[np.ndarray, "seed subject column"],
    target: Float[np.ndarray, "subject column"],
    counts: UInt16[np.ndarray, "sample subject"],
) -> ResampledSums:
    """The sums of every sample; entries with an unknown target (NaN) or score never enter.

    Methods that are given the same `counts` are resampled alike, so that differences between them are paired.
    """
    known = ~np.isnan(target) & ~np.isnan(score).any(axis=0)
    num_known = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, target, 0.0).sum(axis=0) / num_known
    y = np.where(known, target - centre, 0.0)
    spread = np.sqrt((y**2).sum(axis=0) / num_known)
    # Sums of squares about a far zero would lose their digits; r and R2 do not change with zero and unit.
    unit = np.where(spread > 0, spread, 1.0)
    y, x = y / unit, np.where(known, (score - centre) / unit, 0.0)
    of_target = _weighted(counts, np.stack([known.astype(np.float64), y, y**2]))
    of_score = [_weighted(counts, np.stack([one, one**2, one * y])) for one in x]
    return ResampledSums(*of_target, *(np.stack(sums) for sums in zip(*of_score, strict=True)))


def _weighted(
    counts: UInt16[np.ndarray, "sample subject"], terms: Float[np.ndarray, "term subject column"]
) -> Float[np.ndarray, "term sample column"]:
    table = np.ascontiguousarray(rearrange(terms, "term subject column -> subject (term column)"))
    batches = [counts[first : first + _SAMPLES_AT_ONCE] for first in range(0, len(counts), _SAMPLES_AT_ONCE)]
    sums = np.concatenate([batch.astype(np.float64) @ table for batch in batches])
    return rearrange(sums, "sample (term column) -> term sample column", term=len(terms))
