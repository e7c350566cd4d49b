"""A report as one HTML file that needs nothing beside it, with every number as CSV and every figure as PNG next to it.

No participant is named: predictions with anything like a participant's number are refused, and texts that come from
outside have such numbers and folder names replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cardiolens.atomic import write_atomically
from cardiolens.errors import BadRun
from cardiolens.evaluation.content import ReportContent
from cardiolens.evaluation.disclosure import publishable
from cardiolens.evaluation.pages import environment, style, template_text
from cardiolens.evaluation.rendering import as_csv, as_html
from cardiolens.evaluation.sections.added_value import added_value
from cardiolens.evaluation.sections.calibration import calibration
from cardiolens.evaluation.sections.checklist import checklist
from cardiolens.evaluation.sections.cohort import cohort
from cardiolens.evaluation.sections.coverage import coverage
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.glossary import glossary
from cardiolens.evaluation.sections.learned import learned
from cardiolens.evaluation.sections.made import made, next_steps
from cardiolens.evaluation.sections.model_card import as_markdown, model_card
from cardiolens.evaluation.sections.prediction import prediction
from cardiolens.evaluation.sections.results import phenotypes, results
from cardiolens.evaluation.sections.section import Section, with_footers
from cardiolens.evaluation.sections.subgroups import subgroups
from cardiolens.privacy import hide_participants
from cardiolens.progress import QUIET, Progress

SECTIONS: tuple[Callable[[Evidence], Section | None], ...] = (
    results,
    phenotypes,
    calibration,
    added_value,
    coverage,
    subgroups,
    learned,
    prediction,
    cohort,
    model_card,
    made,
)
"""In the order in which they are read. A section that has nothing to say is None."""
CLOSING = (next_steps, glossary)
"""What follows the checklist, which points to the sections before it."""

_LARGEST_BYTES = 10_000_000
_FOLDERS = re.compile(r"(?<![\w.~)\]}<-])~?/(?:[^\s/'\"]+/)*(?=[^\s/'\"])")
_DIGEST = re.compile(r"[0-9a-f]{12,}")


def write_report(out: Path, content: ReportContent, *, progress: Progress = QUIET) -> Path:
    """Write `out/index.html`, `out/model_card.md`, `out/tables/*.csv` and `out/figures/*.png`; returns the path of the page.

    Raises:
        BadRun: the predictions are no predictions, do not cover the split or the detailed method, name participants, or
            have subjects in two splits; or the page would be too large. Nothing is written then.
        NoSpace: the disk is full.
    """
    evidence = Evidence(content)
    made_of: list[Section | None] = []
    with progress.task("report", total=len(SECTIONS), unit="sections") as task:
        for make in SECTIONS:
            section = make(evidence)
            made_of.append(None if section is None else with_footers(section, content.footer))
            task.advance()
    closing = [section for section in (make(evidence) for make in CLOSING) if section is not None]
    before = [section for section in made_of if section is not None]
    found = [*before, checklist([*before, *closing]), *closing]
    page = page_html(content, found).encode()
    if len(page) >= _LARGEST_BYTES:
        raise BadRun(
            "the report's page",
            found=f"{len(page) / 1e6:.1f} MB, mostly pictures",
            expected=f"less than {_LARGEST_BYTES / 1e6:.0f} MB, which can be sent and opened anywhere",
            remedy="report fewer methods, parts or heat maps at once",
        )
    for folder in ("tables", "figures"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    numbers = publishable(evidence.metrics).to_csv(index=False, lineterminator="\n")
    write_atomically(out / "tables" / "metrics.csv", numbers.encode())
    for section in found:
        for table in section.tables():
            shown = replace(table, numbers=publishable(table.numbers))
            write_atomically(out / "tables" / f"{table.name}.csv", as_csv(shown).encode())
        for figure in section.figures():
            write_atomically(out / "figures" / f"{figure.name}.png", figure.png)
    card = next(section for section in found if section.name == "model_card")
    write_atomically(out / "model_card.md", without_places(as_markdown(card, content.title)).encode())
    return write_atomically(out / "index.html", page)


def page_html(content: ReportContent, sections: list[Section]) -> str:
    """The page as text."""
    jinja = environment()
    jinja.filters["plain"] = without_places
    jinja.globals["as_html"] = as_html
    jinja.tests["of_kind"] = lambda part, kind: type(part).__name__ == kind
    return jinja.from_string(template_text("report.html")).render(content=content, sections=sections, style=style())


def without_places(text: str) -> str:
    """`text` without participants' numbers and without the folders of absolute paths; digests stay whole."""
    shown = " ".join(word if _DIGEST.fullmatch(word) else hide_participants(word) for word in text.split(" "))
    return _FOLDERS.sub("", shown)
