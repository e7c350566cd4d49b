"""Tables of one cohort's results: diseases and phenotypes. All are pure functions of tables of numbers."""

from __future__ import annotations

import pandas as pd

from cardiolens.evaluation.disclosure import cases_of, people_in_words, without_telling
from cardiolens.evaluation.labels import column_label, interval_in_words
from cardiolens.evaluation.rendering import Block, Cell, Table, header_of
from cardiolens.evaluation.seeds import over_seeds
from cardiolens.imaging.phenotype_table import PHENOTYPE_GROUPS

_DISEASES = ("cad", "af", "dm")
_MEASURES = {"auroc": "auprc", "mean_r": "mean_r2", "r": "r2"}
"""What says most about a class, a group and a value, and what is shown beside it."""


def disease_table(metrics: pd.DataFrame, *, split: str = "test") -> Table:
    """AUROC and AUPRC of every disease and method, with n, cases and prevalence."""
    summary = over_seeds(metrics, split=split)
    summary = without_telling(summary[summary["metric"].isin(("auroc", "auprc", "prevalence"))])
    blocks = []
    for column, one in summary.groupby("column", observed=True, sort=False):
        by_method = one.set_index(["method", "metric"])
        rows = [_disease_row(str(method), by_method.loc[method]) for method in one["method"].unique()]
        label = column_label(str(column))
        blocks.append(Block(f"{label.name} ({label.short})" if label.name != label.short else label.name, tuple(rows)))
    return Table(
        name="diseases",
        title="Diseases: how well the risk ranks subjects",
        header=header_of("Method", "AUC", "AUPRC", "Prevalence", "Cases of n", "Seeds"),
        blocks=tuple(blocks),
        numbers=summary,
        note="With 95 % intervals. AUC 0.5 is chance; AUPRC is that of the positive class, and chance is the prevalence.",
    )


def phenotype_table(metrics: pd.DataFrame, *, method: str, split: str = "test") -> Table:
    """r, R2 and mean absolute error of every column of values that one method predicts, by group, with n."""
    summary = over_seeds(metrics[metrics["method"] == method], split=split)
    summary = without_telling(summary[summary["metric"].isin(("r", "r2", "mae", "mean_r", "mean_r2"))])
    values = summary.set_index(["column", "metric"])
    columns = summary.loc[summary["metric"] == "r", "column"].unique()
    blocks = []
    for group in (*PHENOTYPE_GROUPS, ""):
        rows = [_phenotype_row(column, values.loc[column]) for column in columns if column_label(column).group == group]
        if (group, "mean_r") in values.index:
            rows.append(_group_row(values.loc[group]))
        if rows:
            blocks.append(Block(f"{column_label(group).name} ({group})" if group else "Other values", tuple(rows)))
    return Table(
        name=f"phenotypes_{_file_name(method)}",
        title=f"{method}: every phenotype",
        header=header_of("Phenotype", "r", "R²", "Mean absolute error", "n"),
        blocks=tuple(blocks),
        numbers=summary,
        note="With 95 % intervals. R² below zero is worse than telling everybody the mean.",
    )


def evaluation_table(metrics: pd.DataFrame, *, split: str = "test") -> Table:
    """What a terminal shows of one split: per method a row for every disease, group of phenotypes, and value."""
    summary = without_telling(over_seeds(metrics, split=split))
    blocks = []
    for method, one in summary.groupby("method", observed=True, sort=False):
        values = one.set_index(["column", "metric"])
        columns = [one.loc[one["metric"] == first, "column"] for first in _MEASURES]
        rows = [_evaluation_row(str(column), values.loc[column]) for column in pd.concat(columns)]
        blocks.append(Block(str(method), tuple(rows)))
    return Table(
        name="evaluation",
        title=f"Measured on the split '{split}', with 95 % intervals",
        header=header_of("What", "AUC or r", "AUPRC or R²", "Mean absolute error", "n", "Cases of n"),
        blocks=tuple(blocks),
        numbers=summary,
        note="AUC and AUPRC of diseases, r and R² of values; 'mean' averages them over a group of phenotypes.",
    )


def _disease_row(method: str, values: pd.DataFrame) -> tuple[Cell, ...]:
    prevalence = values.loc["prevalence"]
    return (
        Cell(method),
        _with_interval(values.loc["auroc"], 3),
        _with_interval(values.loc["auprc"], 3),
        Cell("–" if pd.isna(prevalence["mean"]) else f"{100 * prevalence['mean']:.1f} %"),
        Cell(cases_of(prevalence["events"], prevalence["n"])),
        Cell(str(prevalence["seeds"])),
    )


def _phenotype_row(column: str, values: pd.DataFrame) -> tuple[Cell, ...]:
    label = column_label(column)
    return (
        Cell(label.name),
        _with_interval(values.loc["r"], 2),
        _with_interval(values.loc["r2"], 2),
        _error(values.loc["mae"], label.unit),
        Cell(people_in_words(values.loc["mae", "n"])),
    )


def _group_row(values: pd.DataFrame) -> tuple[Cell, ...]:
    mean, explained = values.loc["mean_r"], values.loc["mean_r2"]
    n = Cell(people_in_words(mean["n"]))
    return (Cell("Mean"), _with_interval(mean, 2), _with_interval(explained, 2), Cell(""), n)


def _evaluation_row(column: str, values: pd.DataFrame) -> tuple[Cell, ...]:
    first = next(metric for metric in _MEASURES if metric in values.index)
    label, row, absent = column_label(column), values.loc[first], Cell("")
    return (
        Cell(f"{label.name}, mean" if first == "mean_r" else label.name),
        _with_interval(row, 3),
        _with_interval(values.loc[_MEASURES[first]], 3),
        _error(values.loc["mae"], label.unit) if "mae" in values.index else absent,
        Cell(people_in_words(row["n"])),
        absent if pd.isna(row["events"]) else Cell(cases_of(row["events"], row["n"])),
    )


def _error(row: pd.Series, unit: str) -> Cell:
    cell = _with_interval(row, 2)
    return cell if pd.isna(row["mean"]) else Cell(f"{cell.text} {unit}".rstrip(), cell.detail)


def _with_interval(row: pd.Series, decimals: int) -> Cell:
    if pd.isna(row["mean"]):
        return Cell("–")
    text = f"{row['mean']:.{decimals}f}" + (f" ± {row['sd']:.{decimals}f}" if pd.notna(row["sd"]) else "")
    return Cell(text.replace("-", "−"), interval_in_words(row, decimals))


def _file_name(method: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in method.lower()).strip("_")
