"""TRIPOD+AI: where each item of the reporting guideline is answered, or that it is not and why.

The items are in `templates/tripod_ai.tsv`: number, heading, what it asks for in short, and the section that answers it or,
after an exclamation mark, what is left to the authors; then what that section does not say, where it answers in part. Source:
Collins et al., BMJ 2024;385:e078378.
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
    # A section that is words alone says why there is nothing to show.
    here = {section.name: section.title for section in others if not all(isinstance(part, Text) for part in section.parts)}
    rows, numbers = [], []
    for line in (files("cardiolens.evaluation") / "templates" / "tripod_ai.tsv").read_text(encoding="utf-8").splitlines():
        item, heading, asks, where, *more = line.split("\t")
        found, missing = where in here, "".join(more)
        said = here[where] if found else where.removeprefix("!") if where.startswith("!") else "not in this report"
        detail = f"in part; not reported: {missing}" if found and missing else "" if found else f"not reported: {said}"
        rows.append((Cell(item), Cell(heading, asks), Cell(said if found else "", detail)))
        answers = {"answered": found and not missing, "in_part": found and bool(missing), "where": said}
        numbers.append({"item": item, "heading": heading, "asks": asks} | answers | {"missing": missing if found else ""})
    table = Table(
        name="tripod_ai",
        title="TRIPOD+AI",
        header=header_of("Item", "Asks for", "Answered in"),
        blocks=(Block("", tuple(rows)),),
        numbers=pd.DataFrame(numbers),
        note="Collins et al., BMJ 2024;385:e078378; the wording is ours and short, the guideline's own counts.",
    )
    whole, in_part = (sum(row[name] for row in numbers) for name in ("answered", "in_part"))
    words = (
        f"{whole} of {len(numbers)} items are answered by this report and {in_part} in part; the others say what is missing or "
        "who has to write it."
    )
    return Section(
        "checklist",
        "TRIPOD+AI",
        "Reporting checklist",
        (Text(words), Markup('<div class="text-table">'), table, Markup("</div>")),
    )
