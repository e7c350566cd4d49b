"""How well each model tells who falls ill first, and what the ECG adds to that: a block per disease, a row per model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from cardiolens.evaluation.added_value import model_name
from cardiolens.evaluation.combination import DiseaseModels, Methods
from cardiolens.evaluation.concordance import concordance, concordance_difference
from cardiolens.evaluation.differences import holm
from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.rendering import Block, Cell, Table, as_p, header_of

COLUMNS = (
    "column", "model", "c", "low", "high", "reference", "difference", "difference_low", "difference_high", "p", "n", "events",
)  # fmt: skip


def concordances(
    disease: DiseaseModels,
    methods: Methods,
    place: Int[np.ndarray, " subject"],
    days: Float[np.ndarray, " subject"],
    event: Bool[np.ndarray, " subject"],
) -> pd.DataFrame:
    """Harrell's C of every model that could be fitted, of the subjects at `place`, each followed for `days`.

    `difference` is C minus that of `reference` on the same people, paired, with its limits and `p`: for the ECG against the
    base, and for each combination with the ECG against the same one without it.
    """
    compared, rows = {(methods.ecg,): (methods.base,)} | dict(disease.added), []
    for model, log_odds in disease.log_odds.items():
        if log_odds is None:
            continue
        c = concordance(log_odds[place], days, event)
        row = {"column": disease.column, "model": model_name(model), "c": c.value, "low": c.low, "high": c.high}
        reference = compared.get(model, ())
        if reference and (beside := disease.log_odds[reference]) is not None:
            found = concordance_difference(log_odds[place], beside[place], days, event)
            limits = found.difference
            row |= {"reference": model_name(reference), "difference": limits.value, "p": found.p_value}
            row |= {"difference_low": limits.low, "difference_high": limits.high}
        rows.append(row | {"n": len(days), "events": int(event.sum())})
    return pd.DataFrame(rows, columns=COLUMNS)


def concordance_table(numbers: pd.DataFrame) -> Table:
    """`concordances` of several diseases, one below the other, with p adjusted by Holm over all of them."""
    numbers = numbers.assign(p_holm=holm(numbers["p"].to_numpy(np.float64)), reference=numbers["reference"].fillna(""))
    blocks = []
    for column, part in numbers.groupby("column", sort=False):
        first = part.iloc[0]
        name = f"{column_label(str(column)).name}: {first['events']:,} new diagnoses of {first['n']:,}"
        blocks.append(Block(name, tuple(_row(row) for _, row in part.iterrows())))
    return Table(
        name="concordance",
        title="New diagnoses over time: Harrell's C",
        header=header_of("Model", "C", "Difference", "Compared with"),
        blocks=tuple(blocks),
        numbers=numbers,
        note="Of two people, how often the one with the higher risk falls ill first, with 95 % intervals. Differences are "
        "paired; p is adjusted by Holm over the whole table. Death ends observation.",
    )


def _row(row: pd.Series) -> tuple[Cell, ...]:
    if not row["reference"]:
        difference = Cell("")
    else:
        within = _interval(row["difference_low"], row["difference_high"], "+")
        told = [within, *([f"p {as_p(row['p_holm'])}"] if pd.notna(row["p_holm"]) else [])]
        difference = Cell(_number(row["difference"], "+"), f"({'; '.join(told)})" if within else "")
    within = _interval(row["low"], row["high"])
    return Cell(row["model"]), Cell(_number(row["c"]), f"({within})" if within else ""), difference, Cell(row["reference"])


def _number(value: float, sign: str = "") -> str:
    return "–" if pd.isna(value) else f"{value:{sign}.3f}".replace("-", "−")


def _interval(low: float, high: float, sign: str = "") -> str:
    return "" if pd.isna(low) or pd.isna(high) else f"{_number(low, sign)} to {_number(high, sign)}"
