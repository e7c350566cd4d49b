"""From the slices of a plane to a whole stack: one run per slice, evenly spaced, with as many phases in each.

What does not fit is dropped at the ends, resampled in time, or refused with the numbers; all of it is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
from jaxtyping import Float

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.short_axis import Plane, best_run
from cardiolens.formats.cmr.slice_runs import Run

UNEVEN = 0.05
"""Share of the median spacing by which one may differ."""

ENOUGH_OF_A_BEAT = 0.8
"""A slice with this share of the phases is filled up with the nearest ones in time."""

_CLOSEST_MM, _WIDEST_MM = 1.0, 30.0
_MOST_SLICES, _MOST_PHASES = 100, 300


@dataclass(frozen=True)
class SliceStack:
    """One run per slice, along the plane's normal, all with the same number of pictures."""

    plane: Plane
    runs: tuple[Run, ...]
    spacing_mm: float | None
    """Between slices; None for a single one."""
    trigger_ms: Float[np.ndarray, " phase"]
    """The median over the slices, each of which has a heart beat of its own."""
    notes: tuple[str, ...]


def build_stack(plane: Plane, source: str) -> SliceStack:
    """The largest even stack of a plane.

    Raises:
        BadImage: the spacing is uneven by more than 5 %, a slice inside the stack has too few phases, or there is too much.
    """
    num_phases = plane.num_phases
    if len(plane.slices) > _MOST_SLICES or num_phases > _MOST_PHASES:
        found = f"{len(plane.slices)} slices of {num_phases} phases"
        _refuse(source, found, f"at most {_MOST_SLICES} and {_MOST_PHASES}", "give the short-axis series alone")
    best = [best_run(here, num_phases) for here in plane.slices]
    whole = [len(run.frames) >= ENOUGH_OF_A_BEAT * num_phases for run in best]
    kept, spacing, notes = _evenly_spaced(best, whole, num_phases, source)
    repeated = [number for number, index in enumerate(kept, 1) if len(plane.slices[index]) > 1]
    if repeated:
        which = "all" if len(repeated) == len(kept) else ", ".join(map(str, repeated))
        notes.append(f"taken more than once: slice {which} of {len(kept)} from the base; the latest complete ones are used")
    runs = [best[index] for index in kept]
    filled = [number for number, run in enumerate(runs, 1) if len(run.frames) != num_phases]
    phases = _phases(runs, num_phases)
    for number in filled:
        found = len(runs[number - 1].frames)
        notes.append(
            f"slice {number} of {len(runs)} from the base has {found} of {num_phases} phases; nearest in time are used"
        )
    runs = [run if len(run.frames) == num_phases else _resampled(run, phases) for run in runs]
    if not all(run.by_trigger for run in runs):
        notes.append("no trigger times: phases by instance number, spread evenly over the stated beat")
    trigger_ms = np.median([run.times_ms for run in runs], axis=0)
    return SliceStack(plane, tuple(runs), spacing, trigger_ms, tuple(notes))


def _evenly_spaced(
    best: Sequence[Run], whole: Sequence[bool], num_phases: int, source: str
) -> tuple[list[int], float | None, list[str]]:
    """Indices of the slices that are kept, their spacing, and notes."""
    places = np.array([run.along_mm for run in best])
    complete = np.flatnonzero(whole)
    gaps = np.diff(places[complete])
    if len(gaps) == 0:
        dropped = len(best) - 1
        return [int(complete[0])], None, [f"{dropped} slices with too few phases left out"] if dropped else []
    step = float(np.median(gaps))
    chains = [_chain(places, complete, start, step) for start in range(len(complete))]
    kept = max(chains, key=len)
    strays = [int(i) for i in complete if i not in kept]
    between = [i for i in strays if kept[0] < i < kept[-1]]
    if not _CLOSEST_MM <= step <= _WIDEST_MM or between != strays or 2 * len(strays) > len(kept):
        broken = [i for i in range(len(best)) if not whole[i] and complete[0] < i < complete[-1]]
        if broken:
            found = (
                f"{len(best[broken[0]].frames)} of {num_phases} phases in slice {broken[0] + 1} of {len(best)} from the base"
            )
            _refuse(source, found, "every slice inside the stack whole", "find the missing files, or leave out one end")
        shown = ", ".join(f"{gap:.1f}" for gap in gaps[:20])
        _refuse(
            source, f"slices {shown} mm apart", "an even spacing within 5 %", "find the missing slice, or leave out one end"
        )
    notes = [f"{len(strays)} slices between those of the stack left out"] if strays else []
    ends = [i for i in range(len(best)) if not whole[i] and not kept[0] < i < kept[-1]]
    if ends:
        counts = ", ".join(str(len(best[i].frames)) for i in ends)
        notes.append(f"{len(ends)} slices at the ends left out: {counts} of {num_phases} phases")
    # Places are dot products: their last digits are rounding.
    return kept, round(float(np.mean(np.diff(places[kept]))), 6), notes


def _chain(places: np.ndarray, complete: np.ndarray, start: int, step: float) -> list[int]:
    chain = [int(complete[start])]
    while True:
        off = np.abs(places[complete] - places[chain[-1]] - step)
        nearest = int(off.argmin())
        if off[nearest] > UNEVEN * step:
            return chain
        chain.append(int(complete[nearest]))


def _phases(runs: Sequence[Run], num_phases: int) -> Float[np.ndarray, " phase"]:
    """When the phases are, as shares of the beat."""
    return np.median([np.array(run.times_ms) / run.cycle_ms for run in runs if len(run.frames) == num_phases], axis=0)


def _resampled(run: Run, phases: Float[np.ndarray, " phase"]) -> Run:
    away = np.array(run.times_ms)[None] / run.cycle_ms - phases[:, None]
    # The end of the beat is next to its beginning.
    nearest = np.abs(away - np.round(away)).argmin(axis=1)
    times = tuple((phases * run.cycle_ms).tolist())
    return replace(run, frames=tuple(run.frames[index] for index in nearest), times_ms=times)


def _refuse(source: str, found: str, expected: str, remedy: str) -> NoReturn:
    raise BadImage(source, found=found, expected=expected, remedy=remedy)
