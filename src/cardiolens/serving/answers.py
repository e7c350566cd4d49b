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
    low: float | None = None
    """Lower limit of the estimate at 95 %; None where the model does not know."""
    high: float | None = None


@dataclass(frozen=True)
class PhenotypeValue:
    """One MRI phenotype as predicted from the ECG."""

    column: str
    name: str
    group: str
    value: float
    unit: str
    low_80: float | None = None
    """In 80 of 100 people the measured value lies from here to `high_80`; None where the model does not know."""
    high_80: float | None = None
    low_95: float | None = None
    high_95: float | None = None


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
    applicability: float | None = None
    """How far the ECG is from those the model learned from, in units of what 99 of 100 of these do not pass."""
    applicable: bool | None = None
    """Whether it is within; None where the model does not know."""

    @property
    def warning(self) -> str:
        """In words, where the model should not have been asked; else empty."""
        if self.applicable is not False:
            return ""
        return (
            f"unlike the ECGs this model learned from ({self.applicability:.1f} times as far as 99 of 100 of them): "
            "its answer is a guess"
        )

    def to_json(self) -> dict:
        """Plain values, for a report or a service."""
        return asdict(self) | {"warning": self.warning}


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
        risks = Table("risk", "probability (95 %)", "prevalence where calibrated", box=None, pad_edge=False)
        for risk in answer.risks:
            limits = "" if risk.low is None else f" ({risk.low:.1%} to {risk.high:.1%})"
            risks.add_row(risk.label, f"{risk.probability:.1%}{limits}", f"{risk.prevalence:.1%}")
        console.print(risks)
        values = Table("", "phenotypes", box=None, pad_edge=False, show_header=False)
        for group in dict.fromkeys(phenotype.group for phenotype in answer.phenotypes):
            # No-break spaces keep a value beside its unit where the terminal wraps.
            shown = [f"{p.name}\u00a0{p.value:.1f}{_reach(p)}\u00a0{p.unit}" for p in answer.phenotypes if p.group == group]
            values.add_row(group, "   ".join(shown))
        console.print(values, highlight=False)
        if any(phenotype.low_80 is not None for phenotype in answer.phenotypes):
            console.print("±: the measured value lies within in 80 of 100 people", style="dim", highlight=False)
        if answer.warning:
            console.print(f"caution: {answer.warning}", style="bold yellow", highlight=False)
        if answer.quality_notes:
            console.print(f"quality: {answer.quality}: {'; '.join(answer.quality_notes)}", style="yellow", highlight=False)
        for note in answer.notes:
            console.print(f"note: {note}", style="dim", highlight=False)
        console.print(f"{answer.model}. {answer.notice}", style="dim", highlight=False)


def _reach(phenotype: PhenotypeValue) -> str:
    return "" if phenotype.low_80 is None else f"\u00a0±\u00a0{(phenotype.high_80 - phenotype.low_80) / 2:.1f}"


_LAST = ("applicability", "applicable", "warning", "quality", "quality_notes", "notes", "model", "notice", "refused")


def _row(answer: Answer | Refusal) -> dict[str, str]:
    if isinstance(answer, Refusal):
        return {"source": answer.source, "refused": answer.reason}
    return {
        "source": answer.source,
        **{f"{risk.name}_risk": f"{risk.probability:.5f}" for risk in answer.risks},
        **{phenotype.column: f"{phenotype.value:.4f}" for phenotype in answer.phenotypes},
        **{name: f"{limit:.5f}" for risk in answer.risks for name, limit in _risk_limits(risk) if limit is not None},
        **{name: f"{limit:.4f}" for one in answer.phenotypes for name, limit in _value_limits(one) if limit is not None},
        "applicability": "" if answer.applicability is None else f"{answer.applicability:.3f}",
        "applicable": "" if answer.applicable is None else str(answer.applicable).lower(),
        "warning": answer.warning,
        "quality": answer.quality,
        "quality_notes": "; ".join(answer.quality_notes),
        "notes": "; ".join(answer.notes),
        "model": answer.model,
        "notice": answer.notice,
        "refused": "",
    }


def _risk_limits(risk: Risk) -> tuple[tuple[str, float | None], ...]:
    return (f"{risk.name}_risk_low", risk.low), (f"{risk.name}_risk_high", risk.high)


def _value_limits(phenotype: PhenotypeValue) -> tuple[tuple[str, float | None], ...]:
    names = ("low_80", "high_80", "low_95", "high_95")
    return tuple((f"{phenotype.column}_{name}", getattr(phenotype, name)) for name in names)
