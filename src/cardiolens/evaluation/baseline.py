"""What the people of each split are like: the first table of a clinical report."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.metrics import proportion
from cardiolens.evaluation.rendering import Block, Cell, Table, header_of
from cardiolens.evaluation.subgroups import FEWEST
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
    counts.
    """
    first = subjects.drop_duplicates("subject")
    splits = [name for name in SPLITS if (first["split"] == name).any()]
    splits += sorted(set(first["split"].unique()) - set(splits))
    groups = {name: first[first["split"] == name] for name in splits}
    if len(groups) > 1:
        groups["all"] = first
    numbers = pd.DataFrame([row | {"split": name} for name, group in groups.items() for row in _rows(group)])
    by_what = numbers.set_index(["block", "what", "split"])
    blocks = []
    for block, part in numbers.groupby("block", sort=False):
        rows = [
            (Cell(str(what)), *(_cell_of(by_what, (str(block), what, name)) for name in groups))
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
        "how many are unknown. Splits follow from a keyed hash of the subject.",
    )


def _rows(group: pd.DataFrame) -> Iterator[dict[str, object]]:
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
        for level, count in known.value_counts().sort_index().items():
            yield _share("Ethnicity", str(level), int(count), len(known), len(group) - len(known))
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
    if 0 < events < FEWEST:
        return {"block": block, "what": what, "kind": "few", "n": n, "missing": missing}
    share = proportion(events, n)
    found = {"value": share.value, "low": share.low, "high": share.high, "events": events, "n": n, "missing": missing}
    return {"block": block, "what": what, "kind": "share"} | found


def _cell_of(by_what: pd.DataFrame, key: tuple[str, str, str]) -> Cell:
    # A level that nobody of a split has, such as an ethnic group.
    return _cell(by_what.loc[key]) if key in by_what.index else Cell("0")


def _cell(row: pd.Series) -> Cell:
    missing = f" · {int(row['missing']):,} unknown" if row["missing"] else ""
    if row["kind"] == "count":
        return Cell(f"{int(row['value']):,}")
    if row["kind"] == "few":
        return Cell(f"under {FEWEST}", missing.removeprefix(" · "))
    if pd.isna(row["value"]):
        return Cell("–", missing.removeprefix(" · "))
    if row["kind"] == "mean":
        return Cell(f"{row['value']:.1f}" + (f" ± {row['sd']:.1f}" if pd.notna(row["sd"]) else ""), missing.removeprefix(" · "))
    return Cell(f"{int(row['events']):,}", f"{100 * row['value']:.1f} %{missing}")
