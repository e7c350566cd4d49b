"""How measured studies are shown: a table for a person, a row per study, a page with a picture of each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from cardiolens.evaluation.pages import data_uri, environment, style, template_text
from cardiolens.evaluation.study_picture import StudyPicture, study_picture
from cardiolens.imaging.phenotype_table import PHENOTYPES, Phenotype
from cardiolens.notice import NOTICE
from cardiolens.serving.growing_table import GrowingTable
from cardiolens.serving.phenotyping import MeasuredStudy, RefusedStudy, StudyPhenotypes

_GROUPS = {
    "LV": "Left ventricle", "RV": "Right ventricle", "WT": "Wall thickness", "Ecc": "Circumferential strain",
    "Err": "Radial strain",
}  # fmt: skip
_FACTS = (
    "quality", "masks_from", "num_slices", "num_phases", "slice_mm", "row_mm", "column_mm", "ed", "es", "heart_rate_bpm",
    "heart_rate_from",
)  # fmt: skip
_COLUMNS = (
    "source", *(phenotype.column for phenotype in PHENOTYPES), *_FACTS, "missing", "flags", "notes", "refused", "notice",
)  # fmt: skip


def open_table(path: Path, *, settings: str) -> GrowingTable:
    """The CSV of phenotypes at `path`, with the rows that an earlier process left.

    Raises:
        NoSpace: the disk is full.
    """
    return GrowingTable(path, _COLUMNS, settings=settings)


def write_rows(table: GrowingTable, studies: Iterable[StudyPhenotypes | RefusedStudy]) -> None:
    """One row per study, each on disk as soon as it is known; the table appears when all are there.

    Raises:
        NoSpace: the disk is full; what is whole is kept.
    """
    table.write_whole(map(_row, studies))


def print_study(study: StudyPhenotypes | RefusedStudy) -> None:
    """One study for a terminal: values by group with their units, and why others are missing."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"\n[bold]{escape(study.source)}[/bold]")
    if isinstance(study, RefusedStudy):
        console.print(f"  [red]refused[/red] {escape(study.reason)}", soft_wrap=True)
        return
    for line in facts(study):
        console.print(f"  {escape(line)}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, show_header=False)
    for group, heading in _GROUPS.items():
        shown = [text for phenotype in PHENOTYPES if phenotype.group == group and (text := _shown(study, phenotype))]
        if shown:
            table.add_row(heading, "   ".join(shown))
    console.print(table)
    for line in missing_in_words(study):
        console.print(f"  missing: {escape(line)}", style="yellow", soft_wrap=True)
    for column, flag in study.flags.items():
        console.print(f"  look again: {escape(column)}: {escape(flag)}", style="yellow", soft_wrap=True)
    console.print(study.notice, style="dim")


def facts(study: StudyPhenotypes) -> Iterator[str]:
    """What the values rest on, in lines."""
    slice_mm, row_mm, column_mm = study.spacing_mm
    es = "" if study.es is None else f", end-systole phase {study.es + 1}"
    size = f"{study.num_slices} slices of {slice_mm:g} mm, {study.num_phases} phases"
    yield f"{size}, pixels of {row_mm:.2f} x {column_mm:.2f} mm; end-diastole phase {study.ed + 1}{es}"
    rate = f"{study.heart_rate_bpm:.0f}/min, {study.heart_rate_from}" if study.heart_rate_bpm else study.heart_rate_from
    yield f"heart rate: {rate}"
    quality = "" if study.quality is None else f", its passes agree by {study.quality:.2f}"
    yield f"contours: {study.masks_from}{quality}"
    if study.notes:
        yield f"notes: {'; '.join(study.notes)}"


def missing_in_words(study: StudyPhenotypes) -> list[str]:
    """Reasons with what they cost, each once: "61 values: ..."."""
    by_reason: dict[str, list[str]] = {}
    for column, reason in study.reasons.items():
        by_reason.setdefault(reason, []).append(column)
    return [
        f"{', '.join(columns) if len(columns) <= 3 else f'{len(columns)} values ({columns[0]} to {columns[-1]})'}: {reason}"
        for reason, columns in by_reason.items()
    ]


def picture_of(study: MeasuredStudy) -> bytes:
    """PNG: contours on end-diastole and end-systole, the volume curve, bull's eyes of thickness and strain."""
    told, measured = study.phenotypes, study.measured
    phases = {"end-diastole": told.ed} | ({} if told.es is None else {"end-systole": told.es})
    values = np.array([told.values[phenotype.column] for phenotype in PHENOTYPES])
    groups = np.array([phenotype.group for phenotype in PHENOTYPES])
    flags = [f"look again: {name}: {flag}" for name, flag in list(told.flags.items())[:3]]
    numbers = "   ".join(_shown(told, p) for p in PHENOTYPES[:10] if math.isfinite(told.values[p.column]))
    return study_picture(
        StudyPicture(
            title=told.source,
            lines=(numbers, *facts(told), *(f"missing: {line}" for line in missing_in_words(told)[:3]), *flags, NOTICE),
            frames={name: study.cine.frames[phase] for name, phase in phases.items()},
            masks={name: study.segmented.masks[phase] for name, phase in phases.items()},
            lv_ml=measured.phases.lv_ml,
            trigger_ms=study.cine.trigger_ms,
            ed=told.ed,
            es=told.es,
            segments={group: values[groups == group] for group in ("WT", "Ecc", "Err")},
        )
    )


class StudyPage:
    """A page that grows study by study: what is shown of each is small, and no study stays in memory."""

    def __init__(self) -> None:
        self._sections: list[dict[str, object]] = []

    def add(self, study: MeasuredStudy | RefusedStudy) -> None:
        """Show one more study."""
        if isinstance(study, RefusedStudy):
            self._sections.append({"source": study.source, "refused": study.reason})
            return
        told = study.phenotypes
        groups = [
            (heading, [_cells(told, phenotype) for phenotype in PHENOTYPES if phenotype.group == group])
            for group, heading in _GROUPS.items()
        ]
        self._sections.append(
            {
                "source": told.source,
                "refused": "",
                "picture": data_uri(picture_of(study)),
                "groups": groups,
                "missing": missing_in_words(told),
                "flags": told.flags,
            }
        )

    def html(self) -> str:
        """The whole page, self-contained."""
        template = environment().from_string(template_text("phenotypes.html"))
        return template.render(studies=self._sections, style=style(), finite=math.isfinite)


def _cells(study: StudyPhenotypes, phenotype: Phenotype) -> tuple[str, float, str, str]:
    return phenotype.name, study.values[phenotype.column], phenotype.unit, study.reasons.get(phenotype.column, "")


def _shown(study: StudyPhenotypes, phenotype: Phenotype) -> str:
    value = study.values[phenotype.column]
    # No-break spaces keep a value beside its unit where the terminal wraps.
    return f"{phenotype.name}\u00a0{value:.1f}\u00a0{phenotype.unit}" if math.isfinite(value) else ""


def _row(study: StudyPhenotypes | RefusedStudy) -> dict[str, str]:
    if isinstance(study, RefusedStudy):
        return {"source": study.source, "refused": study.reason, "notice": study.notice}
    slice_mm, row_mm, column_mm = study.spacing_mm
    known = {"quality": study.quality, "es": study.es, "heart_rate_bpm": study.heart_rate_bpm, "ed": study.ed}
    known |= {"num_slices": study.num_slices, "num_phases": study.num_phases}
    known |= {"slice_mm": slice_mm, "row_mm": row_mm, "column_mm": column_mm}
    return {
        "source": study.source,
        **{column: f"{value:.4f}" for column, value in study.values.items() if math.isfinite(value)},
        **{name: f"{value:.6g}" for name, value in known.items() if value is not None},
        "masks_from": study.masks_from,
        "heart_rate_from": study.heart_rate_from,
        "missing": " | ".join(missing_in_words(study)),
        "flags": " | ".join(f"{column}: {flag}" for column, flag in study.flags.items()),
        "notes": " | ".join(study.notes),
        "notice": study.notice,
    }
