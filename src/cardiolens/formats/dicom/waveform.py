"""A multiplex group of DICOM: channels sampled together, interleaved, each with its own scale."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np
from einops import rearrange
from jaxtyping import Bool, Num

from cardiolens.errors import BadRecording
from cardiolens.formats.bounds import refuse_too_many_samples, shown
from cardiolens.formats.dicom.elements import Item
from cardiolens.formats.lead_codes import coded_lead
from cardiolens.formats.lead_groups import LeadGroup
from cardiolens.signals.leads import standard_lead
from cardiolens.signals.units import millivolts_per

CODE_VALUE, LONG_CODE_VALUE, CODE_MEANING = 0x00080100, 0x00080119, 0x00080104
ORIGINALITY, NUM_CHANNELS, NUM_SAMPLES, GROUP_LABEL = 0x003A0004, 0x003A0005, 0x003A0010, 0x003A0020
_TIME_OFFSET, _FREQUENCY = 0x00181068, 0x003A001A
_CHANNELS, _CHANNEL_LABEL, _CHANNEL_SOURCE = 0x003A0200, 0x003A0203, 0x003A0208
_SENSITIVITY, _UNITS, _CORRECTION, _BASELINE = 0x003A0210, 0x003A0211, 0x003A0212, 0x003A0213
_SKEWS = (0x003A0214, 0x003A0215, 0x003A0218)
_LOWEST, _HIGHEST, _BITS, _KIND, _PADDING, _SAMPLES = 0x54000110, 0x54000112, 0x54001004, 0x54001006, 0x5400100A, 0x54001010

VALUES = frozenset(
    {CODE_VALUE, LONG_CODE_VALUE, CODE_MEANING, ORIGINALITY, NUM_CHANNELS, NUM_SAMPLES, GROUP_LABEL}
    | {_TIME_OFFSET, _FREQUENCY, _CHANNEL_LABEL, _SENSITIVITY, _CORRECTION, _BASELINE, *_SKEWS}
    | {_LOWEST, _HIGHEST, _BITS, _KIND, _PADDING, _SAMPLES}
)
"""The elements that are read here."""

SEQUENCES = frozenset({_CHANNELS, _CHANNEL_SOURCE, _UNITS})
"""The sequences that are read here."""

_LARGEST_NUMBER = 1e6
_SMALLEST_STEP_MV = 1e-12
_TYPES = {
    (8, "SB"): "i1",
    (8, "UB"): "u1",
    (16, "SS"): "i2",
    (16, "US"): "u2",
    (32, "SL"): "i4",
    (32, "UL"): "u4",
}
_SPEECH = {"MB": "mu-law", "AB": "A-law"}


def num_samples(group: Item) -> tuple[int, int]:
    """How many channels the group says it has and how many samples in each; 0 where it does not say."""
    channels, samples = group.integers(NUM_CHANNELS, 2), group.integers(NUM_SAMPLES, 4)
    return (channels[0] if len(channels) == 1 else 0), (samples[0] if len(samples) == 1 else 0)


def lead_group(path: Path, group: Item) -> LeadGroup:
    """The channels that are voltages, in mV: sample * sensitivity * correction + baseline.

    Padding and samples beyond the limits of the channel become NaN.

    Raises:
        BadRecording: a size that is not that of the samples, samples that are no plain integers, or one of the 12 leads
            without a sensitivity in volts or sampled later than the others.
    """
    counts = _counts(path, group)
    channels = group.items(_CHANNELS)
    if len(channels) != len(counts):
        _refuse(path, f"{len(channels)} channels defined", f"{len(counts)} as declared", "export the ECG again")
    rate_hz = group.number(_FREQUENCY)
    if rate_hz is None or not 0 < rate_hz <= _LARGEST_NUMBER:
        stated = shown(group.text(_FREQUENCY)) or "missing"
        _refuse(path, f"a sampling frequency that is {stated}", "one in Hz", "export the ECG again")
    names = [_lead(channel) for channel in channels]
    scales = [_scale(path, name, channel) for name, channel in zip(names, channels, strict=True)]
    kept = [number for number, scale in enumerate(scales) if scale is not None]
    signal_mv = np.empty((len(kept), counts.shape[1]), np.float32)
    for row, number in zip(signal_mv, kept, strict=True):
        step, baseline = scales[number]
        row[:] = counts[number] * step + baseline
        row[_invalid(counts[number], group, channels[number])] = np.nan
    offset = group.number(_TIME_OFFSET)
    return LeadGroup(
        signal_mv=signal_mv,
        leads=tuple(names[number] for number in kept),
        rate_hz=rate_hz,
        start=None if offset is None else f"{offset:.6g} ms",
        left_out=tuple(name for name, scale in zip(names, scales, strict=True) if scale is None),
    )


def _counts(path: Path, group: Item) -> Num[np.ndarray, "lead time"]:
    num_channels, length = num_samples(group)
    bits, kind = group.integers(_BITS, 2), group.text(_KIND)
    if kind in _SPEECH:
        _refuse(path, f"samples in {_SPEECH[kind]}, a code for speech", "integers", "export the ECG uncompressed")
    stored = _TYPES.get((bits[0] if bits else 0, kind))
    if stored is None:
        found = f"samples of {bits[0] if bits else 'no'} bits, interpreted as {shown(kind) or 'nothing'}"
        _refuse(path, found, "integers of 8, 16 or 32 bits", "export the ECG again")
    refuse_too_many_samples(path, num_channels, length)
    dtype = np.dtype(group.byte_order + stored)
    samples, declared = group.values.get(_SAMPLES, b""), num_channels * length * dtype.itemsize
    # A value of odd length is padded by one byte.
    if not declared or len(samples) - declared not in {0, declared % 2}:
        _refuse(
            path,
            f"{len(samples)} bytes of samples",
            f"{declared} for {length} samples in each of {num_channels} channels, as declared",
            "the file is cut off or damaged: export the ECG again",
        )
    counts = np.frombuffer(samples, dtype, num_channels * length)
    return rearrange(counts, "(time lead) -> lead time", lead=num_channels)


def _lead(channel: Item) -> str:
    source = channel.first(_CHANNEL_SOURCE)
    code = source.text(CODE_VALUE) or source.text(LONG_CODE_VALUE)
    return shown(coded_lead(code, source.text(CODE_MEANING)) or channel.text(_CHANNEL_LABEL)) or "without name"


def _scale(path: Path, name: str, channel: Item) -> tuple[float, float] | None:
    """Millivolts per count and at count 0, or None for a channel that is neither one of the 12 leads nor a voltage."""
    units = channel.first(_UNITS)
    millivolts = millivolts_per(units.text(CODE_VALUE))
    sensitivity, correction, baseline = (
        default if not channel.text(tag) and default is not None else channel.number(tag)
        for tag, default in ((_SENSITIVITY, None), (_CORRECTION, 1.0), (_BASELINE, 0.0))
    )
    numbers = (millivolts, sensitivity, correction, baseline)
    readable = not any(number is None or abs(number) > _LARGEST_NUMBER for number in numbers)
    if not readable or abs(millivolts * sensitivity * correction) < _SMALLEST_STEP_MV:
        if standard_lead(name) is None:
            return None
        stated = [shown(channel.text(_SENSITIVITY)) or "nothing", shown(units.text(CODE_VALUE)) or "no unit"]
        _refuse(
            path,
            f"lead {name} with a sensitivity of {' in '.join(stated)}",
            "one in uV, mV or V, with its correction and baseline",
            "export the ECG again with its scale; none is guessed",
        )
    if standard_lead(name) is not None and any(channel.number(tag) for tag in _SKEWS):
        _refuse(
            path,
            f"lead {name} sampled later than the others",
            "leads sampled at the same time",
            "export the ECG with its leads aligned",
        )
    return millivolts * sensitivity * correction, millivolts * baseline


def _invalid(counts: Num[np.ndarray, " time"], group: Item, channel: Item) -> Bool[np.ndarray, " time"]:
    padding, lowest, highest = (
        _sample(item, tag, counts.dtype) for item, tag in ((group, _PADDING), (channel, _LOWEST), (channel, _HIGHEST))
    )
    invalid = np.zeros(counts.shape, bool) if padding is None else counts == padding
    # Where a device leaves both limits at zero there are none.
    if lowest is not None and highest is not None and lowest < highest:
        invalid |= (counts < lowest) | (counts > highest)
    return invalid


def _sample(item: Item, tag: int, dtype: np.dtype) -> int | None:
    value = item.values.get(tag, b"")
    return int(np.frombuffer(value, dtype, 1)[0]) if len(value) >= dtype.itemsize else None


def _refuse(path: Path, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadRecording(path, found=found, expected=expected, remedy=remedy)
