"""TRIPOD+AI: where each item of the reporting guideline is answered, or that it is not and why.

The items are in `templates/tripod_ai.tsv`: number, heading, what it asks for in short, and the section that answers it or,
after an exclamation mark, what is left to the authors. Source: Collins et al., BMJ 2024;385:e078378.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import pandas as pd
from markupsafe import Markup

from cardiolens.evaluation.rendering import Block, Cell, Table, header_of
from cardiolens.evaluation.sections.section import Section, Text


def checklist(others: Sequence[Section]) -> Section:
    """The checklist of a report that consists of `others`."""
    here = {section.name: section.title for section in others} | {"title": "the title above"}
    rows, numbers = [], []
    for line in (files("cardiolens.evaluation") / "templates" / "tripod_ai.tsv").read_text(encoding="utf-8").splitlines():
        item, heading, asks, where = line.split("\t")
        answered = where in here
        said = here[where] if answered else where.removeprefix("!") if where.startswith("!") else "not in this report"
        rows.append((Cell(item), Cell(heading, asks), Cell(said if answered else "", "" if answered else f"not here: {said}")))
        numbers.append({"item": item, "heading": heading, "asks": asks, "answered": answered, "where": said})
    table = Table(
        name="tripod_ai",
        title="TRIPOD+AI",
        header=header_of("Item", "Asks for", "Answered in"),
        blocks=(Block("", tuple(rows)),),
        numbers=pd.DataFrame(numbers),
        note="Collins et al., BMJ 2024;385:e078378; the wording is ours and short, the guideline's own counts.",
    )
    count = sum(row["answered"] for row in numbers)
    words = (
        f"{count} of {len(numbers)} items are answered by this report; the others say what is missing or who has to write it."
    )
    return Section(
        "checklist",
        "TRIPOD+AI",
        "Reporting checklist",
        (Text(words), Markup('<div class="text-table">'), table, Markup("</div>")),
    )
