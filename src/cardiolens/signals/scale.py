"""Whether an ECG's scale can be millivolts. A wrong unit is named, never mended."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cardiolens.signals.finding import Finding

SMALLEST_MEDIAN_MV, LARGE_MEDIAN_MV, LARGEST_MEDIAN_MV = 0.1, 4.0, 8.0
"""Median range of the leads above baseline. PTB-XL's lie between 0.6 and 4.7 mV; beyond these limits the unit is wrong."""

LARGEST_LEAD_MV = 20.0
"""Range of any lead above baseline; tall paced beats stay below half of it."""

_TYPICAL_MV = (0.5, 5.0)
_FACTORS = {
    1e6: "in nV, read as mV",
    1000.0: "in uV, read as mV",
    200.0: "in steps of 5 uV, read as mV",
    100.0: "in units of 10 uV, read as mV",
    10.0: "in units of 0.1 mV, read as mV",
    0.1: "in units of 10 mV, read as mV",
    0.001: "in V, read as mV",
}


def scale_findings(range_mv: Float[np.ndarray, " lead"], leads: Sequence[str]) -> list[Finding]:
    """What is wrong with the leads' ranges above baseline: of all together by their median, and of each alone."""
    median = float(np.median(range_mv))
    remedy = "check the unit and the gain; no scale is guessed"
    if not SMALLEST_MEDIAN_MV <= median <= LARGEST_MEDIAN_MV:
        low, high = _TYPICAL_MV
        likely = {factor: words for factor, words in _FACTORS.items() if low <= median / factor <= high}
        near = [f"{factor:g} times an ECG's: perhaps {words}" for factor, words in likely.items()]
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
