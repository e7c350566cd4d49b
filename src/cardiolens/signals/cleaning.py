"""ECG cleaning: clip, remove the baseline, standardise the lead groups. The one cleaning of training and prediction.

The settings are the published ones. Two of them cost information: the clip at four standard deviations cuts the QRS
complex of nearly every real ECG, and the standardisation removes the voltage. Both can be switched off, and what the
standardisation divided by is given back beside the signal.

Source: Turgut et al. 2025; settings as in MMCL-ECG-CMR, utils/preprocessing.py. It cites adaptive iteratively reweighted
least squares, but what it computes is the asymmetric least squares of Eilers & Boelens 2005, and so does this.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from einops import rearrange
from jaxtyping import Float, Float32

from cardiolens.configs import refuse_outside
from cardiolens.signals.baseline_kernel import baseline_kernel

LEAD_GROUPS = (slice(0, 3), slice(3, 6), slice(6, 12))
"""Rows that share one mean and one variance: I-III, aVR-aVF, V1-V6."""

_LEAST_SAMPLES = 4


@dataclass(frozen=True)
class CleaningConfig:
    """How an ECG is cleaned. The defaults are the published settings, meant for 500 Hz."""

    clip_sd: float = 4.0
    """Samples are clipped at this many standard deviations of the whole ECG; infinity clips nothing."""

    smoothness: float = 1e7
    """Weight of the baseline's second differences. At 500 Hz, 1e7 follows what is slower than about 1.4 Hz."""

    asymmetry: float = 0.3
    """Weight of samples above the baseline; samples below it weigh one minus this."""

    iterations: int = 5
    """How often the weights are renewed and the baseline solved for; the last solution stands."""

    standardise: bool = True
    """Whether each group of leads is brought to mean zero and variance one; otherwise the signal stays in mV."""

    def __post_init__(self) -> None:
        refuse_outside(
            self,
            {
                "clip_sd": (self.clip_sd > 0, "a number above 0, or infinity"),
                "smoothness": (0 < self.smoothness < 1e12, "a number between 0 and 1e12"),
                "asymmetry": (0 < self.asymmetry < 1, "a number between 0 and 1"),
                "iterations": (self.iterations >= 1, "1 or more"),
            },
        )


@dataclass(frozen=True)
class CleanEcg:
    """A cleaned ECG: `signal * scale_mv` of each lead group, plus the group's mean, is the signal in mV without baseline."""

    signal: Float[np.ndarray, "lead time"]
    scale_mv: Float32[np.ndarray, "3"]


def clean(signal_mv: Float[np.ndarray, "12 time"], config: CleaningConfig = CleaningConfig()) -> CleanEcg:
    """Clip, subtract the baseline and standardise the three lead groups of one ECG at 500 Hz, of any length.

    Leads stand in the order of `types.LEADS`. Missing samples (NaN) count as zero, as published; so do infinite ones,
    which the published code turns into a record full of NaN. Computes in double precision and gives back the precision
    of the input. `scale_mv` holds sqrt(variance + 1e-12) per group, or ones where nothing was standardised.
    """
    signal = np.where(np.isfinite(signal_mv), signal_mv, 0.0).astype(np.float64)
    if math.isfinite(config.clip_sd):
        limit = config.clip_sd * signal.std()
        signal = signal.clip(-limit, limit)
    signal = remove_baseline(signal, smoothness=config.smoothness, asymmetry=config.asymmetry, iterations=config.iterations)
    scale = np.ones(len(LEAD_GROUPS))
    if config.standardise:
        for group, rows in enumerate(LEAD_GROUPS):
            centred = signal[rows] - signal[rows].mean()
            scale[group] = math.sqrt(np.square(centred).mean() + 1e-12)
            signal[rows] = centred / scale[group]
    return CleanEcg(signal.astype(signal_mv.dtype, copy=False), scale.astype(np.float32))


def remove_baseline(
    signal: Float[np.ndarray, "lead time"], *, smoothness: float = 1e7, asymmetry: float = 0.3, iterations: int = 5
) -> Float[np.ndarray, "lead time"]:
    """Subtract slow drift, estimated per lead by asymmetric least squares.

    `asymmetry` is the weight of samples above the baseline, one minus that of those below, none of those on it. A lead
    that never changes is its own baseline. Output keeps unit and precision of the input; the Python lock is free
    meanwhile, so threads clean side by side.

    Raises:
        ValueError: a sample is NaN or infinite, or there are fewer than four.

    Source: Eilers & Boelens 2005.
    """
    if signal.shape[1] < _LEAST_SAMPLES:
        raise ValueError(f"the baseline needs {_LEAST_SAMPLES} samples or more per lead, found {signal.shape[1]}")
    if not np.isfinite(signal).all():
        raise ValueError("the baseline needs finite samples, found NaN or infinity; fill or drop them first")
    by_time = np.ascontiguousarray(rearrange(signal, "lead time -> time lead"), dtype=np.float64)
    drift = baseline_kernel()(by_time, float(smoothness), float(asymmetry), int(iterations))
    without_drift = signal - rearrange(drift, "time lead -> lead time")
    without_drift[np.ptp(signal, axis=1) == 0] = 0.0
    return without_drift.astype(signal.dtype, copy=False)
