"""Which phases of a cine are end-diastole, end-systole and the one between, by the volume of the left cavity.

Where only some phases have masks, as in files that label end-diastole and end-systole alone, the others have no volume and
cannot be chosen as either; the phase between needs no masks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from cardiolens.configs import Kinds
from cardiolens.errors import BadImage
from cardiolens.imaging.mask_cleanup import LV_CAVITY


class EndDiastole(Kinds, ABC):
    """Which phase is end-diastole."""

    @abstractmethod
    def choose(self, lv_ml: Float[np.ndarray, " phase"]) -> int:
        """By the volume of the left cavity, NaN where there are no masks; at least one is a number."""


@dataclass(frozen=True)
class LargestCavity(EndDiastole):
    """The phase with the most blood in the left ventricle: right also where the scan was triggered late."""

    def choose(self, lv_ml: Float[np.ndarray, " phase"]) -> int:
        return int(np.nanargmax(lv_ml))


@dataclass(frozen=True)
class FirstPhase(EndDiastole):
    """Phase 0, whatever the volumes say: the rule of the reference pipeline."""

    def choose(self, lv_ml: Float[np.ndarray, " phase"]) -> int:
        return 0


@dataclass(frozen=True)
class Phases:
    """Where in the cine the three phases are."""

    ed: int
    es: int | None
    """None where one phase alone has masks."""
    mid: int | None
    """Half-way from end-diastole to end-systole, rounded down; end-diastole itself where the two are neighbours."""
    lv_ml: Float[np.ndarray, " phase"]
    """Volume of the left cavity; NaN in phases without masks."""
    reasons: dict[str, str]
    """Why `es` or `mid` is missing or not what its name says."""


_LARGEST = LargestCavity()


def choose_phases(
    masks: UInt8[np.ndarray, "phase slice height width"],
    *,
    spacing_mm: tuple[float, float, float],
    source: str,
    end_diastole: EndDiastole = _LARGEST,
) -> Phases:
    """End-diastole by `end_diastole`; end-systole where the left cavity is smallest; the published mid phase.

    The published code takes frame `es // 2` of a cine that begins with end-diastole; here the same, counted from
    end-diastole round the cycle. Labels are 0, 1 LV cavity, 2 myocardium, 3 RV cavity.

    Raises:
        BadImage: no phase, or not the one that `end_diastole` asks for, shows a left cavity.
    """
    lv_ml = np.count_nonzero(masks == LV_CAVITY, axis=(1, 2, 3)) * (float(np.prod(spacing_mm)) / 1000)
    lv_ml = np.where(lv_ml > 0, lv_ml, np.nan)
    known = np.flatnonzero(~np.isnan(lv_ml))
    ed = end_diastole.choose(lv_ml) if len(known) else 0
    if not len(known) or np.isnan(lv_ml[ed]):
        raise BadImage(
            source,
            found="no left cavity in the masks" + (f" of phase {ed}" if len(known) else ""),
            expected="masks with the left cavity labelled 1",
            remedy="check the masks and their labels",
        )
    if len(known) == 1:
        one = "one phase alone has masks"
        return Phases(ed, None, None, lv_ml, {"es": one, "mid": one})
    es = int(np.nanargmin(lv_ml))
    apart = (es - ed) % len(masks)
    mid = (ed + apart // 2) % len(masks)
    reasons = {"mid": "no phase lies between end-diastole and end-systole; end-diastole stands in"} if mid == ed else {}
    return Phases(ed, es, mid, lv_ml, reasons)
