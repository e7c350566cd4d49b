"""A study's tables and figures on one page that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from cardiolens.atomic import write_atomically
from cardiolens.evaluation.rendering import Table, as_html
from cardiolens.evaluation.report import without_places


def write_study_page(
    out: Path,
    *,
    title: str,
    is_synthetic: bool,
    tables: Sequence[Table],
    figures: Mapping[str, tuple[str, bytes]],
    notes: Sequence[str] = (),
) -> Path:
    """Write `out/index.html`: tables in order, then figures (caption and PNG by name), then notes; the path of the page.

    Raises:
        NoSpace: the disk is full.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["plain"] = without_places
    environment.globals["as_html"] = as_html
    folder = files("cardiolens.evaluation") / "templates"
    template = environment.from_string((folder / "study.html").read_text(encoding="utf-8"))
    pictures = {
        name: (caption, f"data:image/png;base64,{base64.b64encode(png).decode()}") for name, (caption, png) in figures.items()
    }
    page = template.render(
        title=title,
        is_synthetic=is_synthetic,
        tables=tables,
        figures=pictures,
        notes=notes,
        style=(folder / "report.css").read_text(encoding="utf-8"),
    )
    return write_atomically(out / "index.html", page.encode())
