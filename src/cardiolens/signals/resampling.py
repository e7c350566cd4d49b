"""Change of sampling rate, said and bounded."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from cardiolens.errors import BadRecording
from cardiolens.signals.gaps import bridged
from cardiolens.types import RATE_HZ, Recording

LOWEST_HZ, HIGHEST_HZ = 100.0, 2000.0
"""Rates outside this range are refused: below it the QRS complex is not resolved, above it is no ECG machine's."""

_LARGEST_FACTOR = 2000


def resample(signal: Float[np.ndarray, "lead time"], *, from_hz: float, to_hz: float) -> Float[np.ndarray, "lead after"]:
    """The signal at another rate, by a polyphase low-pass filter (Kaiser window, beta 5) without phase shift.

    The line from each lead's first sample to its last is taken out meanwhile, so that an offset makes no step at the
    ends. Samples must be finite; unit and precision stay. The result has ceil(time * to_hz / from_hz) samples.
    """
    ratio = Fraction(to_hz / from_hz).limit_denominator(_LARGEST_FACTOR)
    if ratio == 1:
        return signal
    from scipy.signal import resample_poly

    wide = signal.astype(np.float64)
    return resample_poly(wide, ratio.numerator, ratio.denominator, axis=1, padtype="line").astype(signal.dtype)


def to_rate(recording: Recording, rate_hz: float = RATE_HZ) -> Recording:
    """The recording at `rate_hz`, with a note where that changed it.

    Missing samples are bridged by a straight line before the filter, which would spread them; at the right rate already
    they stay missing.

    Raises:
        BadRecording: the recording's rate lies outside 100 to 2000 Hz.
    """
    refuse_other_rates(recording)
    if recording.rate_hz == rate_hz:
        return recording
    signal = resample(bridged(recording.signal_mv), from_hz=recording.rate_hz, to_hz=rate_hz)
    note = f"resampled from {recording.rate_hz:g} to {rate_hz:g} Hz"
    return replace(recording, signal_mv=signal, rate_hz=rate_hz, notes=(*recording.notes, note))


def refuse_other_rates(recording: Recording) -> None:
    """Nothing, for a rate that an ECG machine has.

    Raises:
        BadRecording: the recording's rate lies outside 100 to 2000 Hz.
    """
    if not LOWEST_HZ <= recording.rate_hz <= HIGHEST_HZ:
        raise BadRecording(
            recording.source,
            found=f"a sampling rate of {recording.rate_hz:g} Hz",
            expected=f"{LOWEST_HZ:g} to {HIGHEST_HZ:g} Hz",
            remedy="check the rate in the file, or export the recording at its original rate",
        )
