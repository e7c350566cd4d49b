"""Strain from contours alone, without following any point: a check on tracking, blind to where along the wall it happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cardiolens.imaging.contours import Contours, perimeter_mm


@dataclass(frozen=True)
class ContourStrain:
    """Percent change from end-diastole to end-systole, mean over slices; NaN where no slice has closed contours in both."""

    endocardial: float
    """Of the inner contour's length."""
    midwall: float
    """Of the mean of both contours' lengths."""
    epicardial: float
    """Of the outer contour's length."""
    radial: float
    """Of the wall's mean thickness, from the contours' areas and lengths."""


def contour_strain(at_ed: Contours, at_es: Contours, slices: Sequence[int]) -> ContourStrain:
    """The check in the given slices of a stack whose contours were traced at both ends of systole."""
    chosen = list(slices)
    endo = np.stack([perimeter_mm(contours.endo_mm[chosen]) for contours in (at_ed, at_es)])
    epi = np.stack([perimeter_mm(contours.epi_mm[chosen]) for contours in (at_ed, at_es)])
    # A ring between two similar curves is as thick as the difference of their lengths over two pi.
    changes = [100 * (lengths[1] / lengths[0] - 1) for lengths in (endo, (endo + epi) / 2, epi, epi - endo)]
    return ContourStrain(*(float(np.nanmean(change)) if np.isfinite(change).any() else np.nan for change in changes))
