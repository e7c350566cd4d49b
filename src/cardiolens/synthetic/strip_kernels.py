"""Compiled: beats laid one after the other into a 10 s strip."""

from typing import no_type_check

from numba import njit


@njit(cache=True)
@no_type_check
def lay_beats(strip, step_ms, template, before_ms, fixed_ms, onset_ms, stretch, gain):
    """Add `template` (lead, ms) at every onset; what comes after `fixed_ms` of it is stretched in time.

    `onset_ms` is where sample `before_ms` of the template falls.
    """
    num_leads, num_samples = strip.shape
    length = template.shape[1]
    for b in range(onset_ms.shape[0]):
        start = onset_ms[b] - before_ms
        total = fixed_ms + (length - 1 - fixed_ms) * stretch[b]
        first = max(int(start / step_ms) + 1, 0)
        last = min(int((start + total) / step_ms), num_samples - 1)
        for s in range(first, last + 1):
            t = s * step_ms - start
            if t > fixed_ms:
                t = fixed_ms + (t - fixed_ms) / stretch[b]
            k = int(t)
            if k < 0 or k >= length - 1:
                continue
            f = t - k
            for c in range(num_leads):
                strip[c, s] += gain[b] * ((1 - f) * template[c, k] + f * template[c, k + 1])
