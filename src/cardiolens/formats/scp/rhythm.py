"""The rhythm of an SCP-ECG record in millivolts: sections 3 to 6, whichever way they were made small.

What a device may have done, in this order, is undone from the end: the reference beat was subtracted around every beat
of its kind; away from the QRS complexes (outside the "protected zones") groups of samples were replaced by one each
("bimodal compression"); first or second differences were taken; these were written in 16 bits or Huffman codes.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64

from cardiolens.formats.bounds import refuse_too_many_samples
from cardiolens.formats.scp.huffman import HuffmanTable, decode, read_tables
from cardiolens.formats.scp.sections import ScpRecord, Section

_LEAD_COLUMNS = [("first", "<u4"), ("last", "<u4"), ("code", "u1")]
_BEAT_COLUMNS = [("kind", "<u2"), ("first", "<u4"), ("fiducial", "<u4"), ("last", "<u4")]
_ZONE_COLUMNS = [("first", "<u4"), ("last", "<u4")]
_NO_ZONES = np.zeros(0, _ZONE_COLUMNS)
_MILLIVOLTS_PER_NANOVOLT = 1e-6
_MICROSECONDS = 1e6
_MOST_COVER = 2


@dataclass(frozen=True)
class StoredLead:
    """One lead and the samples it has, both ends included, on the clock that all leads share."""

    code: int
    first: int
    last: int


@dataclass(frozen=True)
class Rhythm:
    """All leads of a record in its own order, from the first sample of any to the last; NaN where a lead has none."""

    signal_mv: Float32[np.ndarray, "lead time"]
    leads: tuple[StoredLead, ...]
    rate_hz: float
    interpolated: bool
    """Whether samples were left out between the QRS complexes."""


@dataclass(frozen=True)
class _Waveforms:
    """Section 5 or 6: one waveform of every lead, as it is coded."""

    section: Section
    nanovolts: int
    interval_us: int
    differences: int
    bimodal: bool
    coded: tuple[bytes, ...]


def read_rhythm(record: ScpRecord) -> Rhythm:
    """The rhythm data of section 6, with everything that was taken from them put back.

    Between the samples that stand for a group each, bimodal data are interpolated linearly.

    Raises:
        BadRecording: a section that is needed is missing, damaged, or does not fit the others.
    """
    stored, subtracted = _leads(record.required(3, "the leads"))
    waveforms = _waveforms(record.required(6, "the rhythm"), len(stored))
    tables = read_tables(record.sections[2]) if 2 in record.sections else ()
    beats = _waveforms(record.required(5, "the reference beat"), len(stored)) if subtracted or waveforms.bimodal else waveforms
    group, rest = divmod(waveforms.interval_us, beats.interval_us)
    if rest or group == 0 or (group > 1 and not waveforms.bimodal):
        raise waveforms.section.damaged(
            f"a sample every {waveforms.interval_us} us",
            f"one every {beats.interval_us} us as in section 5" + (", or a multiple" if waveforms.bimodal else ""),
        )
    start, end = min(lead.first for lead in stored), max(lead.last for lead in stored) + 1
    refuse_too_many_samples(record.path, len(stored), end - start)
    signal_mv = np.full((len(stored), end - start), np.nan)
    zones = _protected_zones(record.required(4, "the beats")) if group > 1 else _NO_ZONES
    for row, lead, coded in zip(signal_mv, stored, waveforms.coded, strict=True):
        spread = _spread(lead, group, zones)
        values = _samples(waveforms, coded, 1 + int(spread.after[-1]), tables)
        whole = values[spread.before] + spread.share * (values[spread.after] - values[spread.before])
        row[lead.first - start : lead.last + 1 - start] = whole * waveforms.nanovolts * _MILLIVOLTS_PER_NANOVOLT
    if subtracted:
        _put_back_beats(signal_mv, start, record.required(4, "the beats"), beats, tables)
    rate_hz = _MICROSECONDS / beats.interval_us
    return Rhythm(signal_mv.astype(np.float32), stored, rate_hz, group > 1)


def _leads(section: Section) -> tuple[tuple[StoredLead, ...], bool]:
    """The leads, and whether the reference beat was subtracted from them."""
    num_leads, flags = section.fields("BB")
    rows = section.rows(_LEAD_COLUMNS, num_leads, 2)
    leads = tuple(StoredLead(code, first, last) for first, last, code in rows.tolist())
    if not leads or any(lead.last < lead.first for lead in leads):
        raise section.damaged("a lead without samples" if leads else "no leads", "leads with their first and last sample")
    return leads, bool(flags & 1)


def _waveforms(section: Section, num_leads: int) -> _Waveforms:
    nanovolts, interval_us, differences, bimodal = section.fields("HHBB")
    if not nanovolts or not interval_us:
        raise section.damaged(f"{nanovolts} nV per step and {interval_us} us per sample", "both above zero")
    if differences > 2:
        raise section.damaged(f"differences of order {differences}", "0, 1 or 2")
    sizes = section.fields(f"{num_leads}H", 6)
    places = np.cumsum([6 + 2 * num_leads, *sizes]).tolist()
    if places[-1] > len(section.content):
        raise section.damaged(f"{len(section.content)} bytes", f"{places[-1]}, as its leads take")
    coded = tuple(section.content[start:end] for start, end in itertools.pairwise(places))
    return _Waveforms(section, nanovolts, interval_us, differences, section.number == 6 and bimodal == 1, coded)


def _samples(
    waveforms: _Waveforms, coded: bytes, num_samples: int, tables: Sequence[HuffmanTable]
) -> Int64[np.ndarray, " sample"]:
    """The stored samples of one lead, in steps of the converter."""
    section = waveforms.section
    if tables:
        values = decode(section, coded, num_samples, tables)
    elif len(coded) < 2 * num_samples:
        raise section.damaged(f"{len(coded) // 2} samples of a lead", f"{num_samples} as the record declares")
    else:
        values = np.frombuffer(coded, "<i2", num_samples).astype(np.int64)
    if waveforms.differences == 2:
        values[1:2] -= values[:1]
        values[1:] = np.cumsum(values[1:])
    if waveforms.differences:
        values = np.cumsum(values)
    # Devices count in 16 bits, and a difference that did not fit came round on the other side: so does the sum.
    return values.astype(np.int16).astype(np.int64)


@dataclass(frozen=True)
class _Spread:
    """How the samples of a lead lie between the stored ones: each a `share` of the way from one to the next."""

    before: Int64[np.ndarray, " time"]
    after: Int64[np.ndarray, " time"]
    share: Float[np.ndarray, " time"]


def _protected_zones(section: Section) -> np.ndarray:
    *_, num_beats = section.fields("HHH")
    return section.rows(_ZONE_COLUMNS, num_beats, 6 + num_beats * np.dtype(_BEAT_COLUMNS).itemsize)


def _spread(lead: StoredLead, group: int, zones: np.ndarray) -> _Spread:
    """Outside the zones one stored sample stands for `group`, at the first of the later half of them.

    Before the first of a stretch and behind the last the value is held. What is left of a stretch when its samples do not
    come out even is stored as it is.
    """
    num_samples = lead.last - lead.first + 1
    time = np.arange(num_samples)
    if group == 1:
        return _Spread(time, time, np.zeros(num_samples))
    begin = np.clip(zones["first"].astype(np.int64) - lead.first, 0, num_samples)
    end = np.clip(zones["last"].astype(np.int64) + 1 - lead.first, begin, num_samples)
    begun, ended = (np.cumsum(np.bincount(edge, minlength=num_samples + 1)) for edge in (begin, end))
    protected = (begun > ended)[:-1]
    begins = np.diff(protected, prepend=not protected[0])
    stretch = np.cumsum(begins) - 1
    length = np.bincount(stretch)
    inside = time - time[begins][stretch]
    grouped = ~protected & (inside < (length // group * group)[stretch])
    stored = np.cumsum(~grouped | (inside % group == 0)) - 1
    first_stored = stored[time[begins]][stretch]
    place = np.clip((inside - group // 2) / group, 0, (length // group - 1)[stretch])
    before = np.where(grouped, first_stored + place.astype(np.int64), stored)
    share = np.where(grouped, place % 1, 0.0)
    return _Spread(before, np.where(share > 0, before + 1, before), share)


def _put_back_beats(
    signal_mv: Float[np.ndarray, "lead time"], start: int, section: Section, beats: _Waveforms, tables: Sequence[HuffmanTable]
) -> None:
    """Add the reference beat wherever section 4 says that it was subtracted, its fiducial point on that of the beat."""
    length_ms, fiducial, num_beats = section.fields("HHH")
    num_samples = length_ms * 1000 // beats.interval_us
    if num_samples == 0:
        raise section.damaged(f"a reference beat of {length_ms} ms", "at least one sample")
    zones = section.rows(_BEAT_COLUMNS, num_beats, 6)
    refuse_too_many_samples(section.path, len(signal_mv), num_samples)
    rows = [_samples(beats, coded, num_samples, tables) for coded in beats.coded]
    beat_mv = np.stack(rows) * (beats.nanovolts * _MILLIVOLTS_PER_NANOVOLT)
    end = start + signal_mv.shape[1]
    num_covered = 0
    for kind, first, place, last in zones.tolist():
        to_beat = fiducial - 1 - place
        # Nothing can have been subtracted where the beat or the recording has no sample.
        begin, stop = max(first, start, -to_beat), min(last + 1, end, num_samples - to_beat)
        if kind == 0 and begin < stop:
            signal_mv[:, begin - start : stop - start] += beat_mv[:, begin + to_beat : stop + to_beat]
            num_covered += stop - begin
        if num_covered > _MOST_COVER * signal_mv.shape[1]:
            raise section.damaged("beats that lie upon each other", "beats one after the other")
