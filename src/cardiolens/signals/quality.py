"""One verdict on an ECG's technical quality, good, usable with notes or refused, and what it rests on.

Technical only: what the heart does is not judged here. A note never changes the signal.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from cardiolens.errors import BadRecording
from cardiolens.signals.finding import Finding
from cardiolens.signals.gaps import bridged
from cardiolens.signals.lead_measures import LeadMeasures, above_baseline, measure_leads, range_above_baseline
from cardiolens.signals.leads import CHEST_LEADS, LIMB_LEADS, standard_lead
from cardiolens.signals.limb_leads import exchanged_electrodes, limb_lead_misfit
from cardiolens.signals.pacing import find_pacing_spikes
from cardiolens.signals.scale import scale_findings
from cardiolens.types import LEADS, Recording

SHORTEST_S = 5.0
"""The encoder's window; a shorter recording would have to be padded with what no heart made."""

FLAT_MV = 0.01
"""A lead that spans less than this, a tenth of a millimetre on paper, records no heart."""

MOST_MISSING = 0.05
"""The share of a lead's samples that may be missing."""

LONGEST_STILL_S = 1.0
LONGEST_RAIL_S = 0.5
FEWEST_PLATEAUS = 2
LARGEST_BASELINE_MV = 1.0
LARGEST_MAINS_MV = 0.025
LARGEST_NOISE_MV, LARGEST_BURST_MV = 0.025, 0.05
MISFIT_NOTED, MISFIT_REFUSED = 0.1, 0.5
"""Share of the limb leads that contradicts Einthoven's and Goldberger's laws."""


class Verdict(enum.StrEnum):
    """What may be done with an ECG."""

    GOOD = "good"
    USABLE = "usable with notes"
    REFUSED = "refused"


@dataclass(frozen=True)
class Quality:
    """The verdict on one ECG of 12 leads, with every finding and what was measured of each lead of `types.LEADS`."""

    findings: tuple[Finding, ...]
    measures: LeadMeasures

    @property
    def verdict(self) -> Verdict:
        if any(finding.refuses for finding in self.findings):
            return Verdict.REFUSED
        return Verdict.USABLE if self.findings else Verdict.GOOD

    @property
    def notes(self) -> tuple[str, ...]:
        """The findings in words, refusals first."""
        return tuple(finding.found for finding in sorted(self.findings, key=lambda finding: not finding.refuses))


def assess(recording: Recording) -> Quality:
    """The quality of a recording whose 12 leads are in order, at the rate it was recorded at, from 5 s up.

    Leads that were derived or not recorded are not judged by Einthoven's law, those not recorded or dead by nothing else.
    """
    measures = measure_leads(recording.signal_mv, rate_hz=recording.rate_hz)
    whole = _whole(recording)
    findings = _basic(recording, measures.range_mv)
    dead = {lead for finding in findings if finding.refuses for lead in finding.leads}
    judged = np.array([lead not in recording.absent_leads and lead not in dead for lead in LEADS])
    findings += [*_absent(recording), *_per_lead(measures, judged)]
    if not (recording.derived_leads or dead.intersection(LIMB_LEADS)):
        findings += _limb_leads(whole, recording.rate_hz)
    if not any(finding.refuses for finding in findings):
        findings += _electrodes(whole, recording.rate_hz, measures)
    return Quality(tuple(findings), measures)


def refuse_unusable(recording: Recording) -> Recording:
    """The same recording, its missing samples noted, if a model may be asked about it.

    Looks only for what refuses, which takes about a seventh of the time of `assess`. Missing samples (NaN or infinite) stay as
    they are: cleaning counts them as zero.

    Raises:
        BadRecording: it has not the 12 standard leads in order, is shorter than 5 s, a lead is empty, flat or has more than
            5 % of its samples missing, its scale cannot be millivolts, or its limb leads contradict each other.
    """
    refuse_short(recording)
    whole = _whole(recording)
    findings = _basic(recording, range_above_baseline(whole, rate_hz=recording.rate_hz))
    if not recording.derived_leads and first_refusal(recording, findings) is None:
        findings += [finding for finding in _limb_leads(whole, recording.rate_hz) if finding.refuses]
    if refusal := first_refusal(recording, findings):
        raise refusal
    notes = [finding.found for finding in findings if finding.kind == "missing"]
    return replace(recording, notes=(*recording.notes, *notes)) if notes else recording


def first_refusal(recording: Recording, findings: Sequence[Finding]) -> BadRecording | None:
    """The error to raise for the first finding that refuses, or None where none does."""
    refusing = next((finding for finding in findings if finding.refuses), None)
    if refusing is None:
        return None
    return BadRecording(recording.source, found=refusing.found, expected=refusing.expected, remedy=refusing.remedy)


def refuse_short(recording: Recording) -> None:
    """Nothing, for 12 leads of 5 s or more.

    Raises:
        BadRecording: fewer leads, other leads, or a shorter recording.
    """
    if recording.leads != LEADS or len(recording.signal_mv) != len(LEADS):
        raise BadRecording(
            recording.source,
            found=f"{len(recording.signal_mv)} leads",
            expected="the 12 standard leads",
            remedy="export all leads of the recording",
        )
    num_samples = recording.signal_mv.shape[1]
    if num_samples < SHORTEST_S * recording.rate_hz:
        raise BadRecording(
            recording.source,
            found=f"{num_samples / recording.rate_hz:.3f} s",
            expected=f"{SHORTEST_S:g} s or more",
            remedy="use a longer recording",
        )


def without_dead_chest_leads(recording: Recording) -> Recording:
    """The recording without chest leads that are flat or mostly missing, as if they had not been recorded."""
    dead = {
        name
        for name, row in zip(recording.leads, recording.signal_mv, strict=True)
        if standard_lead(name) in CHEST_LEADS and _dead(standard_lead(name), row)
    }
    if not dead:
        return recording
    kept = [place for place, name in enumerate(recording.leads) if name not in dead]
    note = f"recorded nothing usable: {', '.join(sorted(dead))}"
    return replace(
        recording,
        signal_mv=recording.signal_mv[kept],
        leads=tuple(recording.leads[place] for place in kept),
        notes=(*recording.notes, note),
    )


def _whole(recording: Recording) -> Float[np.ndarray, "12 time"]:
    return np.nan_to_num(bridged(recording.signal_mv).astype(np.float64), posinf=0.0, neginf=0.0)


def _basic(recording: Recording, range_mv: Float[np.ndarray, " 12"]) -> list[Finding]:
    """Scale, dead leads and missing samples."""
    recorded = [place for place, lead in enumerate(LEADS) if lead not in recording.absent_leads]
    rows = [(LEADS[place], recording.signal_mv[place]) for place in recorded]
    dead = [found for lead, row in rows if (found := _dead(lead, row))]
    silent = {lead for finding in dead for lead in finding.leads}
    judged = [place for place in recorded if LEADS[place] not in silent]
    if len(judged) < len(recorded) / 2:
        # Where most leads look flat, it is the unit and not every electrode.
        judged = [place for place in recorded if range_mv[place] > 0]
    names = [LEADS[place] for place in judged]
    scale = scale_findings(range_mv[judged], names, read_as=recording.read_as) if judged else []
    return [*scale, *dead, *_some_missing(rows)]


def _some_missing(rows: Sequence[tuple[str, Float[np.ndarray, " time"]]]) -> list[Finding]:
    counts = {lead: int((~np.isfinite(row)).sum()) for lead, row in rows}
    few = {lead: count for lead, count in counts.items() if 0 < count <= MOST_MISSING * len(rows[0][1])}
    if not few:
        return []
    words = ", ".join(f"{count} in {lead}" for lead, count in few.items())
    return [Finding("missing", f"missing samples: {words}", tuple(few))]


def _dead(lead: str, row: Float[np.ndarray, " time"]) -> Finding | None:
    """What is wrong with a lead that recorded nothing, or nothing for much of the time."""
    known = np.isfinite(row)
    missing = 1 - known.mean()
    if missing == 1:
        return Finding(
            "missing", f"no sample at all in lead {lead}", (lead,), True, "12 recorded leads",
            "check the electrode and the export",
        )  # fmt: skip
    if missing > MOST_MISSING:
        return Finding(
            "missing", f"{missing:.0%} of lead {lead} missing", (lead,), True, f"at most {MOST_MISSING:.0%} missing samples",
            "check the electrode and the export",
        )  # fmt: skip
    if np.ptp(row[known]) < FLAT_MV:
        return Finding(
            "flat", f"a flat line in lead {lead}", (lead,), True, f"a signal of {FLAT_MV:g} mV or more in every lead",
            "check the electrode, and the unit in the file",
        )  # fmt: skip
    return None


def _absent(recording: Recording) -> list[Finding]:
    leads = recording.absent_leads
    return [Finding("absent", f"not recorded, zero instead: {', '.join(leads)}", leads)] if leads else []


def _per_lead(measures: LeadMeasures, here: Bool[np.ndarray, " 12"]) -> list[Finding]:
    findings = []
    for kind, values, limit, words in (
        ("still", measures.still_s, LONGEST_STILL_S, "no change at all for up to {:.1f} s"),
        ("saturated", measures.rail_s, LONGEST_RAIL_S, "saturated for up to {:.1f} s"),
        ("clipped", measures.plateaus, FEWEST_PLATEAUS, "waves cut off at one level, up to {:.0f} times"),
        ("baseline", measures.baseline_mv, LARGEST_BASELINE_MV, "a baseline that wanders by up to {:.1f} mV"),
        ("noise", measures.noise_mv, LARGEST_NOISE_MV, "noise of up to {:.3f} mV"),
        ("burst", measures.burst_mv, LARGEST_BURST_MV, "bursts of noise of up to {:.2f} mV"),
    ):
        if (over := here & (values >= limit)).any():
            leads = tuple(lead for lead, is_over in zip(LEADS, over, strict=True) if is_over)
            findings.append(Finding(kind, f"{words.format(values[over].max())} in {', '.join(leads)}", leads))
    if (over := here & (measures.mains_mv >= LARGEST_MAINS_MV)).any():
        leads = tuple(lead for lead, is_over in zip(LEADS, over, strict=True) if is_over)
        worst = int(np.where(over, measures.mains_mv, 0).argmax())
        hum = f"mains hum of {measures.mains_hz[worst]:.0f} Hz, up to {measures.mains_mv[worst]:.3f} mV"
        findings.append(Finding("mains", f"{hum} in {', '.join(leads)}", leads))
    return findings


def _limb_leads(signal: Float[np.ndarray, "12 time"], rate_hz: float) -> list[Finding]:
    misfit = limb_lead_misfit(above_baseline(signal[: len(LIMB_LEADS)], rate_hz=rate_hz))
    if misfit.share <= MISFIT_NOTED:
        return []
    found = f"limb leads that contradict each other (III is not II - I, or aVR + aVL + aVF not 0) by {misfit.share:.0%}"
    found += f"; {misfit.repair} would mend it" if misfit.repair else ""
    expected = "leads that obey Einthoven's and Goldberger's laws"
    refuses = misfit.share > MISFIT_REFUSED or bool(misfit.repair)
    return [Finding("limb leads", found, LIMB_LEADS, refuses, expected, "check which lead is which in the file")]


def _electrodes(signal: Float[np.ndarray, "12 time"], rate_hz: float, measures: LeadMeasures) -> list[Finding]:
    findings = []
    if suspicion := exchanged_electrodes(signal, rate_hz=rate_hz):
        findings.append(Finding("electrodes", suspicion, LIMB_LEADS))
    if spikes := find_pacing_spikes(signal, rate_hz=rate_hz, noise_mv=float(np.median(measures.burst_mv))):
        found = f"perhaps a pacemaker: {spikes.count} spikes of up to {spikes.height_mv:.1f} mV"
        findings.append(Finding("pacing", found))
    return findings
