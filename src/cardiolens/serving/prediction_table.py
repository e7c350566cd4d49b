"""Predictions as a table: CSV, where text cannot become a formula, or Parquet, with the model in its metadata.

One row per file: source, `<disease>_risk` in 0..1, phenotypes (unit in the column name), limits, notes, refusal. A CSV rounds
its numbers; Parquet holds them as they are, as float64 (null where there is none), `applicable` as yes or no (null where the
model does not know), all else as text, and model, weights, notice and schema version under the same names as tables of
embeddings.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cardiolens.atomic import write_atomically
from cardiolens.bundles.bundle import WEIGHTS, Bundle
from cardiolens.serving.answers import Answer, PhenotypeValue, Refusal, Risk
from cardiolens.spreadsheet import harmless

if TYPE_CHECKING:
    from pyarrow import Array

SCHEMA_VERSION = 1
_LAST = (
    "recorder_statements", "reference_for", "reference_missing", "learned_from", "applicability", "applicable",
    "warning", "quality", "quality_notes", "notes", "model", "notice", "refused",
)  # fmt: skip
"""Columns behind all numbers."""
_APPLICABLE = "applicable"
_TEXT = frozenset({"source", *_LAST} - {"applicability", _APPLICABLE})
_RISK, _DIGITS = re.compile("_risk(_low|_high)?$"), {"applicability": 3}
Value = str | float | bool | None


def write_csv(path: Path, answers: Sequence[Answer | Refusal]) -> None:
    """`as_csv`, atomically.

    Raises:
        NoSpace: the disk is full; no half-written file is left.
        OSError: the folder does not exist.
    """
    write_atomically(path, as_csv(answers).encode())


def as_csv(answers: Sequence[Answer | Refusal]) -> str:
    """The table for a spreadsheet."""
    columns, rows = _table(answers)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: harmless(_written(name, cell)) for name, cell in row.items()} for row in rows)
    return text.getvalue()


def write_parquet(path: Path, answers: Sequence[Answer | Refusal], bundle: Bundle, *, notice: str) -> None:
    """The same, typed, with what tells whose answers these are, atomically.

    Raises:
        NoSpace: the disk is full; no half-written file is left.
        OSError: the folder does not exist.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns, rows = _table(answers)
    about = {
        "schema_version": str(SCHEMA_VERSION),
        "model": bundle.config.name,
        "weights_sha256": bundle.config.files[WEIGHTS],
        "notice": notice,
    }
    table = pa.table({name: _column(name, [row.get(name) for row in rows]) for name in columns})
    stored = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({f"cardiolens.{key}": value for key, value in about.items()}), stored)
    write_atomically(path, stored.getvalue())


def _column(name: str, cells: Sequence[Value]) -> Array:
    import pyarrow as pa

    if name in _TEXT:
        return pa.array([cell or "" for cell in cells], pa.string())
    return pa.array(cells, pa.bool_() if name == _APPLICABLE else pa.float64())


def _written(name: str, value: Value) -> str:
    """A cell of a CSV: a risk with 5 digits behind the point, a value with 4."""
    if isinstance(value, float):
        return f"{value:.{5 if _RISK.search(name) else _DIGITS.get(name, 4)}f}"
    return "" if value is None else str(value).lower() if isinstance(value, bool) else value


def _table(answers: Sequence[Answer | Refusal]) -> tuple[list[str], list[dict[str, Value]]]:
    """Columns in order, and the values of every row that has them."""
    rows = [_row(answer) for answer in answers]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    columns.sort(key=lambda column: column in _LAST)  # stable: a first file that is refused must not put these first
    return columns, rows


def _row(answer: Answer | Refusal) -> dict[str, Value]:
    if isinstance(answer, Refusal):
        return {"source": answer.source, "refused": answer.reason}
    limits = [*map(_risk_limits, answer.risks), *map(_value_limits, answer.phenotypes)]
    return {
        "source": answer.source,
        **{f"{risk.name}_risk": risk.probability for risk in answer.risks},
        **{phenotype.column: phenotype.value for phenotype in answer.phenotypes},
        **{name: limit for of_one in limits for name, limit in of_one if limit is not None},
        "recorder_statements": "; ".join(answer.recorder_statements),
        "reference_for": answer.reference_for,
        "reference_missing": answer.reference_missing,
        "learned_from": answer.learned_from,
        "applicability": answer.applicability,
        "applicable": answer.applicable,
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
    names = ("low_80", "high_80", "low_95", "high_95", "reference_low", "reference_high", "z_score")
    return tuple((f"{phenotype.column}_{name}", getattr(phenotype, name)) for name in names)
