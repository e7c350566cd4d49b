"""The nouns that travel between rooms as numpy arrays: an ECG recording and a cine MRI stack.

Tensors on a training device are in `batch.py`, so that reading a file never waits for PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from jaxtyping import Float, UInt8

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""The standard 12 leads in the order of every array in this project."""

RATE_HZ = 500.0
"""The sampling rate of every stored ECG."""


@dataclass(frozen=True)
class Recording:
    """One ECG as a reader found it.

    `leads` names the rows of `signal_mv`, in the file's own order and spelling until `signals.leads` has put them in
    order. `source` is safe to show: a participant's number in a file name is already replaced by a keyed hash. `notes`
    lists what was done to the signal since it left the file. Names and numbers of patients are never kept.
    """

    signal_mv: Float[np.ndarray, "lead time"]
    leads: tuple[str, ...]
    rate_hz: float
    source: str
    age_years: float | None = None
    sex: str | None = None
    """"F", "M" or unknown."""
    device: str | None = None
    recorded_at: datetime | None = None
    statements: tuple[str, ...] = ()
    """What the device wrote about the ECG."""
    intervals_ms: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    format: str = ""
    """What its reader calls the file's format."""
    derived_leads: tuple[str, ...] = ()
    """Limb leads that were computed from others; a law that holds by construction tests nothing."""
    absent_leads: tuple[str, ...] = ()
    """Leads that were not recorded and stand as zeros, where that was allowed."""
    read_as: str = "mV"
    """The unit that a table's numbers were taken to be in, V, mV, uV or nV; a message about the scale names it."""


@dataclass(frozen=True)
class CineStack:
    """A short-axis cine: phases of one cardiac cycle, slices from base to apex.

    `spacing_mm` is (slice, row, column), the slice spacing with its gap. `masks` holds 0 background, 1 LV cavity,
    2 myocardium, 3 RV cavity.
    """

    frames: Float[np.ndarray, "phase slice height width"]
    spacing_mm: tuple[float, float, float]
    trigger_ms: Float[np.ndarray, " phase"]
    source: str
    masks: UInt8[np.ndarray, "phase slice height width"] | None = None
    notes: tuple[str, ...] = ()
