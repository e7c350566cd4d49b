"""A segmented beat: labels of every phase, and at the phases that matter how sure the segmenter is of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8


@dataclass(frozen=True)
class Agreement:
    """Dice overlap between the passes of a segmenter over one phase and their average, 0 to 1, by structure."""

    lv: float
    myocardium: float
    rv: float


LEAST_LV_AGREEMENT, LEAST_RV_AGREEMENT = 0.85, 0.70
"""Below these a structure is not trusted. On 24 stacks of the ACDC challenge, at both ends of systole (the half that was
looked at), the left ventricle's agreement is .92 or more and the right one's .71; noise, inverted pictures, half a heart and
pixels of twice their size stay below .85 (26 November 2026, the shipped segmenter)."""


@dataclass(frozen=True)
class Segmented:
    """Labels 0 background, 1 LV cavity, 2 myocardium, 3 RV cavity, on the grid of the stack."""

    masks: UInt8[np.ndarray, "phase slice height width"]
    careful: tuple[int, ...]
    """Phases that were labelled with care, in the order in which they were asked for."""
    agreement: Mapping[int, Agreement]
    """By phase, for the careful ones."""

    @property
    def left_refused(self) -> str | None:
        """Why the left ventricle is not to be trusted, or None."""
        least = min((min(one.lv, one.myocardium) for one in self.agreement.values()), default=1.0)
        return _reason("left ventricle", least, LEAST_LV_AGREEMENT)

    @property
    def right_refused(self) -> str | None:
        """Why the right ventricle is not to be trusted, or None."""
        least = min((one.rv for one in self.agreement.values()), default=1.0)
        return self.left_refused or _reason("right ventricle", least, LEAST_RV_AGREEMENT)

    @property
    def quality(self) -> float | None:
        """Mean agreement over structures and careful phases; None for masks that a person gave."""
        parts = [part for one in self.agreement.values() for part in (one.lv, one.myocardium, one.rv)]
        return sum(parts) / len(parts) if parts else None


def _reason(structure: str, found: float, least: float) -> str | None:
    if found >= least:
        return None
    return f"the segmenter's passes agree on the {structure} by {found:.2f} only, {least:.2f} is needed"
