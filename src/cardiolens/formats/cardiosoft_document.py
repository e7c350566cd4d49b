"""The text of a GE CardioSoft XML file, block by block in the order the device writes them.

Written are the blocks that readers of UK Biobank's resting ECG use: demographics, statements, measurements with the median
beat, the ten-second strip and the full disclosure, which here repeats the strip. Vector loops are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from xml.sax.saxutils import escape

import numpy as np
from einops import rearrange
from jaxtyping import Float, Int

from cardiolens.signals.heart_beats import find_beats
from cardiolens.signals.wave_amplitudes import wave_amplitudes
from cardiolens.signals.wave_intervals import frontal_axis_degrees, wave_times
from cardiolens.types import LEADS, Recording

ENCODING = "ISO-8859-1"
MICROVOLTS_PER_COUNT = 5.0
MISSING_COUNT = -32768
LARGEST_COUNT = 32767

_MEDIAN_SAMPLES = 600
_SMALLEST_WAVE_UV = 20
_FIRST_LINE, _LATER_LINES = 301, 300
"""Numbers per line of a waveform."""
_NEWLINE = "\r\n"

T = TypeVar("T")
Beat = Float[np.ndarray, "12 beat_time"]


@dataclass(frozen=True)
class Patient:
    """What a CardioSoft file says of a person beside age and sex, which the recording holds."""

    number: str = ""
    born: date | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    comment: str = ""
    """Goes where the observer's comment stands."""


def document(recording: Recording, median_mv: Beat | None, patient: Patient) -> str:
    """The whole file, whose lines end as on the device's own system.

    Raises:
        ValueError: a sample beyond what the device can store, or a median beat of leads in another order than usual.
    """
    if median_mv is not None and recording.leads != LEADS:
        raise ValueError(f"{recording.source}: a median beat needs the leads in their usual order, found {recording.leads}")
    counts = _counts(recording.signal_mv, recording.source)
    beats = [] if median_mv is None else _beats(recording)
    blocks = [
        f'<?xml version="1.0" encoding="{ENCODING}" ?>',
        "<CardiologyXML>",
        *_indented(
            [
                "<ObservationType>RestECG</ObservationType>",
                *_moment(recording),
                *_block("UID", ["<DICOMStudyUID></DICOMStudyUID>"]),
                *_clinical(recording, patient),
                *_patient(recording, patient),
                *_block("FilterSetting", _FILTERS),
                "<Device-Type>2</Device-Type>",
                *_interpretation(recording.statements),
                *_block("RestingECGMeasurements", _measurements(recording, median_mv)),
                *_block("StripData", [*_shape(counts, recording.rate_hz), *_waveforms(recording.leads, counts), *beats]),
                *_block("FullDisclosure", _disclosure(recording, counts)),
            ]
        ),
        "</CardiologyXML>",
    ]
    return _NEWLINE.join(blocks) + _NEWLINE


_FILTERS = [
    "<CubicSpline>No</CubicSpline>",
    "<Filter50Hz>Yes</Filter50Hz>",
    "<Filter60Hz>No</Filter60Hz>",
    '<LowPass units="Hz">100</LowPass>',
    '<HighPass units="Hz">0.01</HighPass>',
]


def _moment(recording: Recording) -> list[str]:
    if recording.recorded_at is None:
        return []
    tags = ("Hour", "Minute", "Second", "Day", "Month", "Year")
    return _block("ObservationDateTime", [_element(tag, getattr(recording.recorded_at, tag.lower())) for tag in tags])


def _clinical(recording: Recording, patient: Patient) -> list[str]:
    device = [
        _element("Desc", recording.device),
        "<SoftwareVer></SoftwareVer>",
        "<AnalysisVer></AnalysisVer>",
    ]
    return _block("ClinicalInfo", [_element("ObservationComment", patient.comment), *_block("DeviceInfo", device)])


def _patient(recording: Recording, patient: Patient) -> list[str]:
    born = [_element(tag, getattr(patient.born, tag.lower())) for tag in ("Day", "Month", "Year")] if patient.born else []
    age = None if recording.age_years is None else int(recording.age_years)
    return _block(
        "PatientInfo",
        [
            _element("PID", patient.number),
            *_block("Name", ["<FamilyName></FamilyName>", "<GivenName></GivenName>"]),
            _element("Age", age, units="YEARS"),
            *_block("BirthDateTime", born),
            _element("Gender", {"F": "FEMALE", "M": "MALE"}.get(recording.sex or "", "UNKNOWN")),
            "<Race>UNKNOWN</Race>",
            _element("Height", None if patient.height_cm is None else round(patient.height_cm), units="CENTIMETERS"),
            _element("Weight", None if patient.weight_kg is None else f"{patient.weight_kg:.1f}", units="KILOGRAMS"),
            "<PaceMaker>no</PaceMaker>",
        ],
    )


def _interpretation(statements: tuple[str, ...]) -> list[str]:
    return _block(
        "Interpretation",
        [
            *_block("Diagnosis", [_element("DiagnosisText", statement) for statement in statements]),
            *_block("Conclusion", [_element("ConclusionText", statement) for statement in statements]),
        ],
    )


def _measurements(recording: Recording, median_mv: Beat | None) -> list[str]:
    said = recording.intervals_ms
    tags = {"PQInterval": "pq", "PDuration": "p", "QRSDuration": "qrs", "QTInterval": "qt", "QTCInterval": "qtc"}
    tags |= {"RRInterval": "rr", "PPInterval": "pp"}
    lines = [
        _element("VentricularRate", round(60_000 / said["rr"]) if "rr" in said else None, units="BPM"),
        *(_whole(tag, said.get(name), "ms") for tag, name in tags.items()),
    ]
    if median_mv is None:
        return lines
    times = wave_times(median_mv, rate_hz=recording.rate_hz)
    waves = wave_amplitudes(median_mv, rate_hz=recording.rate_hz, times=times)
    axis = frontal_axis_degrees(median_mv, times, rate_hz=recording.rate_hz)
    limits = {"POnset": times.p_onset_ms, "QOnset": times.qrs_onset_ms, "QOffset": times.qrs_offset_ms}
    limits |= {"TOffset": times.t_end_ms}
    amplitudes_mv = {"QAmplitude": -waves.q_mv, "RAmplitude": waves.r_mv, "SAmplitude": -waves.s_mv, "TAmplitude": waves.t_mv}
    table = [_element("LeadOrder", ", ".join(LEADS)), *(_cells(tag, row) for tag, row in amplitudes_mv.items())]
    return [
        *lines,
        _element("SokolovLVHIndex", f"{waves.sokolow_lyon_mv:.2f}", units="mV"),
        _whole("RAxis", axis, "degrees"),
        _element("QRSNum", len(find_beats(recording.signal_mv, rate_hz=recording.rate_hz))),
        '<MeasurementTable Creation="12SL">',
        *_indented(table),
        "</MeasurementTable>",
        *(_whole(tag, value, "ms") for tag, value in limits.items()),
        *_block("MedianSamples", _median_samples(recording, median_mv)),
    ]


def _cells(tag: str, row_mv: Float[np.ndarray, "12"]) -> str:
    """One row of the table of amplitudes; a cell is blank where the lead has no such wave."""
    microvolts = [round(1000 * cell) for cell in np.nan_to_num(row_mv).tolist()]
    return _element(tag, ", ".join(str(cell) if abs(cell) >= _SMALLEST_WAVE_UV else "" for cell in microvolts), units="uV")


def _median_samples(recording: Recording, median_mv: Beat) -> list[str]:
    """As the device does, zero after the last valid sample."""
    counts = np.zeros((12, _MEDIAN_SAMPLES), dtype=np.int64)
    valid = min(median_mv.shape[1], _MEDIAN_SAMPLES)
    counts[:, :valid] = _counts(median_mv[:, :valid], recording.source)
    return [
        *_shape(counts, recording.rate_hz),
        _element("FirstValid", 0, units="Sample"),
        _element("LastValid", valid - 1, units="Sample"),
        *_waveforms(LEADS, counts),
    ]


def _beats(recording: Recording) -> list[str]:
    lines = []
    for sample in find_beats(recording.signal_mv, rate_hz=recording.rate_hz).tolist():
        lines += [_element("Time", round(1000 * sample / recording.rate_hz), units="ms"), _element("BeatClass", "dominant")]
    return _block("ArrhythmiaResults", lines)


def _disclosure(recording: Recording, counts: Int[np.ndarray, "lead time"]) -> list[str]:
    """Blocks of one second, each lead after lead."""
    second = round(recording.rate_hz)
    whole = counts[:, : counts.shape[1] // second * second]
    values = rearrange(whole, "lead (seconds time) -> (seconds lead time)", time=second).tolist()
    return [
        _element("NumberOfChannels", len(recording.leads)),
        _element("SampleRate", f"{recording.rate_hz:g}", units="Hz"),
        _element("Resolution", f"{MICROVOLTS_PER_COUNT:g}", units="uVperLsb"),
        _element("LeadOrder", ",".join(recording.leads)),
        "<FullDisclosureData>",
        *(",".join(map(str, line)) + "," for line in _cut(values, _LATER_LINES, _LATER_LINES)),
        _element("SampleCountTotal", len(values)),
        "</FullDisclosureData>",
    ]


def _counts(signal_mv: Float[np.ndarray, "lead time"], source: str) -> Int[np.ndarray, "lead time"]:
    counts = np.round(signal_mv.astype(np.float64) * (1000 / MICROVOLTS_PER_COUNT))
    if np.abs(counts[~np.isnan(counts)]).max(initial=0) > LARGEST_COUNT:
        raise ValueError(f"{source}: a sample beyond {LARGEST_COUNT * MICROVOLTS_PER_COUNT / 1000:g} mV cannot be stored")
    return np.where(np.isnan(counts), MISSING_COUNT, counts).astype(np.int64)


def _shape(counts: Int[np.ndarray, "lead time"], rate_hz: float) -> list[str]:
    return [
        _element("NumberOfLeads", len(counts)),
        _element("SampleRate", f"{rate_hz:g}", units="Hz"),
        _element("ChannelSampleCountTotal", counts.shape[1]),
        _element("Resolution", f"{MICROVOLTS_PER_COUNT:g}", units="uVperLsb"),
    ]


def _waveforms(leads: tuple[str, ...], counts: Int[np.ndarray, "lead time"]) -> list[str]:
    lines = []
    for lead, row in zip(leads, counts.tolist(), strict=True):
        text = [",".join(map(str, line)) for line in _cut(row, _FIRST_LINE, _LATER_LINES)]
        lines.append(f'<WaveformData lead="{escape(lead)}">\t\t\t' + f",{_NEWLINE}\t\t\t".join(text) + "</WaveformData>")
    return lines


def _cut(values: list[T], first: int, later: int) -> list[list[T]]:
    starts = [0, *range(first, len(values), later)]
    return [values[start:stop] for start, stop in zip(starts, [*starts[1:], len(values)], strict=True)]


def _block(tag: str, lines: list[str]) -> list[str]:
    return [f"<{tag}>", *_indented(lines), f"</{tag}>"]


def _indented(lines: list[str]) -> list[str]:
    return ["\t" + line for line in lines]


def _whole(tag: str, value: float | None, units: str) -> str:
    """A whole number, or nothing where it could not be measured."""
    return _element(tag, None if value is None or np.isnan(value) else round(value), units=units)


def _element(tag: str, value: object, *, units: str | None = None) -> str:
    attribute = "" if units is None else f' units="{units}"'
    return f"<{tag}{attribute}>{'' if value is None else escape(str(value))}</{tag}>"
