"""Whether an ECG's scale can be millivolts. A wrong unit is named, never mended."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cardiolens.signals.finding import Finding
from cardiolens.signals.units import millivolts_per

SMALLEST_MEDIAN_MV, LARGE_MEDIAN_MV, LARGEST_MEDIAN_MV = 0.1, 4.0, 8.0
"""Median range of the leads above baseline. PTB-XL's lie between 0.6 and 4.7 mV; beyond these limits the unit is wrong."""

LARGEST_LEAD_MV = 20.0
"""Range of any lead above baseline; tall paced beats stay below half of it."""

_TYPICAL_MV = (0.5, 5.0)
_USED_MV = {
    "in nV": 1e-6,
    "in uV": 1e-3,
    "in steps of 5 uV": 5e-3,
    "in units of 10 uV": 1e-2,
    "in units of 0.1 mV": 0.1,
    "in mV": 1.0,
    "in units of 10 mV": 10.0,
    "in V": 1e3,
}
"""Millivolts of the units in which archives hold ECGs."""


def scale_findings(range_mv: Float[np.ndarray, " lead"], leads: Sequence[str], *, read_as: str = "mV") -> list[Finding]:
    """What is wrong with the leads' ranges above baseline: of all together by their median, and of each alone.

    `read_as` is the unit that the numbers were taken to be in.
    """
    median = float(np.median(range_mv))
    remedy = "check the unit and the gain; no scale is guessed"
    if not SMALLEST_MEDIAN_MV <= median <= LARGEST_MEDIAN_MV:
        low, high = _TYPICAL_MV
        factors = {words: (millivolts_per(read_as) or 1.0) / used for words, used in _USED_MV.items()}
        likely = {words: factor for words, factor in factors.items() if factor != 1 and low <= median / factor <= high}
        near = [f"{factor:g} times an ECG's: perhaps {words}, read as {read_as}" for words, factor in likely.items()]
        found = f"a median lead that spans {median:.3g} mV" + (f", {', or '.join(near)}" if near else "")
        expected = f"{SMALLEST_MEDIAN_MV:g} to {LARGEST_MEDIAN_MV:g} mV"
        return [Finding("scale", found, refuses=True, expected=expected, remedy=remedy)]
    beyond = {lead: span for lead, span in zip(leads, range_mv, strict=True) if span > LARGEST_LEAD_MV}
    findings = [
        Finding(
            "scale",
            f"lead {lead} spanning {span:.0f} mV beside a median of {median:.2g} mV",
            (lead,),
            refuses=True,
            expected=f"at most {LARGEST_LEAD_MV:g} mV in any lead",
            remedy=remedy,
        )
        for lead, span in beyond.items()
    ]
    if not findings and median > LARGE_MEDIAN_MV:
        findings.append(Finding("scale", f"unusually tall waves: the median lead spans {median:.1f} mV"))
    return findings
