"""Philips ECG XML ("Sierra"), versions 1.03 and 1.04: the rhythm under parsedwaveforms, packed by XLI or not at all.

Representative beats (repbeats), single leads (leadwaveforms) and files elsewhere (unparsedwaveforms) are never taken for
it. The published schema of 1.04 says that resolution and amplitudes are in microvolts and intervals in milliseconds. That
of 1.03 names no unit; its devices append a calibration mark, which is 1 mV by the same reading, and measure by it.
"""

from __future__ import annotations

import base64
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from einops import rearrange
from jaxtyping import Float, Shaped

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import refuse_too_many_samples, shown
from cardiolens.formats.philips import report
from cardiolens.formats.philips.xli import FEWEST_SAMPLES, decompress, limb_leads
from cardiolens.formats.xml_document import number_or_nan, read_xml, root_tag
from cardiolens.privacy import display_name
from cardiolens.types import LEADS, Recording

NAME = "Philips ECG XML (1.03, 1.04)"

_MILLIVOLTS_PER_MICROVOLT = 1e-3
_MARK_MV = 1.0
_LARGEST_NUMBER = 1e6
_LARGEST_COUNT = 1 << 31
_NO_VOLTAGES = ("RESP", "PLETH", "PACE")


def sniff(path: Path, head: bytes) -> bool:
    """Whether the first bytes open a restingecgdata document."""
    return root_tag(head) == "restingecgdata"


def read(path: Path) -> Recording:
    """The rhythm in mV, with what the device measured and said.

    The calibration mark at its end is cut off. Version 1.03 does not name its leads: twelve of a standard acquisition are
    in the usual order. Of several interpretations the latest is kept, of a birth date the age in whole years.

    Raises:
        BadRecording: no rhythm in the file; rate, resolution, duration or leads missing; an unknown coding; a damaged or
            shorter waveform than declared.
    """
    root = read_xml(path)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    waveform = root.find("waveforms/parsedwaveforms")
    if waveform is None:
        raise _bad(path, "no parsedwaveforms", "the rhythm inside the file")
    persons = report.persons(root)
    said = _Said(path, waveform, root.find("dataacquisition/signalcharacteristics"))
    leads = [persons.shown(lead) for lead in _leads(path, said)]
    rate_hz = said.number("samplespersecond", "samplingrate")
    millivolts = said.number("resolution", "signalresolution") * _MILLIVOLTS_PER_MICROVOLT
    num_samples = round(said.number("durationperchannel") * rate_hz / 1000)
    signal = _counts(path, waveform, said, leads, num_samples) * millivolts
    num_kept = _samples_before_mark(signal)
    seconds = (num_samples - num_kept) / rate_hz
    notes = [f"left out the last {seconds:.3g} s: a calibration mark of 1 mV"] if seconds else []
    voltages = [number for number, lead in enumerate(leads) if not lead.upper().startswith(_NO_VOLTAGES)]
    if others := [lead for number, lead in enumerate(leads) if number not in voltages]:
        notes.append(f"left out {', '.join(others)}")
    statements, left_out = report.statements(root, persons)
    return Recording(
        signal_mv=signal[voltages, :num_kept],
        leads=tuple(leads[number] for number in voltages),
        rate_hz=rate_hz,
        source=display_name(path),
        age_years=report.age(root),
        sex=report.sex(root),
        device=report.device(root, persons),
        recorded_at=report.recorded_at(root),
        statements=statements,
        intervals_ms=report.intervals_ms(root),
        notes=(*notes, *report.remarks(root, persons), *left_out),
    )


class _Said:
    """What the waveform says of itself or, where it is silent, the acquisition."""

    def __init__(self, path: Path, waveform: Element, acquisition: Element | None) -> None:
        self._path, self._waveform, self._acquisition = path, waveform, acquisition

    def text(self, *names: str) -> str:
        said = [self._waveform.get(name) for name in names]
        said += [self._acquisition.findtext(name) for name in names if self._acquisition is not None]
        return next((text.strip() for text in said if text and text.strip()), "")

    def number(self, *names: str) -> float:
        text = self.text(*names)
        value = number_or_nan(text)
        if not 0 < value <= _LARGEST_NUMBER:
            found = f"{names[0]} {shown(text) or 'missing'}"
            raise _bad(self._path, found, f"a {names[0]} from 0 to {_LARGEST_NUMBER:g}")
        return value


def _leads(path: Path, said: _Said) -> list[str]:
    num_leads, labels = said.text("numberofleads", "numberchannelsvalid"), said.text("leadlabels").split()
    if not labels:
        kind = said.text("acquisitiontype")
        if (kind, num_leads) != ("STD-12", str(len(LEADS))):
            found = f"{shown(num_leads) or 'no'} leads without names, acquisition {shown(kind) or 'unknown'}"
            raise _bad(path, found, "names, or the 12 leads of acquisition STD-12")
        return list(LEADS)
    if num_leads != str(len(labels)):
        raise _bad(path, f"{len(labels)} lead names", f"{shown(num_leads) or 'some'} leads as declared")
    return labels


def _counts(path: Path, waveform: Element, said: _Said, leads: list[str], num_samples: int) -> Float[np.ndarray, "lead time"]:
    if num_samples < FEWEST_SAMPLES:
        raise _bad(path, f"{num_samples} samples per lead", "an ECG of some seconds")
    refuse_too_many_samples(path, len(leads), num_samples)
    method = (waveform.get("compression") or waveform.get("compressmethod") or "").strip().lower()
    packed = waveform.get("compressflag", "True" if method else "False").strip().lower() != "false"
    coding = said.text("dataencoding")
    if said.text("signalsigned").lower() == "false" or said.text("bitspersample", "nbitspersample") not in {"", "16"}:
        raise _bad(path, "samples that are not of 16 bits with a sign", "signed samples of 16 bits")
    if packed and method == "xli" and coding == "Base64":
        if leads[:6] != list(LEADS[:6]):
            found = f"packed leads in the order {' '.join(leads[:6])}"
            raise _bad(path, found, "I II III aVR aVL aVF first, for they depend on each other")
        counts = decompress(path, _bytes(path, waveform), len(leads), num_samples)
        counts[:6] = limb_leads(counts[:6])
    elif coding in {"Base64", "Plain"} and (not packed or method in {"uncompressed", "none"}):
        counts = _plain(path, waveform, num_samples) if coding == "Plain" else _words(path, waveform)
        if len(counts) != len(leads) * num_samples:
            raise _bad(path, f"{len(counts)} samples", f"{num_samples} in each of {len(leads)} leads as declared")
        counts = rearrange(counts, "(lead time) -> lead time", lead=len(leads))
    else:
        found = f"coding {shown(coding) or 'missing'}, compression {shown(method) or 'unknown'}"
        raise _bad(path, found, "Base64 with XLI, or Base64 or Plain without compression")
    offset = number_or_nan(said.text("signaloffset") or "0")
    if not abs(offset) < _LARGEST_NUMBER:
        raise _bad(path, f"signaloffset {shown(said.text('signaloffset'))}", "a number to subtract from each sample")
    return counts.astype(np.float32) - np.float32(offset)


def _bytes(path: Path, waveform: Element) -> bytes:
    try:
        return base64.b64decode("".join((waveform.text or "").split()), validate=True)
    except ValueError as error:
        raise _bad(path, "a waveform that is no Base64", "the whole file as the device wrote it") from error


def _words(path: Path, waveform: Element) -> Shaped[np.ndarray, " time"]:
    content = _bytes(path, waveform)
    if len(content) % 2:
        raise _bad(path, f"{len(content)} bytes of samples", "two bytes per sample")
    return np.frombuffer(content, "<i2")


def _plain(path: Path, waveform: Element, num_samples: int) -> Float[np.ndarray, " time"]:
    cells = (waveform.text or "").split()
    try:
        counts = np.fromiter((float(int(cell)) for cell in cells), np.float64, len(cells))
    except (ValueError, OverflowError):
        counts = np.full(num_samples, np.inf)
    if not np.abs(counts).max(initial=0) < _LARGEST_COUNT:
        raise _bad(path, "a sample that is no 32-bit number", "whole numbers")
    return counts


def _samples_before_mark(signal_mv: Float[np.ndarray, "lead time"]) -> int:
    """How many samples are ECG: at the end devices append zeros and a pulse of 1 mV to all leads alike."""
    num_samples = signal_mv.shape[1]
    different = np.flatnonzero((signal_mv != signal_mv[0]).any(axis=0))
    begin = int(different[-1]) + 1 if len(different) else num_samples
    tail = signal_mv[0, begin:]
    pulse = np.isclose(tail, _MARK_MV)
    return begin if pulse.any() and not tail[~pulse].any() else num_samples


def _bad(path: Path, found: str, expected: str) -> BadRecording:
    return BadRecording(path, found=found, expected=expected, remedy="export the ECG again with its waveforms")
