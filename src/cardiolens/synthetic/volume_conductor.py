"""Potentials that injected currents raise in a passive body of isolated surface, by finite volumes on a regular grid.

By reciprocity the field of a current injected at an electrode is what that electrode sees: a dipole p at x gives it the
potential p . grad(phi)(x). This is the solver behind the stored torso, not part of making a subject.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy import sparse
from scipy.sparse.linalg import cg


def injected_potentials(
    conductivity: Float[np.ndarray, "x y z"], sources: Float[np.ndarray, "electrode x y z"], *, spacing_mm: float
) -> Float[np.ndarray, "electrode x y z"]:
    """Potential in V per A of each source, which is injected as given and drawn off evenly over the body.

    `conductivity` is in S/m and zero outside the body; each source sums to one over the body. Two electrodes' potentials
    may be subtracted, since what is drawn off is the same; a single one is relative to the body's mean potential.
    """
    inside = conductivity > 0
    matrix = _conductances(conductivity, inside, spacing_mm / 1000)
    scale = sparse.diags(1 / matrix.diagonal())
    potentials = np.zeros_like(sources)
    for k, source in enumerate(sources):
        current = source[inside] / source[inside].sum() - 1 / inside.sum()
        solution, failed = cg(matrix, current, rtol=1e-7, maxiter=5000, M=scale)
        assert failed == 0
        potentials[k][inside] = solution - solution.mean()
    return potentials


def _conductances(
    conductivity: Float[np.ndarray, "x y z"], inside: Bool[np.ndarray, "x y z"], spacing_m: float
) -> sparse.csr_matrix:
    """Current out of every voxel per volt in every voxel; faces conduct as their two halves in series."""
    number = np.full(conductivity.shape, -1)
    number[inside] = np.arange(inside.sum())
    first, second, between = [], [], []
    for axis in range(3):
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(0, -1), slice(1, None)
        a, b = number[tuple(low)].ravel(), number[tuple(high)].ravel()
        sa, sb = conductivity[tuple(low)].ravel(), conductivity[tuple(high)].ravel()
        touching = (a >= 0) & (b >= 0)
        first.append(a[touching])
        second.append(b[touching])
        between.append(spacing_m * 2 * sa[touching] * sb[touching] / (sa[touching] + sb[touching]))
    a, b, g = np.concatenate(first), np.concatenate(second), np.concatenate(between)
    num = int(inside.sum())
    off = sparse.coo_matrix((np.concatenate([g, g]), (np.concatenate([a, b]), np.concatenate([b, a]))), shape=(num, num))
    off = off.tocsr()
    return sparse.diags(np.asarray(off.sum(axis=1)).ravel()) - off
