"""One verdict on an ECG's technical quality, good, usable with notes or refused, and what it rests on.

Technical only: what the heart does is not judged here. A note never changes the signal.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.signal import butter, sosfiltfilt

from cardiolens.errors import BadRecording
from cardiolens.signals.gaps import bridged
from cardiolens.signals.lead_measures import BASELINE_HZ, LeadMeasures, measure_leads, range_above_baseline
from cardiolens.signals.leads import CHEST_LEADS, LIMB_LEADS, standard_lead
from cardiolens.signals.limb_leads import exchanged_electrodes, limb_lead_misfit
from cardiolens.signals.pacing import find_pacing_spikes
from cardiolens.types import LEADS, Recording

SHORTEST_S = 5.0
"""The encoder's window; a shorter recording would have to be padded with what no heart made."""

FLAT_MV = 0.01
"""A lead that spans less than this, a tenth of a millimetre on paper, records no heart."""

MOST_MISSING = 0.05
"""The share of a lead's samples that may be missing."""

SMALLEST_MEDIAN_MV, LARGE_MEDIAN_MV, LARGEST_MEDIAN_MV = 0.1, 4.0, 8.0
"""Median range of the leads above baseline. PTB-XL's lie between 0.6 and 4.7 mV; beyond these limits the unit is wrong."""

LONGEST_STILL_S = 1.0
LONGEST_RAIL_S = 0.5
FEWEST_PLATEAUS = 2
LARGEST_BASELINE_MV = 1.0
LARGEST_MAINS_MV = 0.025
LARGEST_NOISE_MV, LARGEST_BURST_MV = 0.025, 0.05
MISFIT_NOTED, MISFIT_REFUSED = 0.1, 0.5
"""Share of the limb leads that contradicts Einthoven's and Goldberger's laws."""

_FACTORS = {1000.0: "in uV, read as mV", 200.0: "in steps of 5 uV, read as mV", 0.001: "in V, read as mV"}


class Verdict(enum.StrEnum):
    """What may be done with an ECG."""

    GOOD = "good"
    USABLE = "usable with notes"
    REFUSED = "refused"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be."""

    kind: str
    """A stable name, such as "flat" or "mains"."""
    found: str
    """In words, with the numbers and leads."""
    leads: tuple[str, ...] = ()
    refuses: bool = False
    expected: str = ""
    """For a refusal: what a usable ECG would have."""
    remedy: str = ""
    """For a refusal: what to do."""


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

    Leads that were derived or not recorded are not judged by Einthoven's law, those not recorded by nothing at all.
    """
    signal = recording.signal_mv
    measures = measure_leads(signal, rate_hz=recording.rate_hz)
    recorded = [lead not in recording.absent_leads for lead in LEADS]
    findings = [*_dead_leads(recording), *_absent(recording)]
    whole = np.nan_to_num(bridged(signal).astype(np.float64), posinf=0.0, neginf=0.0)
    if not any(finding.refuses for finding in findings):
        findings += _scale(measures.range_mv[recorded])
    findings += _per_lead(measures, recorded)
    if not recording.derived_leads:
        findings += _limb_leads(whole, recording.rate_hz)
    if not any(finding.refuses for finding in findings):
        findings += _electrodes(whole, recording.rate_hz)
    return Quality(tuple(findings), measures)


def refuse_unusable(recording: Recording) -> Recording:
    """The same recording, its missing samples noted, if a model may be asked about it.

    Looks only for what refuses, which takes a tenth of the time of `assess`. Missing samples (NaN or infinite) stay as they
    are: cleaning counts them as zero.

    Raises:
        BadRecording: it has not the 12 standard leads in order, is shorter than 5 s, a lead is empty, flat or has more than
            5 % of its samples missing, its scale cannot be millivolts, or its limb leads contradict each other.
    """
    refuse_short(recording)
    findings = _dead_leads(recording)
    _refuse(recording, findings)
    whole = np.nan_to_num(bridged(recording.signal_mv).astype(np.float64), posinf=0.0, neginf=0.0)
    recorded = [lead not in recording.absent_leads for lead in LEADS]
    _refuse(recording, _scale(range_above_baseline(whole[recorded], rate_hz=recording.rate_hz)))
    if not recording.derived_leads:
        _refuse(recording, _limb_leads(whole, recording.rate_hz))
    notes = [finding.found for finding in findings]
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
        if standard_lead(name) in CHEST_LEADS and (finding := _dead(standard_lead(name), row)) and finding.refuses
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


def _refuse(recording: Recording, findings: Sequence[Finding]) -> None:
    if refusal := first_refusal(recording, findings):
        raise refusal


def _dead_leads(recording: Recording) -> list[Finding]:
    rows = zip(LEADS, recording.signal_mv, strict=True)
    return [found for lead, row in rows if lead not in recording.absent_leads and (found := _dead(lead, row))]


def _dead(lead: str, row: Float[np.ndarray, " time"]) -> Finding | None:
    """What is wrong with a lead that recorded nothing, or nothing for part of the time."""
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
    return Finding("missing", f"{int((~known).sum())} missing samples in {lead}", (lead,)) if missing else None


def _absent(recording: Recording) -> list[Finding]:
    leads = recording.absent_leads
    return [Finding("absent", f"not recorded, zero instead: {', '.join(leads)}", leads)] if leads else []


def _scale(range_mv: Float[np.ndarray, " lead"]) -> list[Finding]:
    """Whether the leads' ranges above baseline can be millivolts."""
    median = float(np.median(range_mv))
    if SMALLEST_MEDIAN_MV <= median <= LARGE_MEDIAN_MV:
        return []
    if SMALLEST_MEDIAN_MV <= median <= LARGEST_MEDIAN_MV:
        return [Finding("scale", f"unusually tall waves: the median lead spans {median:.1f} mV")]
    fitting = {factor: words for factor, words in _FACTORS.items() if 0.4 <= median / factor <= LARGE_MEDIAN_MV}
    guess = "; ".join(f"{factor:g} times an ECG's: perhaps {words}" for factor, words in fitting.items())
    return [
        Finding(
            "scale",
            f"a median lead that spans {median:.3g} mV" + (f", {guess}" if guess else ""),
            refuses=True,
            expected=f"{SMALLEST_MEDIAN_MV:g} to {LARGEST_MEDIAN_MV:g} mV",
            remedy="check the unit and the gain; no scale is guessed",
        )
    ]


def _per_lead(measures: LeadMeasures, recorded: list[bool]) -> list[Finding]:
    here = np.array(recorded)
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
    sos = butter(2, BASELINE_HZ, "highpass", fs=rate_hz, output="sos")
    misfit = limb_lead_misfit(sosfiltfilt(sos, signal[: len(LIMB_LEADS)], axis=1))
    if misfit.share <= MISFIT_NOTED:
        return []
    found = f"limb leads that contradict each other (III is not II - I, or aVR + aVL + aVF not 0) by {misfit.share:.0%}"
    found += f"; {misfit.repair} would mend it" if misfit.repair else ""
    expected = "leads that obey Einthoven's and Goldberger's laws"
    refuses = misfit.share > MISFIT_REFUSED or bool(misfit.repair)
    return [Finding("limb leads", found, LIMB_LEADS, refuses, expected, "check which lead is which in the file")]


def _electrodes(signal: Float[np.ndarray, "12 time"], rate_hz: float) -> list[Finding]:
    findings = []
    if suspicion := exchanged_electrodes(signal, rate_hz=rate_hz):
        findings.append(Finding("electrodes", suspicion, LIMB_LEADS))
    if spikes := find_pacing_spikes(signal, rate_hz=rate_hz):
        found = f"perhaps a pacemaker: {spikes.count} spikes of up to {spikes.height_mv:.1f} mV"
        findings.append(Finding("pacing", found))
    return findings
