"""Units of voltage, however a file spells them. No unit is ever guessed."""

from __future__ import annotations

_MILLIVOLTS = {
    "v": 1e3,
    "volt": 1e3,
    "volts": 1e3,
    "mv": 1.0,
    "millivolt": 1.0,
    "millivolts": 1.0,
    "uv": 1e-3,
    "microvolt": 1e-3,
    "microvolts": 1e-3,
    "\u00b5v": 1e-3,
    "\u03bcv": 1e-3,
    "nv": 1e-6,
    "nanovolt": 1e-6,
    "nanovolts": 1e-6,
}


_SYMBOLS = ("V", "mV", "uV", "nV")


def unit_of(millivolts: float) -> str:
    """The symbol of the unit that is so many millivolts; mV where none is."""
    return next((symbol for symbol in _SYMBOLS if millivolts_per(symbol) == millivolts), "mV")


def millivolts_per(unit: str) -> float | None:
    """How many millivolts one `unit` is (V, mV, uV, nV, in symbols or words, in any case), or None for anything else."""
    return _MILLIVOLTS.get(unit.strip().lower())
