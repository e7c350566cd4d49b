"""What the ECG adds, as a table: a block per disease, a row per model."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from cardiolens.evaluation.added_value import AUROC, DIFFERENCE, LIKELIHOOD_RATIO
from cardiolens.evaluation.calibration import FEWEST_EVENTS
from cardiolens.evaluation.disclosure import cases_of
from cardiolens.evaluation.labels import column_label, interval_in_words
from cardiolens.evaluation.rendering import Block, Cell, Table, as_p, header_of


def added_value_table(numbers: pd.DataFrame, *, notes: Collection[str] = ()) -> Table:
    """`added_value`'s numbers as a table; `notes` (`ChargeAf.notes`) say what a clinical score was made of."""
    blocks = []
    for column, one in numbers.groupby("column", sort=False):
        label, first = column_label(str(column)), one.iloc[0]
        name = f"{label.name} ({label.short})" if label.name != label.short else label.name
        rows = tuple(_row(model, part) for model, part in one.groupby("model", sort=False))
        blocks.append(Block(f"{name}: {cases_of(first['events'], first['n'])}", rows))
    unfitted = numbers[(numbers["measure"] == AUROC) & numbers["value"].isna()]
    too_few = f"A dash stands where validation has fewer than {FEWEST_EVENTS} cases to fit a combination on."
    parts = [
        "AUC with its 95 % interval. Combinations add up log odds with weights fitted on validation. Differences are paired. "
        "Likelihood ratio: chi-square of one degree of freedom for the ECG beside what the model compared with knows, on the "
        "test subjects; it tells whether the ECG adds anything, the difference how much. p is adjusted by Holm over the whole "
        "table. An AUC may differ from the same method's under “Results”: here the log odds of its seeds are averaged first, "
        "and all models of a disease are asked about the same subjects, those whom each of them knows; there every seed is "
        "ranked alone, about everybody it answers.",
        *([] if unfitted.empty else [too_few]),
        *(["Clinical score: " + "; ".join(notes) + "."] if notes else []),
    ]
    return Table(
        name="added_value",
        title="What the ECG adds",
        header=header_of("Model", "AUC", "Difference", "Compared with", "Likelihood ratio"),
        blocks=tuple(blocks),
        numbers=numbers,
        note=" ".join(parts),
    )


def _row(model: str, part: pd.DataFrame) -> tuple[Cell, ...]:
    measures = part.set_index("measure")
    reference = next((name for name in part["reference"] if name), "")
    area, difference, ratio = (
        measures.loc[name] if name in measures.index else None for name in (AUROC, DIFFERENCE, LIKELIHOOD_RATIO)
    )
    return (
        Cell(model),
        _with_interval(area),
        Cell("") if not reference else _with_interval(difference, "+", _p(difference)),
        Cell(reference),
        Cell("")
        if ratio is None
        else Cell("–")
        if pd.isna(ratio["value"])
        else Cell(f"{ratio['value']:.1f}", f"({_p(ratio)})"),
    )


def _with_interval(row: pd.Series | None, sign: str = "", p: str = "") -> Cell:
    if row is None or pd.isna(row["value"]):
        return Cell("–")
    interval = interval_in_words(row, 3, sign=sign)
    return Cell(f"{row['value']:{sign}.3f}".replace("-", "−"), f"{interval[:-1]}; {p})" if p and interval else interval)


def _p(row: pd.Series | None) -> str:
    if row is None or pd.isna(row["p_holm"]):
        return ""
    return f"p {as_p(row['p_holm'])}"
