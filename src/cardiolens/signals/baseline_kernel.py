"""The compiled loop of the baseline estimate. Its settings and its place in the cleaning are in `cleaning`.

Each iteration solves (W + s D'D) z = W y for the baseline z, where D takes second differences and W is diagonal. The
matrix has five bands, so an L P L' elimination costs a few operations per sample; four leads go through it side by
side, one per SIMD lane.

Divided by s, the pivots are 1 + a and the band beside the diagonal of L is -2 + b, where a and b are near 0.04 at the
published s = 1e7, and the weights enter a at 1e-8. Eliminating a and b instead of pivots keeps the digits that cancel
in 6 - 4 - 1, and comes ten times nearer to the exact solution than a general solver does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import no_type_check

import numpy as np

# Four leads at a time: one AVX2 register, and what the loop goes over again and again stays in a 1 MB cache.
_LANES = 4


@functools.cache
def baseline_kernel() -> Callable[[np.ndarray, float, float, int], np.ndarray]:
    """`kernel(y, smoothness, asymmetry, iterations)`, compiled on first use and kept on disk for later processes.

    `y` is float64 (time, lead), contiguous and finite, with at least four samples; the baseline comes back in the same
    shape. The Python lock is free meanwhile. Floating-point operations are neither re-ordered nor fused, so
    every CPU gives the same bits.
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
    found = np.empty_like(y)
    # Two rows before the first sample and two after the last stay zero, so that substitution has no special ends.
    a = np.zeros((num_samples + 4, _LANES))
    b, inverse, z = np.zeros_like(a), np.zeros_like(a), np.zeros_like(a)
    for first in range(0, num_leads, _LANES):
        lanes = min(_LANES, num_leads - first)
        # Every sample lies above, with weight one: the first iteration weighs all alike.
        z[2:-2] = -np.inf
        above, below = 1.0, 1.0
        for _ in range(iterations):
            for i in range(num_samples):
                near_end = i < 2 or i >= num_samples - 2
                diagonal = 6.0 if not near_end else (1.0 if i == 0 or i == num_samples - 1 else 5.0)
                beside = 0.0 if i == 0 else (-2.0 if i == 1 or i == num_samples - 1 else -4.0)
                penalty = smoothness * diagonal
                row = i + 2
                for k in range(lanes):
                    here = y[i, first + k]
                    weight = above if here > z[row, k] else (below if here < z[row, k] else 0.0)
                    # What double precision leaves of the weight beside 6e7, where the published code puts it: without
                    # this rounding the cleaned signals differ by 2e-8.
                    rounded = ((weight + penalty) - penalty) * scale
                    b_before = b[row - 1, k]
                    if near_end:
                        coupling = beside + 2.0 - b_before
                        b_here = coupling * inverse[row - 1, k] + 2.0
                        a_here = rounded + ((diagonal - 1.0) - (b_here - 2.0) * coupling - inverse[row - 2, k])
                    else:
                        b_here = (2.0 * a[row - 1, k] - b_before) * inverse[row - 1, k]
                        gone = a[row - 2, k] * inverse[row - 2, k]
                        a_here = rounded + (2.0 * (b_here - b_before) + b_here * b_before + gone)
                    a[row, k] = a_here
                    b[row, k] = b_here
                    inverse[row, k] = 1.0 / (1.0 + a_here)
                    forward = (b_here - 2.0) * z[row - 1, k] + inverse[row - 2, k] * z[row - 2, k]
                    z[row, k] = weight * scale * here - forward
            for row in range(num_samples + 1, 1, -1):
                for k in range(lanes):
                    back = inverse[row, k] * (z[row, k] - z[row + 2, k])
                    z[row, k] = back - (b[row + 1, k] - 2.0) * z[row + 1, k]
            above, below = asymmetry, 1.0 - asymmetry
        found[:, first : first + lanes] = z[2:-2, :lanes]
    return found
