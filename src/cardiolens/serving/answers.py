"""An answer for one ECG file, and how it is written: a table row, a JSON object, a few lines for a terminal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from io import TextIOBase
from pathlib import Path

from cardiolens.atomic import write_atomically


@dataclass(frozen=True)
class Risk:
    """Probability of one disease."""

    name: str
    label: str
    probability: float
    """0..1, calibrated on subjects that chose nothing else."""
    prevalence: float
    """Share of subjects with the disease where the model was calibrated."""


@dataclass(frozen=True)
class PhenotypeValue:
    """One MRI phenotype as predicted from the ECG."""

    column: str
    name: str
    group: str
    value: float
    unit: str


@dataclass(frozen=True)
class Answer:
    """What the model says about one ECG."""

    source: str
    """The file's name; a participant's number in it is shown as a keyed hash."""
    risks: tuple[Risk, ...]
    phenotypes: tuple[PhenotypeValue, ...]
    notes: tuple[str, ...]
    """What was done to the signal before the model saw it."""
    model: str
    notice: str
    quality: str = ""
    """The verdict on the ECG: good, or usable with notes."""
    quality_notes: tuple[str, ...] = ()
    """What the verdict rests on, such as noise, a missing lead or a suspected exchange of electrodes."""

    def to_json(self) -> dict:
        """Plain values, for a report or a service."""
        return asdict(self)


@dataclass(frozen=True)
class Refusal:
    """A file that cannot be answered, and why."""

    source: str
    reason: str

    def to_json(self) -> dict:
        """Plain values, for a report or a service."""
        return asdict(self)


def write_json(stream: TextIOBase, answers: Iterable[Answer | Refusal]) -> None:
    """One JSON object per line."""
    for answer in answers:
        print(json.dumps(answer.to_json(), ensure_ascii=False), file=stream)


def write_csv(path: Path, answers: Sequence[Answer | Refusal]) -> None:
    """One row per file, atomically: source, `<disease>_risk` in 0..1, phenotypes (unit in the column name), notes, refusal.

    Raises:
        NoSpace: the disk is full; no half-written file is left.
        OSError: the folder does not exist.
    """
    rows = [_row(answer) for answer in answers]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    columns.sort(key=lambda column: column in _LAST)  # stable: a first file that is refused must not put these first
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def print_answers(answers: Sequence[Answer | Refusal]) -> None:
    """Tables for people: risks beside the prevalence, then the phenotypes by group."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for answer in answers:
        if isinstance(answer, Refusal):
            continue
        console.print(f"\n[bold]{answer.source}[/bold]", highlight=False)
        risks = Table("risk", "probability", "prevalence where calibrated", box=None, pad_edge=False)
        for risk in answer.risks:
            risks.add_row(risk.label, f"{risk.probability:.1%}", f"{risk.prevalence:.1%}")
        console.print(risks)
        values = Table("", "phenotypes", box=None, pad_edge=False, show_header=False)
        for group in dict.fromkeys(phenotype.group for phenotype in answer.phenotypes):
            # No-break spaces keep a value beside its unit where the terminal wraps.
            shown = [f"{p.name}\u00a0{p.value:.1f}\u00a0{p.unit}" for p in answer.phenotypes if p.group == group]
            values.add_row(group, "   ".join(shown))
        console.print(values, highlight=False)
        if answer.quality_notes:
            console.print(f"quality: {answer.quality}: {'; '.join(answer.quality_notes)}", style="yellow", highlight=False)
        for note in answer.notes:
            console.print(f"note: {note}", style="dim", highlight=False)
        console.print(f"{answer.model}. {answer.notice}", style="dim", highlight=False)


_LAST = ("quality", "quality_notes", "notes", "model", "notice", "refused")


def _row(answer: Answer | Refusal) -> dict[str, str]:
    if isinstance(answer, Refusal):
        return {"source": answer.source, "refused": answer.reason}
    return {
        "source": answer.source,
        **{f"{risk.name}_risk": f"{risk.probability:.5f}" for risk in answer.risks},
        **{phenotype.column: f"{phenotype.value:.4f}" for phenotype in answer.phenotypes},
        "quality": answer.quality,
        "quality_notes": "; ".join(answer.quality_notes),
        "notes": "; ".join(answer.notes),
        "model": answer.model,
        "notice": answer.notice,
        "refused": "",
    }
