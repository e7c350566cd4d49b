"""The standard 12 leads, by name and in order, whatever a file calls them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from cardiolens.errors import BadRecording
from cardiolens.types import LEADS, Recording

_SYNONYMS = (
    {lead.lower(): lead for lead in LEADS}
    | {f"d{lead.lower()}": lead for lead in LEADS[:3]}
    | {f"c{chest}": f"V{chest}" for chest in range(1, 7)}
)
# Einthoven and Goldberger: multiples of (I, II).
_DERIVED = {"III": (-1.0, 1.0), "aVR": (-0.5, -0.5), "aVL": (1.0, -0.5), "aVF": (-0.5, 1.0)}


def standard_lead(name: str) -> str | None:
    """The standard lead that `name` stands for, or None.

    Case, blanks, underscores, dots and the words MDC, ECG, EKG and LEAD in front do not matter; DI and C1 are I and V1.
    An inverted lead such as -aVR is another lead.
    """
    bare = re.sub(r"[\s_.]", "", name.lower())
    return _SYNONYMS.get(re.sub(r"^(?:mdc|ecg|ekg|lead)+", "", bare))


def standard_leads(recording: Recording) -> Recording:
    """The same recording with the 12 leads of `types.LEADS`, in that order.

    Missing limb leads are derived from I and II, other leads are left out; both are said in the notes.

    Raises:
        BadRecording: I, II or a chest lead is missing, or two rows bear the same lead's name.
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
    derived = [lead for lead in _DERIVED if lead not in rows]
    if missing := [lead for lead in LEADS if lead not in rows and lead not in _DERIVED]:
        raise BadRecording(
            recording.source,
            found=f"{len(recording.leads)} leads ({', '.join(recording.leads[:20])}) without {', '.join(missing)}",
            expected="a 12-lead ECG: I, II and V1 to V6 at least",
            remedy="export the recording with all its leads, by their usual names",
        )
    for lead in derived:
        of_i, of_ii = _DERIVED[lead]
        rows[lead] = (of_i * rows["I"] + of_ii * rows["II"]).astype(recording.signal_mv.dtype)
    notes = [f"derived {', '.join(derived)} from I and II"] if derived else []
    notes += [f"left out {', '.join(others[:20])}"] if others else []
    return replace(
        recording,
        signal_mv=np.stack([rows[lead] for lead in LEADS]),
        leads=LEADS,
        notes=(*recording.notes, *notes),
    )
