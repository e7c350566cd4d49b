"""Words that a cardiologist or an engineer may not know: `templates/glossary.tsv`."""

from __future__ import annotations

from importlib.resources import files

from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.section import Section, Terms


def glossary(_: Evidence) -> Section:
    """The same for every report."""
    lines = (files("cardiolens.evaluation") / "templates" / "glossary.tsv").read_text(encoding="utf-8").splitlines()
    return Section("glossary", "Glossary", "Glossary", (Terms(tuple(tuple(line.split("\t")) for line in lines)),))
