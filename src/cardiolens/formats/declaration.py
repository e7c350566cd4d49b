"""What the user says of a file that does not say it itself: rate, unit and leads of a bare table of numbers."""

from __future__ import annotations

from dataclasses import dataclass

from cardiolens.errors import BadOption
from cardiolens.signals.units import millivolts_per


@dataclass(frozen=True)
class Declaration:
    """The contract of CSV, TSV, npy and Parquet files. Formats that carry it themselves do not look at it.

    Raises:
        BadOption: the unit is no voltage, or the rate is not above zero.
    """

    rate_hz: float | None = None
    """Samples per second and lead; None where the file says so, by a column of time."""

    unit: str | None = None
    """V, mV, uV or nV; None where the file's columns say so."""

    leads: tuple[str, ...] = ()
    """Names of the leads in the file's order; empty where the file names its columns."""

    def __post_init__(self) -> None:
        if self.unit is not None and millivolts_per(self.unit) is None:
            raise BadOption("--unit", found=self.unit, expected="V, mV, uV or nV", remedy="name the unit of the samples")
        if self.rate_hz is not None and not 0 < self.rate_hz < 1e6:
            raise BadOption("--rate", found=f"{self.rate_hz:g}", expected="samples per second", remedy="give the rate in Hz")


NOTHING_DECLARED = Declaration()
