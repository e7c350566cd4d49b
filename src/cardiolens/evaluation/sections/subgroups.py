"""Whether the model is as good for everybody."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cardiolens.evaluation.disclosure import NOT_SHOWN
from cardiolens.evaluation.forest import columns_to_show, forest_figure
from cardiolens.evaluation.gaps import PRIMARY, gaps
from cardiolens.evaluation.labels import METRIC_LABELS, column_label
from cardiolens.evaluation.rendering import Block, Cell, Mark, Table, as_p, header_of, numbers_only
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.section import Figure, Folded, Part, Section, Text
from cardiolens.evaluation.subgroups import risk_subgroups, value_subgroups

_SHOWN_VALUES = ("lvedv_ml", "lvef_percent", "lvm_g", "wt_global_mm")
_MOST_GAPS, _MOST_PANELS = 15, 4
_ALPHA = 0.05
_FORESTS = (
    ("subgroups_diseases", "auroc", "subgroups_auc", "AUC of diseases by subgroup. At the right: cases among people."),
    (
        "subgroups_diseases", "observed_to_expected", "subgroups_calibration",
        "Observed over expected cases by subgroup. Above 1: the risk is too low for these people; below 1: too high.",
    ),
    (
        "subgroups_phenotypes", "r", "subgroups_r",
        "Pearson's r of phenotypes by subgroup. It falls where people are more alike, even if errors are the same.",
    ),
    ("subgroups_phenotypes", "mae", "subgroups_mae", "Mean absolute error of phenotypes by subgroup."),
)  # fmt: skip


def subgroups(evidence: Evidence) -> Section | None:
    """Forest plots and tests of gaps; nothing without the subjects' covariates."""
    people = evidence.people
    if people is None:
        return None
    found = dict(_tables(evidence, people))
    if all(len(table["grouping"].unique()) < 2 for table in found.values()):
        return None
    both = pd.concat([gaps(table) for table in found.values()], ignore_index=True)
    parts: list[Part] = [
        Text(
            f"{evidence.detailed}, by sex, age, body mass, ethnicity, site and heart rate, as far as they are known. Cells of "
            "fewer than ten people, cases or healthy ones are not shown, nor others from which they would follow. Lines are "
            "95 % intervals; dashed: everybody."
        )
    ]
    parts += _forests(found)
    parts.append(_gap_table(both))
    cells = [cells_table(name, table) for name, table in found.items()]
    parts.append(
        Folded("Every cell and every test", (*cells, numbers_only(both, name="subgroup_gaps", title="Every test of a gap")))
    )
    return Section("subgroups", "Subgroups", "Is it as good for everybody?", tuple(parts))


def _tables(evidence: Evidence, people: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    mine = [one for one in evidence.risks if one.method == evidence.detailed]
    if mine:
        yield "subgroups_diseases", risk_subgroups(mine, people)
    answers = evidence.phenotype_answers.get(evidence.split)
    if answers is not None:
        covered = evidence.covered
        if covered is None:
            columns = [column for column in answers.columns if answers.answers(column)]
            yield "subgroups_phenotypes", value_subgroups(answers, columns, people)
        else:
            yield "subgroups_phenotypes", value_subgroups(answers, covered.columns, people, covered.metrics())


def _forests(found: dict[str, pd.DataFrame]) -> Iterator[Part]:
    for kind, metric, name, caption in _FORESTS:
        if (table := found.get(kind)) is None:
            continue
        known = tuple(table["column"].unique())
        chosen = tuple(c for c in _SHOWN_VALUES if c in known) or known
        columns = columns_to_show(table, metric, chosen)[:_MOST_PANELS]
        if columns:
            yield Figure(name, caption, forest_figure(table, columns=columns, metric=metric))
    diseases = found.get("subgroups_diseases")
    if diseases is not None and not columns_to_show(diseases, "auroc", tuple(diseases["column"].unique())):
        yield Text("No disease has ten cases in two groups: nothing can be said about diseases by subgroup.")


def _gap_table(tested: pd.DataFrame) -> Table:
    # What was asked first stands first, whatever was found in the many secondary numbers.
    first = tested["family"].isin(PRIMARY)
    order = pd.concat([part.sort_values("p", kind="stable") for part in (tested[first], tested[~first])])
    shown = order.head(_MOST_GAPS)
    rows = []
    for _, row in shown.iterrows():
        certain = row["p_holm"] < _ALPHA
        label = column_label(row["column"])
        what = f"{label.name}, {METRIC_LABELS[row['metric']]}"
        ends = f"{row['lowest']} lowest, {row['highest']} highest"
        p = Cell(as_p(row["p_holm"]), mark=Mark.BEST if certain else Mark.NONE)
        rows.append(
            (
                Cell(what),
                Cell(row["grouping"], ends),
                Cell(f"{row['gap']:.3g} {label.unit if row['metric'] == 'mae' else ''}".rstrip()),
                Cell(as_p(row["p"])),
                p,
            )
        )
    held = [
        f"{family} {int((part['p_holm'] < _ALPHA).sum())} of {int(part['p'].notna().sum())}"
        for family, part in tested.groupby("family", sort=False)
    ]
    return Table(
        name="subgroup_gaps_shown",
        title="Gaps between subgroups: of the primary questions, then the least likely to be chance",
        header=header_of("What", "Between", "Gap", "p", "p, adjusted"),
        blocks=(Block("", tuple(rows)),),
        numbers=shown,
        note=f"Gaps that hold after adjustment (p under 0.05): {'; '.join(held)}. Adjusted by Holm within each of these "
        f"families and not over them all: {' and '.join(PRIMARY)} are the primary questions, the others secondary. No evidence "
        "of a gap is no evidence of none. Cochran's Q between levels, for shares chi-square of the counts.",
    )


def cells_table(name: str, cells: pd.DataFrame) -> Table:
    """Diseases by subgroup as rows to read, phenotypes by subgroup as numbers alone; the name says which."""
    title = {"subgroups_diseases": "Diseases by subgroup", "subgroups_phenotypes": "Phenotypes by subgroup"}[name]
    if name != "subgroups_diseases":
        return numbers_only(cells, name=name, title=title)
    metrics = list(cells["metric"].unique())
    blocks = []
    for column, part in cells.groupby("column", sort=False):
        rows = []
        for (grouping, level), of_level in part.groupby(["grouping", "level"], sort=False):
            by_metric = of_level.set_index("metric")
            label = str(level) if grouping == level else f"{grouping}: {level}"
            rows.append((Cell(label), *(_cell(by_metric.loc[metric]) for metric in metrics)))
        blocks.append(Block(column_label(str(column)).name, tuple(rows)))
    return Table(name, title, header_of("", *(METRIC_LABELS[metric] for metric in metrics)), tuple(blocks), cells)


def _cell(row: pd.Series) -> Cell:
    if row["suppressed"]:
        return Cell(NOT_SHOWN)
    if pd.isna(row["value"]):
        return Cell("–")
    detail = f"({row['low']:.2f} to {row['high']:.2f})" if np.isfinite(row["low"]) else ""
    return Cell(f"{row['value']:.2f}", detail)
