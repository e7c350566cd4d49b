"""Small tables of ECG samples for the tests: delimited text, NumPy arrays, Parquet."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardiolens.types import LEADS


def samples_mv(num_leads: int = 12, num_samples: int = 1000) -> np.ndarray:
    """(lead, time) float64 with a different wave in every lead, at 500 Hz, in steps of 1 uV."""
    time = np.arange(num_samples) / 500
    waves = [0.8 * np.sin(2 * np.pi * (1 + 0.1 * k) * time + k) + 0.01 * k for k in range(num_leads)]
    return np.round(waves, 3)


def write_text(
    path: Path,
    values: np.ndarray,
    names: Sequence[str] | None = tuple(f"{lead}_mV" for lead in LEADS),
    *,
    delimiter: str = ",",
    decimal: str = ".",
    missing: str = "",
    encoding: str = "utf-8",
    line_end: str = "\n",
) -> Path:
    """One row per sample of `values` (lead, time), below a line of names unless there are none."""
    rows = [[missing if np.isnan(value) else f"{value:.10g}".replace(".", decimal) for value in row] for row in values.T]
    lines = [delimiter.join(row) for row in ([list(names)] if names else []) + rows]
    path.write_bytes((line_end.join(lines) + line_end).encode(encoding))
    return path


def write_array(path: Path, values: np.ndarray) -> Path:
    with path.open("wb") as file:
        np.save(file, values)
    return path


def write_parquet(path: Path, columns: dict[str, object], **options) -> Path:
    import pyarrow
    from pyarrow.parquet import write_table

    write_table(pyarrow.table(columns), path, **options)
    return path


def lead_columns(values: np.ndarray, suffix: str = "_mV") -> dict[str, object]:
    return {f"{lead}{suffix}": row for lead, row in zip(LEADS, values, strict=True)}
