"""Pacing spikes: deflections far narrower than any wave of the heart, seen in several leads at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiolens.types import LEADS

_INDEPENDENT = np.array([LEADS.index(lead) for lead in ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")])
_NARROW_MS, _BESIDE_MS, _SAME_SPIKE_MS = 6.0, 16.0, 20.0
_LEAST_MV, _LEAST_NOISE = 0.15, 6.0
_FEWEST = 3
_LOWEST_RATE_HZ = 400.0


@dataclass(frozen=True)
class PacingSpikes:
    """How many, and how far the tallest stands out in the lead that shows it second best."""

    count: int
    height_mv: float


def find_pacing_spikes(
    signal_mv: Float[np.ndarray, "12 time"], *, rate_hz: float, noise_mv: float = 0.0
) -> PacingSpikes | None:
    """Spikes that rise and fall within 6 ms in two leads or more, three times or more; None where there are none.

    Leads in the order of `types.LEADS`, samples finite. The height over both flanks must exceed by 0.15 mV, and by six times
    the noise, what the lead moves beside them, so that the top of a narrow QRS is none. Below 400 Hz a spike cannot be told
    from noise: None. A cardiograph that filters spikes away leaves none to find.
    """
    if rate_hz < _LOWEST_RATE_HZ:
        return None
    narrow, beside = (round(ms / 1000 * rate_hz) for ms in (_NARROW_MS, _BESIDE_MS))
    if signal_mv.shape[1] <= 2 * beside:
        return None
    leads = signal_mv[_INDEPENDENT].astype(np.float64)
    centre = leads[:, beside:-beside]
    length = centre.shape[1]
    far_before, before, after, far_after = (
        leads[:, beside + shift : beside + shift + length] for shift in (-beside, -narrow, narrow, beside)
    )
    height = np.maximum(np.minimum(centre - before, centre - after), np.minimum(before - centre, after - centre))
    alone = height - np.maximum(np.abs(before - far_before), np.abs(after - far_after))
    second_best = np.partition(alone, -2, axis=0)[-2]
    places = np.flatnonzero(second_best > max(_LEAST_MV, _LEAST_NOISE * noise_mv))
    if not len(places):
        return None
    count = 1 + int((np.diff(places) > _SAME_SPIKE_MS / 1000 * rate_hz).sum())
    return PacingSpikes(count, float(second_best.max())) if count >= _FEWEST else None
