"""What a table of people may show: counts of fewer than `FEWEST` could say who, and so could the others beside a total.

A cell that is few is not shown, and others go with it (complementary suppression), until what is hidden of every total is two
cells and `FEWEST` people at least. Which of the hidden cells are few is not told: it would narrow down the others.

Source: Hundepool et al. 2012, Statistical Disclosure Control, chapter 4.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

FEWEST = 10
"""The smallest count of people that is shown, but for nobody."""
NOT_SHOWN = "not shown"
_TELLING = ("prevalence", "sensitivity", "specificity", "ppv", "npv", "brier", "brier_skill", "observed_to_expected")
"""Numbers from which the cases among known subjects can be computed."""
_NUMBERS = ("value", "mean", "sd", "low", "high")


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


def cases_of(events: int | np.integer, n: int | np.integer) -> str:
    """Cases among n as tables show them; a few of either are not told."""
    few = bool(is_few(np.array([events, n - events])).any())
    return f"under {FEWEST} of {n:,}" if few and events < FEWEST else f"nearly all {n:,}" if few else f"{events:,} of {n:,}"


def people_in_words(n: int | np.integer) -> str:
    """A count of people as tables show it."""
    return f"under {FEWEST}" if 0 < n < FEWEST else f"{n:,}"


def without_telling(numbers: pd.DataFrame) -> pd.DataFrame:
    """Rows of metrics with `n` and `events`, in which nothing gives away who is a few among cases or healthy ones.

    Of a few people altogether nothing is left.
    """
    telling = _of_few(numbers, "events") & numbers["metric"].isin(_TELLING)
    shown = numbers.copy()
    shown.loc[telling | _few_people(numbers), [name for name in _NUMBERS if name in numbers]] = np.nan
    return shown


def publishable(numbers: pd.DataFrame) -> pd.DataFrame:
    """A table's numbers as a file may hold them: a few cases or healthy ones are <NA>, and what would tell them NaN.

    Areas of such rows are rounded to two decimals: all the digits of a share of pairs tell of how many pairs. Tables without
    cases come back as they are.
    """
    shown = without_telling(numbers) if {"metric", "events"} <= set(numbers) else numbers.copy()
    if {"metric", "n"} <= set(numbers) and (few := _few_people(numbers)).any():
        shown["n"] = shown["n"].astype("Int64").mask(few)
    for count in ("events", "fitted_events"):
        if count in numbers and (few := _of_few(numbers, count)).any():
            columns = [name for name in _NUMBERS if name in shown]
            shown.loc[few, columns] = shown.loc[few, columns].round(2)
            shown[count] = shown[count].astype("Int64").mask(few)
    return shown


def _few_people(numbers: pd.DataFrame) -> pd.Series:
    return numbers["n"].between(1, FEWEST - 1).fillna(False).astype(bool)


def _of_few(numbers: pd.DataFrame, count: str) -> pd.Series:
    """Which rows count a few cases, or a few others."""
    cases = numbers[count].astype("Float64")
    others = numbers[count.replace("events", "n")].astype("Float64") - cases
    return (cases.between(1, FEWEST - 1) | others.between(1, FEWEST - 1)).fillna(False).astype(bool)


def _told_by_the_total(hidden: Int[np.ndarray, "level total"]) -> Bool[np.ndarray, " total"]:
    """Of which totals the rest gives a few away: a single cell, or several who are few together."""
    alone = (hidden > 0).sum(axis=0) < 2
    return is_few(hidden).any(axis=0) & (alone | is_few(hidden.sum(axis=0)))
