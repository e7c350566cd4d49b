"""Where in its beat every sample of an ECG lies: 0 at an R peak, rising to one at the next. For whole batches on the device.

It serves training, where a segment of an ECG is to be compared with the frame of a cine at the same moment of the beat. It is
no measurement: beats for a report are `heart_beats`' work.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool1d, max_pool1d

from cardiolens.types import RATE_HZ

_SMOOTH_S, _QRS_S, _REFRACTORY_S = 0.01, 0.08, 0.25
_SHORTEST_S, _LONGEST_S = 0.3, 2.0
"""Of an R-R interval: 200 down to 30 beats per minute."""
_STEEP, _THRESHOLD = 0.98, 0.35
"""A beat is at least 0.35 times as steep as what all but the steepest 2 % stay under; QRS takes up a tenth of the time."""


def cardiac_phase(ecg: Float[Tensor, "batch lead time"], *, rate_hz: float = RATE_HZ) -> Float[Tensor, "batch time"]:
    """The part of the R-R interval that has passed, 0 to below 1.

    NaN before the first and from the last R peak on, and in intervals that are shorter than 0.3 s or longer than 2 s, as
    where a beat was missed. The ECG's unit and scale are of no consequence.
    """
    peaks = r_peaks(ecg, rate_hz=rate_hz)
    length = peaks.shape[1]
    time = torch.arange(length, device=peaks.device).expand_as(peaks)
    last = torch.where(peaks, time, -1).cummax(dim=1).values
    at_or_after = torch.where(peaks, time, length).flip(1).cummin(dim=1).values.flip(1)
    following = torch.cat([at_or_after[:, 1:], torch.full_like(at_or_after[:, :1], length)], dim=1)
    interval = following - last
    known = (last >= 0) & (following < length) & (interval >= _SHORTEST_S * rate_hz) & (interval <= _LONGEST_S * rate_hz)
    return torch.where(known, (time - last) / interval, torch.nan)


def r_peaks(ecg: Float[Tensor, "batch lead time"], *, rate_hz: float = RATE_HZ) -> Tensor:
    """Whether a sample is the middle of a QRS complex, the steepest place of all leads together; (batch, time), bool."""
    steep = avg_pool1d(_padded(ecg, _SMOOTH_S, rate_hz), _odd(_SMOOTH_S, rate_hz), stride=1).diff(dim=2, prepend=ecg[..., :1])
    energy = steep.square().sum(dim=1, keepdim=True)
    height = avg_pool1d(_padded(energy, _QRS_S, rate_hz), _odd(_QRS_S, rate_hz), stride=1).sqrt()[:, 0]
    width = _odd(2 * _REFRACTORY_S, rate_hz)
    highest = max_pool1d(height[:, None], width, stride=1, padding=width // 2)[:, 0]
    enough = _THRESHOLD * height.quantile(_STEEP, dim=1, keepdim=True)
    peaks = (height == highest) & (height > enough) & (height > 0)
    # Of several that are equally steep, as in an ECG without noise, the first.
    before = torch.nn.functional.pad(peaks[:, None, :-1].float(), (width // 2, 0))
    return peaks & (max_pool1d(before, width // 2, stride=1)[:, 0] == 0)


def _odd(seconds: float, rate_hz: float) -> int:
    return 2 * round(seconds * rate_hz / 2) + 1


def _padded(signal: Float[Tensor, "batch lead time"], seconds: float, rate_hz: float) -> Float[Tensor, "batch lead padded"]:
    around = _odd(seconds, rate_hz) // 2
    return torch.nn.functional.pad(signal, (around, around), mode="replicate")
