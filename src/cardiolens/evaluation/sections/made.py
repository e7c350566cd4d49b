"""How it was made and how to go on: commands, versions, hashes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.section import Lines, Section, Terms, Text


def made(evidence: Evidence) -> Section:
    """Everything that is needed to get the same."""
    content = evidence.content
    rows = (("predictions", f"{len(evidence.predictions):,} rows"),)
    parts = (
        Lines(content.commands),
        *(Text(note) for note in content.notes),
        Terms((*flat(content.environment), *rows)),
        Text("Every metric of every method, seed and column: tables/metrics.csv", note=True),
    )
    return Section("made", "How it was made", "How it was made", parts)


def next_steps(evidence: Evidence) -> Section | None:
    """What to try after this."""
    steps = evidence.content.next_steps
    return Section("next", "How to go on", "How to go on", (Lines(steps),)) if steps else None


def flat(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as names with a point between, and texts."""
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name} · ")
        else:
            yield name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
