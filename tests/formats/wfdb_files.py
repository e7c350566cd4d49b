"""Small WFDB records for the tests, written without the wfdb library."""

from pathlib import Path

import numpy as np

from cardiolens.types import LEADS


def counts(num_leads: int = 12, num_samples: int = 2500) -> np.ndarray:
    """(lead, time) int16 with a different wave in every lead; no value is -32768."""
    time = np.arange(num_samples) / 500
    waves = [800 * np.sin(2 * np.pi * (1 + 0.1 * k) * time + k) + 10 * k for k in range(num_leads)]
    return np.round(waves).astype(np.int16)


def write_record(
    folder: Path,
    *,
    samples: np.ndarray | None = None,
    leads: tuple[str, ...] = LEADS,
    signal: str = "{name}.dat 16 1000.0(0)/mV 16 0 0 0 0 {lead}",
    record: str = "{name} {num_leads} 500 {num_samples}",
    data: bytes | None = None,
    name: str = "r",
    comments: str = "",
) -> Path:
    """A header and a 16-bit data file; `signal` and `record` are the templates of the header's lines."""
    samples = counts(len(leads)) if samples is None else samples
    first = record.format(name=name, num_leads=len(leads), num_samples=samples.shape[1])
    lines = [first, *(signal.format(name=name, lead=lead) for lead in leads)]
    header = folder / f"{name}.hea"
    header.write_text("\n".join(lines) + "\n" + comments)
    (folder / f"{name}.dat").write_bytes(samples.T.astype("<i2").tobytes() if data is None else data)
    return header
