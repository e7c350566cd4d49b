"""Leads as standards code them: ISO/IEEE 11073 (MDC), which HL7 and DICOM use, and SCP-ECG, whose numbers MDC took over."""

from __future__ import annotations

import re

from cardiolens.signals.leads import standard_lead
from cardiolens.types import LEADS

_BY_NUMBER = dict(zip((1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8), LEADS, strict=True))
# "2:1" (partition and code), "131073" (both in one number, 2 * 65536 + 1) and SCP-ECG's "5.6.3-9-1" are all lead I.
_NUMBERED = re.compile(r"(?:2:|5\.6\.3-9-)(\d{1,3})|(131\d{3})", re.ASCII)
_PARTITION = 2 << 16
_PREFIX = "MDC_ECG_LEAD_"
# What DICOM's meanings add to a lead's name. Nothing else is cut off: "V1 (derived)" is not V1.
_EXPLAINED = re.compile(r"\s*(?:\(Einthoven\)|, augmented voltage, \w+)", re.IGNORECASE)


def coded_lead(code: str, meaning: str = "") -> str:
    """What to call the lead that a standard's code and its meaning in words name; `standard_lead` knows it if it is one of 12.

    Where the two name different leads neither is believed: the name is "I or II", which is no lead.
    """
    code, words = code.strip(), _EXPLAINED.sub("", meaning).strip()
    by_code, by_words = _numbered_lead(code) or standard_lead(code), standard_lead(words)
    if by_code and by_words and by_code != by_words:
        return f"{by_code} or {by_words}"
    if code.startswith(_PREFIX):
        return by_code or code.removeprefix(_PREFIX)
    return standard_lead(by_code or "") or by_words or words or code


def _numbered_lead(code: str) -> str | None:
    """The standard lead of a number, the code itself where the number is that of another lead, None where it is no number."""
    numbered = _NUMBERED.fullmatch(code)
    if numbered is None:
        return None
    number = int(numbered[1]) if numbered[1] else int(numbered[2]) - _PARTITION
    return _BY_NUMBER.get(number, code)
