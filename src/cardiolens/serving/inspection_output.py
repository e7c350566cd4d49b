"""How inspections are shown: in full for a person, a line per file, a row per file, an object per line, and counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from io import TextIOBase
from pathlib import Path

from cardiolens.notice import NOTICE
from cardiolens.serving.growing_table import GrowingTable
from cardiolens.serving.inspection import Inspection
from cardiolens.signals.quality import Verdict

_COLOURS = {Verdict.GOOD: "green", Verdict.USABLE: "yellow", Verdict.REFUSED: "red"}
_INTERVALS = ("rr", "pp", "p", "pq", "qrs", "qt", "qtc")
_COLUMNS = (
    "source", "format", "verdict", "reason", "findings", "rate_hz", "duration_s", "leads", "derived_leads", "device",
    "recorded_at", "age_years", "sex", *(f"{name}_ms" for name in _INTERVALS), "statements", "notes", "notice",
)  # fmt: skip
_TABLE = (
    ("range\nmV", "range_mv", "{:.2f}"),
    ("missing\n", "missing", "{:.1%}"),
    ("baseline\nmV", "baseline_mv", "{:.2f}"),
    ("hum\nuV", "mains_mv", "{:.0f}"),
    ("noise\nuV", "noise_mv", "{:.0f}"),
    ("burst\nuV", "burst_mv", "{:.0f}"),
    ("still\ns", "still_s", "{:.2f}"),
    ("at rail\ns", "rail_s", "{:.2f}"),
    ("cut off\n", "plateaus", "{:.0f}"),
)
_IN_MICROVOLTS = {"mains_mv", "noise_mv", "burst_mv"}


class Summary:
    """How many files of each format got which verdict; counts only, whatever the number of files."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Verdict]] = Counter()

    def add(self, inspection: Inspection) -> Inspection:
        """Count one, and give it back."""
        self._count(inspection.format, inspection.verdict)
        return inspection

    def add_rows(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Count what an earlier process wrote."""
        for row in rows:
            self._count(row["format"], Verdict(row["verdict"]))

    def _count(self, name: str, verdict: Verdict) -> None:
        self._counts[name or "of no known format", verdict] += 1

    @property
    def files(self) -> int:
        return self._counts.total()

    @property
    def refused(self) -> int:
        return sum(count for (_, verdict), count in self._counts.items() if verdict is Verdict.REFUSED)

    def rows(self) -> list[tuple[str, int, int, int, int]]:
        """Format, files, good, usable with notes, refused; the commonest format first."""
        formats = Counter()
        for (name, _), count in self._counts.items():
            formats[name] += count
        return [(name, total, *(self._counts[name, verdict] for verdict in Verdict)) for name, total in formats.most_common()]


def print_inspection(inspection: Inspection) -> None:
    """One file in full: what it is, what was done to it, the verdict with its reasons, and every lead's measures."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    console.print(f"\n[bold]{escape(inspection.source)}[/bold]")
    for name, text in _facts(inspection):
        console.print(f"  {name:<12}{escape(text)}", soft_wrap=True)
    colour = _COLOURS[inspection.verdict]
    console.print(f"  {'verdict':<12}[{colour}]{inspection.verdict}[/{colour}]")
    if inspection.reason:
        console.print(f"  {'':<12}{escape(inspection.reason)}", soft_wrap=True)
    for finding in inspection.findings:
        if not finding.refuses:
            console.print(f"  {'':<12}{escape(finding.found)}", soft_wrap=True)
    if inspection.measures:
        console.print(_lead_table(inspection))
    console.print(inspection.notice, style="dim")


def print_line(inspection: Inspection) -> None:
    """One file in one line."""
    from rich.console import Console
    from rich.markup import escape

    colour = _COLOURS[inspection.verdict]
    why = inspection.reason.removeprefix(f"{inspection.source}: ") or "; ".join(found.found for found in inspection.findings)
    line = f"{escape(inspection.source)}: [{colour}]{inspection.verdict}[/{colour}]{': ' if why else ''}{escape(why)}"
    Console(highlight=False).print(line, soft_wrap=True)


def print_summary(summary: Summary) -> None:
    """The table of formats and verdicts."""
    from rich.console import Console
    from rich.table import Table

    table = Table("format", box=None, pad_edge=False)
    for name in ("files", *(str(verdict) for verdict in Verdict)):
        table.add_column(name, justify="right")
    for name, *counts in summary.rows():
        table.add_row(name, *(f"{count:,}" for count in counts))
    console = Console(highlight=False)
    console.print(table)
    console.print(NOTICE, style="dim")


def write_json_lines(stream: TextIOBase, inspections: Iterable[Inspection]) -> None:
    """One JSON object per line, each as soon as it is known."""
    for inspection in inspections:
        print(json.dumps(inspection.to_json(), ensure_ascii=False), file=stream, flush=True)


def open_table(path: Path, *, settings: str) -> GrowingTable:
    """The CSV of inspections at `path`, with the rows that an earlier process left.

    Raises:
        NoSpace: the disk is full.
    """
    return GrowingTable(path, _COLUMNS, settings=settings)


def write_rows(table: GrowingTable, inspections: Iterable[Inspection]) -> None:
    """One row per file, each on disk as soon as it is known; the table appears when all are there.

    Raises:
        NoSpace: the disk is full; what is whole is kept.
    """
    table.write_whole(map(_row, inspections))


def heading(inspection: Inspection) -> tuple[str, ...]:
    """Lines to stand above the ECG's picture."""
    facts = [text for name, text in _facts(inspection) if name in {"format", "recorded", "patient", "device"}]
    why = "; ".join(finding.found for finding in inspection.findings)
    return (
        inspection.source,
        "   ".join([*facts, NOTICE]),
        f"Quality: {inspection.verdict}{f': {why}' if why else ''}",
        *([f"The recorder's own reading: {'; '.join(inspection.statements)}"] if inspection.statements else []),
    )


def _facts(inspection: Inspection) -> Iterator[tuple[str, str]]:
    """What a person wants to know of the file, by name; what the file does not say is left out."""
    if inspection.format:
        yield "format", inspection.format
    if inspection.rate_hz:
        leads = f"{len(inspection.leads)} leads ({', '.join(inspection.leads[:16])})"
        yield "signal", f"{leads}, {inspection.duration_s:.2f} s at {inspection.rate_hz:g} Hz"
    if inspection.device:
        yield "device", inspection.device
    if inspection.recorded_at:
        yield "recorded", inspection.recorded_at.replace("T", " ")
    age = "" if inspection.age_years is None else f"{inspection.age_years:g} year{'' if inspection.age_years == 1 else 's'}"
    sex = {"F": "female", "M": "male"}.get(inspection.sex or "", "")
    if age or sex:
        yield "patient", ", ".join(filter(None, (sex, age)))
    if inspection.intervals_ms:
        yield "intervals", ", ".join(f"{name.upper()} {value:.0f} ms" for name, value in inspection.intervals_ms.items())
    if inspection.statements:
        yield "device says", "; ".join(inspection.statements)
    if inspection.notes:
        yield "notes", "; ".join(inspection.notes)


def _lead_table(inspection: Inspection) -> object:
    from rich.table import Table

    table = Table("lead", box=None, pad_edge=False, header_style="dim")
    for title, _, _ in _TABLE:
        table.add_column(title, justify="right")
    unmeasured = {lead for found in inspection.findings if found.kind in {"absent", "flat"} for lead in found.leads}
    unmeasured |= {lead for lead, measures in inspection.measures.items() if measures["missing"] == 1}
    flagged = {lead for finding in inspection.findings for lead in finding.leads}
    for lead, measures in inspection.measures.items():
        dead = lead in unmeasured
        shown = {name: value * (1000 if name in _IN_MICROVOLTS else 1) for name, value in measures.items()}
        cells = ["–" if dead else how.format(shown[name]) for _, name, how in _TABLE]
        table.add_row(lead, *cells, style="yellow" if lead in flagged else "")
    return table


def _row(inspection: Inspection) -> dict[str, str]:
    measured = {f"{name}_ms": f"{inspection.intervals_ms[name]:g}" for name in _INTERVALS if name in inspection.intervals_ms}
    numbers = {
        name: f"{value:g}"
        for name in ("rate_hz", "duration_s", "age_years")
        if (value := getattr(inspection, name)) is not None
    }
    return {
        **{
            name: getattr(inspection, name) or ""
            for name in ("source", "format", "reason", "device", "recorded_at", "sex", "notice")
        },
        "verdict": str(inspection.verdict),
        "findings": "; ".join(finding.found for finding in inspection.findings),
        "leads": " ".join(inspection.leads),
        "derived_leads": " ".join(inspection.derived_leads),
        "statements": "; ".join(inspection.statements),
        "notes": "; ".join(inspection.notes),
        **numbers,
        **measured,
    }
