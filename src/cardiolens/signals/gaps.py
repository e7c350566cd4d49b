"""Missing samples, bridged for what cannot see them: a filter would spread a NaN over the whole lead."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def bridged(signal: Float[np.ndarray, "lead time"]) -> Float[np.ndarray, "lead time"]:
    """The same signal with a straight line across every run of NaN or infinite samples; the ends are held.

    A lead without any finite sample stays as it is. Where nothing is missing, the signal itself comes back.
    """
    known = np.isfinite(signal)
    if known.all():
        return signal
    whole = signal.copy()
    time = np.arange(signal.shape[1])
    for row, here in zip(whole, known, strict=True):
        if here.any():
            row[~here] = np.interp(time[~here], time[here], row[here])
    return whole
