"""The standard 12 leads, by name and in order, whatever a file calls them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cardiolens.errors import BadRecording
from cardiolens.types import LEADS, Recording

LIMB_LEADS, CHEST_LEADS = LEADS[:6], LEADS[6:]

OF_I_AND_II = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}
"""Einthoven and Goldberger: every limb lead as multiples of I and II. Any two of the six give the other four."""

_SYNONYMS = (
    {lead.lower(): lead for lead in LEADS}
    | {f"d{lead.lower()}": lead for lead in LEADS[:3]}
    | {f"c{chest}": f"V{chest}" for chest in range(1, 7)}
)
_NAMES_SHOWN = 20


def standard_lead(name: str) -> str | None:
    """The standard lead that `name` stands for, or None.

    Case, blanks, underscores, dots and the words MDC, ECG, EKG and LEAD in front do not matter; DI and C1 are I and V1.
    An inverted lead such as -aVR is another lead.
    """
    bare = re.sub(r"[\s_.]", "", name.lower())
    return _SYNONYMS.get(re.sub(r"^(?:mdc|ecg|ekg|lead)+", "", bare))


def standard_leads(recording: Recording, *, allow_missing: bool = False) -> Recording:
    """The same recording with the 12 leads of `types.LEADS`, in that order.

    Missing limb leads are derived from two that are there, I and II where possible; other leads are left out. A missing
    chest lead is a refusal, or zeros where `allow_missing`; `absent_leads` then names it. All is said in the notes.

    Raises:
        BadRecording: fewer than two limb leads, a chest lead is missing, or two rows bear the same lead's name.
    """
    rows: dict[str, Float[np.ndarray, " time"]] = {}
    others = []
    for name, row in zip(recording.leads, recording.signal_mv, strict=True):
        lead = standard_lead(name)
        if lead is None:
            others.append(name)
        elif lead in rows:
            raise BadRecording(
                recording.source,
                found=f"lead {lead} twice",
                expected="each of the 12 leads once",
                remedy="remove or rename one of the two",
            )
        else:
            rows[lead] = row
    limb = [lead for lead in LIMB_LEADS if lead in rows]
    absent = tuple(lead for lead in CHEST_LEADS if lead not in rows)
    if len(limb) < 2 or (absent and not allow_missing):
        _refuse_missing(recording, limb, absent)
    derived = tuple(lead for lead in LIMB_LEADS if lead not in rows)
    notes = []
    if derived:
        pair = (limb[0], limb[1])
        rows |= _from_pair(pair, rows, derived)
        notes.append(f"derived {', '.join(derived)} from {' and '.join(pair)}")
    if others:
        notes.append(f"left out {', '.join(others[:_NAMES_SHOWN])}")
    if absent:
        rows |= {lead: np.zeros_like(rows["I"]) for lead in absent}
        notes.append(f"not recorded, zero instead: {', '.join(absent)}")
    return replace(
        recording,
        signal_mv=np.stack([rows[lead] for lead in LEADS]),
        leads=LEADS,
        notes=(*recording.notes, *notes),
        derived_leads=derived,
        absent_leads=absent,
    )


def _from_pair(
    pair: tuple[str, str], rows: dict[str, Float[np.ndarray, " time"]], wanted: tuple[str, ...]
) -> dict[str, Float[np.ndarray, " time"]]:
    to_i_and_ii = np.linalg.inv(np.array([OF_I_AND_II[lead] for lead in pair]))
    derived = {}
    for lead in wanted:
        # Rounded, so that a plain difference such as III = II - I stays exact.
        first, second = np.round(np.array(OF_I_AND_II[lead]) @ to_i_and_ii, 12).tolist()
        derived[lead] = (first * rows[pair[0]] + second * rows[pair[1]]).astype(rows[pair[0]].dtype)
    return derived


def _refuse_missing(recording: Recording, limb: list[str], absent: tuple[str, ...]) -> None:
    missing = [lead for lead in LIMB_LEADS if lead not in limb] if len(limb) < 2 else []
    count = f"{len(recording.leads)} lead{'' if len(recording.leads) == 1 else 's'}"
    named = ", ".join(recording.leads[:_NAMES_SHOWN])
    option = "export the recording with all its leads, by their usual names"
    if len(limb) >= 2 and len(absent) < len(CHEST_LEADS):
        option += ", or accept zeros in their place by --allow-missing-leads"
    raise BadRecording(
        recording.source,
        found=f"{count} ({named}) without {', '.join([*missing, *absent])}",
        expected="a 12-lead ECG: two limb leads and V1 to V6 at least",
        remedy=option,
    )
