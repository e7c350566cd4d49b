"""What the people of each split are like: the first table of a clinical report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from cardiolens.evaluation.disclosure import FEWEST, NOT_SHOWN, hidden_levels
from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.metrics import proportion
from cardiolens.evaluation.rendering import Block, Cell, Table, header_of
from cardiolens.tasks import TASKS, TaskKind

SPLITS = ("train", "select", "calibrate", "test")

_MEASURES = {
    "age_years": "Age, years", "height_cm": "Height, cm", "weight_kg": "Weight, kg",
    "bmi_kg_per_m2": "Body-mass index, kg/m²", "bmi": "Body-mass index, kg/m²",
    "systolic_bp_mmhg": "Systolic pressure, mmHg", "diastolic_bp_mmhg": "Diastolic pressure, mmHg",
    "heart_rate_bpm": "Heart rate, bpm",
    "lvedv_ml": "LVEDV, mL", "lvef_percent": "LVEF, %", "lvm_g": "LV mass, g", "rvedv_ml": "RVEDV, mL",
    "rvef_percent": "RVEF, %",
}  # fmt: skip
_PEOPLE = (
    "age_years",
    "height_cm",
    "weight_kg",
    "bmi_kg_per_m2",
    "bmi",
    "systolic_bp_mmhg",
    "diastolic_bp_mmhg",
    "heart_rate_bpm",
)
_SHARES = {"ever_smoked": "Ever smoked", "smoker": "Smokers"}


def baseline_table(subjects: pd.DataFrame) -> Table:
    """Subjects by split: counts, people, diseases out of those known, and the MRI's main measures, with what is missing.

    `subjects` is a cohort's table; columns that it does not hold are left out. Of a subject with several visits the first row
    counts. Counts of a few, means of a few, and what would give them away beside the totals are not shown (`disclosure`).
    """
    first = subjects.drop_duplicates("subject")
    splits = [name for name in SPLITS if (first["split"] == name).any()]
    splits += sorted(set(first["split"].unique()) - set(splits))
    groups = {name: first[first["split"] == name] for name in splits}
    if len(groups) > 1:
        groups["all"] = first
    levels = tuple(sorted(first["ethnicity"].dropna().unique())) if "ethnicity" in first else ()
    rows = [row | {"split": name} for name, group in groups.items() for row in _rows(group, levels)]
    numbers = _without_few(pd.DataFrame(rows), sorted(splits, key=lambda name: len(groups[name])))
    by_what = numbers.set_index(["block", "what", "split"])
    blocks = []
    for block, part in numbers.groupby("block", sort=False):
        rows = [
            (Cell(str(what)), *(_cell(by_what.loc[(str(block), what, name)]) for name in groups))
            for what in part["what"].unique()
        ]
        blocks.append(Block(str(block), tuple(rows)))
    return Table(
        name="cohort",
        title="Subjects by split",
        header=header_of("", *groups),
        blocks=tuple(blocks),
        numbers=numbers,
        note="Mean ± standard deviation, or count with its share of those whose status is known; and "
        f"how many are unknown. Fewer than {FEWEST} people are not shown, nor what would give them away. Splits follow from a "
        "keyed hash of the subject.",
    )


def _rows(group: pd.DataFrame, levels: Sequence[str]) -> Iterator[dict[str, object]]:
    yield {"block": "", "what": "Subjects", "kind": "count", "value": len(group), "missing": 0}
    if "has_cmr" in group:
        yield _share("", "With MRI", int(group["has_cmr"].sum()), len(group), 0)
    if "sex" in group:
        known = group["sex"].dropna()
        yield _share("People", "Women", int((known == "F").sum()), len(known), len(group) - len(known))
    for column in _PEOPLE:
        if column in group:
            yield _mean("People", _MEASURES[column], group[column])
    for column, name in _SHARES.items():
        if column in group:
            known = group[column].dropna()
            yield _share("People", name, int((known == 1).sum()), len(known), len(group) - len(known))
    if "ethnicity" in group:
        known = group["ethnicity"].dropna()
        for level in levels:
            yield _share("Ethnicity", str(level), int((known == level).sum()), len(known), len(group) - len(known))
    for column in (
        task.columns[0] for task in TASKS.values() if task.kind is TaskKind.CLASSIFICATION and len(task.columns) == 1
    ):
        if column in group:
            known = group[column].dropna()
            yield _share("Diseases", column_label(column).name, int((known == 1).sum()), len(known), len(group) - len(known))
    for column in (name for name in _MEASURES if name not in _PEOPLE):
        if column in group:
            yield _mean("MRI", _MEASURES[column], group[column])


def _mean(block: str, what: str, values: pd.Series) -> dict[str, object]:
    known = values.astype("float64").dropna()
    found = {"value": known.mean(), "sd": known.std(), "n": len(known), "missing": len(values) - len(known)}
    return {"block": block, "what": what, "kind": "mean"} | found


def _share(block: str, what: str, events: int, n: int, missing: int) -> dict[str, object]:
    share = proportion(events, n)
    found = {"value": share.value, "low": share.low, "high": share.high, "events": events, "n": n, "missing": missing}
    return {"block": block, "what": what, "kind": "share"} | found


def _without_few(numbers: pd.DataFrame, splits: Sequence[str]) -> pd.DataFrame:
    """The same numbers without what is few, or follows from the other `splits` (the smallest first) and from all together."""
    numbers = numbers.astype({name: "Int64" for name in ("events", "n", "missing") if name in numbers})
    counted = numbers[numbers["kind"] != "count"]
    hidden, unknown = pd.Series(False, numbers.index), pd.Series(False, numbers.index)
    for _, row in counted.groupby(["block", "what"], sort=False):
        by_split = row.set_index("split")
        totals = ["n"] if row["kind"].iloc[0] == "mean" else ["events", "others"]
        counts = by_split.assign(others=by_split["n"] - by_split["events"] if "events" in by_split else pd.NA)
        hidden |= _hidden_splits(row, counts[totals], splits)
        unknown |= _hidden_splits(row, counts[["missing"]], splits)
    ethnic = counted[counted["block"] == "Ethnicity"]
    if not ethnic.empty:
        hidden[ethnic.index] = _hidden_among_levels(ethnic)
    numbers.loc[hidden, "kind"] = "few"
    # A count and its share give the known ones, and these the unknown ones.
    told = [name for name in ("low", "high", "n", "missing") if name in numbers]
    numbers.loc[hidden | unknown, told] = pd.NA
    numbers.loc[hidden | (unknown & (numbers["kind"] == "share")), "value"] = np.nan
    numbers.loc[hidden, [name for name in ("events", "sd") if name in numbers]] = pd.NA
    return numbers


def _hidden_splits(row: pd.DataFrame, counts: pd.DataFrame, splits: Sequence[str]) -> pd.Series:
    """Of the rows about one thing, those of splits that are not shown; of all together, where they are few themselves."""
    hidden = dict(zip(splits, hidden_levels(counts.loc[list(splits)].to_numpy(np.int64)), strict=True))
    for together in set(row["split"]) - set(splits):
        hidden[together] = bool(hidden_levels(counts.loc[[together]].to_numpy(np.int64))[0])
    return row["split"].map(hidden).astype(bool)


def _hidden_among_levels(ethnic: pd.DataFrame) -> pd.Series:
    """A level of whom a split holds a few is shown for all splits together alone, and there too only where they are many."""
    wide = ethnic.pivot_table("events", "what", "split", aggfunc="sum")
    wide = wide.loc[wide.sum(axis=1).sort_values(kind="stable").index]
    in_splits = dict(zip(wide.index, hidden_levels(wide.to_numpy(np.int64)), strict=True))
    together = "all" if "all" in wide else wide.columns[0]
    in_all = dict(zip(wide.index, hidden_levels(wide[[together]].to_numpy(np.int64)), strict=True))
    return ethnic["what"].map(in_all).where(ethnic["split"] == together, ethnic["what"].map(in_splits)).astype(bool)


def _cell(row: pd.Series) -> Cell:
    if row["kind"] == "count":
        return Cell(f"{int(row['value']):,}")
    if row["kind"] == "few":
        return Cell(NOT_SHOWN)
    missing = "unknown: not shown" if pd.isna(row["missing"]) else f"{int(row['missing']):,} unknown" if row["missing"] else ""
    if row["kind"] == "mean":
        if pd.isna(row["value"]):
            return Cell("–", missing)
        return Cell(f"{row['value']:.1f}" + (f" ± {row['sd']:.1f}" if pd.notna(row["sd"]) else ""), missing)
    share = "" if pd.isna(row["value"]) or not row["events"] else f"{100 * row['value']:.1f} %"
    return Cell(f"{int(row['events']):,}" if row["n"] is pd.NA or row["n"] else "–", " · ".join(filter(None, (share, missing))))
