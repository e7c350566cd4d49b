"""The compiled loop of the baseline estimate. Its settings and its place in the cleaning are in `cleaning`.

Each iteration solves (W + s D'D) z = W y for the baseline z, where D takes second differences and W is diagonal. The
matrix has five bands, so an L P L' elimination costs a few operations per sample; the leads go through it side by side,
one per SIMD lane.

Divided by s, row i of D'D is (1, -4, 6, -4, 1). With the pivots written 1 + a and the band beside the diagonal of L
written b - 2, the elimination becomes

    b[i] = (2 a[i-1] - b[i-1] + p[i]) / (1 + a[i-1])
    a[i] = w[i] / s + a[i-2] / (1 + a[i-2]) - 2 b[i-1] + b[i] (2 + b[i-1] - p[i]) + q[i]

where p and q are zero but in the first and last two rows. At the published s = 1e7, a and b are near 0.04 and the weights
enter at 1e-8: this form keeps the digits that elimination with the pivots themselves loses in 6 - 4 - 1.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import no_type_check

import numpy as np


@functools.cache
def baseline_kernel() -> Callable[[np.ndarray, float, float, int], np.ndarray]:
    """`kernel(y, smoothness, asymmetry, iterations)`, compiled on first use and kept on disk for later processes.

    `y` is float64 (time, lead), contiguous and finite, with at least four samples; the baseline comes back in the same
    shape. The Python lock is free meanwhile. Floating-point operations are neither re-ordered nor fused, so every CPU gives
    the same bits.
    """
    import numba

    compiled = functools.partial(numba.njit, _baseline, nogil=True, error_model="numpy")
    try:
        return compiled(cache=True)
    except RuntimeError:  # no folder can be written, as in a sealed container: each process compiles for itself
        return compiled()


# A compiler reads this function: the tests' shape checks must leave it as it is.
@no_type_check
def _baseline(y, smoothness, asymmetry, iterations):
    num_samples, num_leads = y.shape
    scale = 1.0 / smoothness
    # Two rows before the first sample and two after the last, so that the ends need no case of their own.
    b = np.empty((num_samples + 4, num_leads))
    inverse, z = np.empty_like(b), np.empty_like(b)
    for beyond in (b, inverse, z):
        beyond[:2] = 0.0
        beyond[-2:] = 0.0
    # Makes b of the first row 2, for there is nothing beside its diagonal; otherwise it only meets zeros.
    inverse[1] = 0.5
    # Every sample lies above, with weight one: the first iteration weighs all alike.
    z[2:-2] = -np.inf
    # Of a only the two rows before are ever read. What is written for every sample outgrows the cache and takes the time.
    a_before, a_before_that = np.empty(num_leads), np.empty(num_leads)
    above, below = 1.0, 1.0
    for _ in range(iterations):
        a_before[:] = 0.0
        a_before_that[:] = 0.0
        for i in range(num_samples):
            row = i + 2
            at_end, beside_end = i == 0 or i == num_samples - 1, i == 1 or i == num_samples - 2
            p = 4.0 if i == 0 else (2.0 if i == 1 or i == num_samples - 1 else 0.0)
            q = 4.0 if i < 2 else (-1.0 if i >= num_samples - 2 else 0.0)
            penalty = smoothness * (1.0 if at_end else (5.0 if beside_end else 6.0))
            for k in range(num_leads):
                weight = above if y[i, k] > z[row, k] else (below if y[i, k] < z[row, k] else 0.0)
                # What double precision leaves of the weight beside 6e7, where the published code puts it: without this
                # rounding the cleaned signals differ by 2e-8.
                rounded = ((weight + penalty) - penalty) * scale
                b_before = b[row - 1, k]
                # Summed in an order in which little waits for the division of the row before.
                known = rounded + (a_before_that[k] * inverse[row - 2, k] - 2.0 * b_before) + q
                b_here = (2.0 * a_before[k] + (p - b_before)) * inverse[row - 1, k]
                a_here = b_here * ((2.0 - p) + b_before) + known
                a_before_that[k] = a_before[k]
                a_before[k] = a_here
                b[row, k] = b_here
                inverse[row, k] = 1.0 / (1.0 + a_here)
                forward = (b_here - 2.0) * z[row - 1, k] + inverse[row - 2, k] * z[row - 2, k]
                z[row, k] = weight * scale * y[i, k] - forward
        for row in range(num_samples + 1, 1, -1):
            for k in range(num_leads):
                back = inverse[row, k] * (z[row, k] - z[row + 2, k])
                z[row, k] = back - (b[row + 1, k] - 2.0) * z[row + 1, k]
        above, below = asymmetry, 1.0 - asymmetry
    return z[2:-2]
