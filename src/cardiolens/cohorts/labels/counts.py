"""How many have each label, over all and by split, sex and age: what to look at before a model is trained on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cardiolens.cohorts.splits import SPLITS

COLUMNS = ("label", "group", "value", "known", "cases", "prevalence_percent")
_BAND_YEARS = 10


def label_counts(subjects: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """One line for each label of 0 and 1 and each value of the groups `all`, `split`, `sex` and `age` (bands of ten years).

    `subjects` has one row per visit, as in a cohort; labels and groups that it lacks are left out, and so are the rows
    whose sex or age is not known in these groups. Subjects are counted, each once in a line however many visits there are:
    `known` have a label at one visit or more, `cases` have 1 at one or more. A subject whose visits lie in two bands of
    age counts in both. `prevalence_percent` is NaN where nobody's label is known.
    """
    groups = _groups(subjects)
    found = [
        (label, group, value, *_known_and_cases(subjects.loc[(values == value).to_numpy(bool), ["subject", label]]))
        for label in columns
        if label in subjects
        for group, (values, order) in groups.items()
        for value in order
    ]
    counts = pd.DataFrame(found, columns=list(COLUMNS[:-1]))
    return counts.assign(prevalence_percent=100 * counts["cases"].astype(float) / counts["known"].astype(float))


def as_text(counts: pd.DataFrame) -> str:
    """A table for the terminal: a line per label with `known`, `cases` and the prevalence in percent, over all and by group."""
    if counts.empty:
        return "no labels"
    overall = counts[counts["group"] == "all"].set_index("label")
    table = overall[["known", "cases"]].rename_axis(None)
    for (_, value), lines in counts.groupby(["group", "value"], sort=False):
        table[f"% {value}"] = lines.set_index("label")["prevalence_percent"]
    return table.to_string(float_format="{:.2f}".format, na_rep="-")


def _groups(subjects: pd.DataFrame) -> dict[str, tuple[pd.Series, list[str]]]:
    """Of every group the value in each row, missing where unknown, and the values that occur in the order to show."""
    groups = {"all": (pd.Series("all", index=subjects.index), ["all"])}
    present = set(subjects["split"])
    groups["split"] = (subjects["split"], [split for split in SPLITS if split in present])
    if "sex" in subjects:
        groups["sex"] = (subjects["sex"], sorted(subjects["sex"].dropna().unique()))
    if "age_years" in subjects:
        first = np.floor(subjects["age_years"] / _BAND_YEARS) * _BAND_YEARS
        bands = {year: f"{year:.0f}-{year + _BAND_YEARS - 1:.0f}" for year in sorted(first.dropna().unique())}
        groups["age"] = (first.map(bands), list(bands.values()))
    return groups


def _known_and_cases(rows: pd.DataFrame) -> tuple[int, int]:
    subject, label = rows["subject"], rows.iloc[:, 1]
    return subject[label.notna()].nunique(), subject[label == 1].nunique()
