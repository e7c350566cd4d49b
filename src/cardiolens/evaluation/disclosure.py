"""What a table of people may show: counts of fewer than `FEWEST` could say who, and so could the others beside a total.

A cell that is few is not shown, and others go with it (complementary suppression), until what is hidden of every total is two
cells and `FEWEST` people at least. Which of the hidden cells are few is not told: it would narrow down the others.

Source: Hundepool et al. 2012, Statistical Disclosure Control, chapter 4.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

FEWEST = 10
"""The smallest count of people that is shown, but for nobody."""
NOT_SHOWN = "not shown"


def is_few(count: Int[np.ndarray, "*any"]) -> Bool[np.ndarray, "*any"]:
    """Whether counts are of somebody and too small to be shown."""
    return (count > 0) & (count < FEWEST)


def hidden_levels(
    counts: Int[np.ndarray, "level total"], few: Bool[np.ndarray, " level"] | None = None
) -> Bool[np.ndarray, " level"]:
    """Which levels are not shown in any of the totals to which they add up.

    `few` are those that cannot be shown as such, by default every one with a few in some total. Others go with them from the
    first on: levels are given from the one that is missed the least.
    """
    hidden = is_few(counts).any(axis=1) if few is None else few.copy()
    if not hidden.any():
        return hidden
    for level in np.flatnonzero(~hidden):
        if not _told_by_the_total(counts[hidden]).any():
            break
        hidden[level] = True
    return hidden


def cases_of(events: int, n: int) -> str:
    """Cases among n as tables show them; a few of either are not told."""
    few = bool(is_few(np.array([events, n - events])).any())
    return f"under {FEWEST} of {n:,}" if few and events < FEWEST else f"nearly all {n:,}" if few else f"{events:,} of {n:,}"


def _told_by_the_total(hidden: Int[np.ndarray, "level total"]) -> Bool[np.ndarray, " total"]:
    """Of which totals the rest gives a few away: a single cell, or several who are few together."""
    alone = (hidden > 0).sum(axis=0) < 2
    return is_few(hidden).any(axis=0) & (alone | is_few(hidden.sum(axis=0)))
