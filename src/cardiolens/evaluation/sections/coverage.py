"""How far a predicted phenotype may be off, and whether the intervals that say so can be believed."""

from __future__ import annotations

import pandas as pd

from cardiolens.evaluation.coverage import coverage_figure, coverage_numbers
from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.rendering import Block, Cell, Table, header_of
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.section import Figure, Folded, Part, Section, Text
from cardiolens.imaging.phenotype_table import PHENOTYPE_GROUPS


def coverage(evidence: Evidence) -> Section | None:
    """Coverage by column and group; nothing where no values are predicted or validation was not asked about."""
    covered = evidence.covered
    if covered is None:
        return None
    numbers = coverage_numbers(covered)
    few = min(covered.calibrated_on)
    parts: list[Part] = [
        Text(
            f"{evidence.detailed}: normalised split-conformal intervals. How the error grows with the value is learned on "
            "the split “select”, the width on “calibrate”, which chose nothing else. Coverage is a promise on average over new "
            f"subjects of the same population; with {few:,} subjects to calibrate on it may itself be off by "
            f"{196 * (0.95 * 0.05 / max(few, 1)) ** 0.5:.1f} points either way at 95 %. By subgroup it stands in the CSV of "
            "that section."
        )
    ]
    if numbers["coverage"].notna().any():
        caption = "Share of subjects whose measured value lies within the interval, by phenotype, with its own 95 % interval."
        parts.append(Figure("coverage", caption, coverage_figure(numbers)))
    parts.append(Folded("Every phenotype with the width of its intervals", (_table(numbers),)))
    return Section("intervals", "Intervals", "How far may a phenotype be off?", tuple(parts))


def _table(numbers: pd.DataFrame) -> Table:
    by_column = numbers.set_index(["column", "level"])
    blocks = []
    for group in (*PHENOTYPE_GROUPS, ""):
        members = [column for column in dict.fromkeys(numbers["column"]) if column_label(column).group == group]
        rows = [(Cell(column_label(c).name), *_cells(by_column.loc[c], column_label(c).unit)) for c in members]
        if rows:
            blocks.append(Block(f"{column_label(group).name} ({group})" if group else "Other values", tuple(rows)))
    return Table(
        name="coverage",
        title="Prediction intervals",
        header=header_of("", "80 %: half width", "covered", "95 %: half width", "covered", "n", "Calibrated on"),
        blocks=tuple(blocks),
        numbers=numbers,
        note="Half width: mean over subjects, in the unit and in standard deviations of the measured values. 1.28 and 1.96 of "
        "these would be had without any ECG if values were normally distributed.",
    )


def _cells(levels: pd.DataFrame, unit: str) -> list[Cell]:
    cells = []
    for _, row in levels.iterrows():
        cells.append(Cell(f"± {row['width'] / 2:.3g} {unit}", f"{row['half_width_in_sd']:.2f} SD"))
        cells.append(Cell(f"{100 * row['coverage']:.1f} %", f"({100 * row['low']:.1f} to {100 * row['high']:.1f})"))
    last = levels.iloc[0]
    return [*cells, Cell(f"{int(last['n']):,}"), Cell(f"{int(last['calibrated_on']):,}")]
