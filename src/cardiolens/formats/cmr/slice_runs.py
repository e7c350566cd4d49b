"""A run: one slice through one heart beat, as one acquisition took it. Pictures are put in order by time, never by name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cardiolens.formats.cmr.dicom_headers import FrameHeader, Triple
from cardiolens.formats.cmr.heart_rate import LONGEST_RR_MS, SHORTEST_RR_MS

LONGEST_RUN_MS = 3000.0
"""What lasts longer shows other things than one beat: contrast flowing in, for example."""

_SAME_PLACE_MM = 0.1
_SAME_TIME_MS = 0.1
# Pictures of one beat never outnumber what was planned by so much.
_TOO_MANY = 1.5


@dataclass(frozen=True)
class Run:
    """The pictures of one slice in order of time."""

    frames: tuple[FrameHeader, ...]
    times_ms: tuple[float, ...]
    """Since the R wave, ascending."""
    along_mm: float
    """Place along the normal of the plane."""
    by_trigger: bool
    """Times are trigger times; else they are spread over the stated beat in the order of instance numbers."""

    @property
    def rr_ms(self) -> float | None:
        """The beat as most headers state it."""
        stated = [frame.rr_ms for frame in self.frames if frame.rr_ms and SHORTEST_RR_MS <= frame.rr_ms <= LONGEST_RR_MS]
        return float(np.median(stated)) if stated else None

    @property
    def cycle_ms(self) -> float:
        """The beat as stated, else the phases planned times the time between them."""
        if self.rr_ms is not None or len(self.frames) < 2:
            return self.rr_ms or 1.0
        planned = max(self.frames[0].planned_phases, len(self.frames))
        return float(np.median(np.diff(self.times_ms))) * planned

    @property
    def taken(self) -> tuple[int, tuple[float, float], int, int]:
        """Larger for a run that was taken later."""
        last = max(self.frames, key=lambda frame: (frame.acquired, frame.instance))
        return last.series_number, last.acquired, last.acquisition, last.instance


def runs_of(frames: Iterable[FrameHeader], normal: Triple) -> tuple[list[Run], Counter[str]]:
    """Pictures of one plane direction as runs, by series, place and acquisition; and what could not be used, counted."""
    places: dict[tuple[str, int], list[FrameHeader]] = defaultdict(list)
    for frame in frames:
        places[frame.series, round(float(np.dot(frame.position_mm, normal)) / _SAME_PLACE_MM)].append(frame)
    runs: list[Run] = []
    unused: Counter[str] = Counter()
    for here in places.values():
        for taken_at_once in _acquisitions(here):
            run = _in_time(taken_at_once, float(np.dot(here[0].position_mm, normal)))
            if isinstance(run, Run):
                runs.append(run)
            else:
                unused[run] += len(taken_at_once)
    return runs, unused


def _acquisitions(frames: list[FrameHeader]) -> list[list[FrameHeader]]:
    """More than one only where there are too many pictures for one beat: some scanners count each as an acquisition."""
    planned = float(np.median([frame.planned_phases for frame in frames]))
    known = [round(frame.trigger_ms / _SAME_TIME_MS) for frame in frames if frame.trigger_ms is not None]
    if not (0 < _TOO_MANY * planned < len(frames) or len(set(known)) < len(known)):
        return [frames]
    by_number: dict[int, list[FrameHeader]] = defaultdict(list)
    for frame in frames:
        by_number[frame.acquisition].append(frame)
    several = len(by_number) > 1 and all(len(group) > 1 for group in by_number.values())
    return list(by_number.values()) if several else [frames]


def _in_time(frames: list[FrameHeader], along_mm: float) -> Run | str:
    if len(frames) == 1:
        return "single pictures"
    triggers = [frame.trigger_ms for frame in frames]
    if None not in triggers and np.ptp(triggers) > _SAME_TIME_MS:
        return _by_trigger(frames, along_mm)
    numbers = {frame.instance for frame in frames}
    times = {frame.acquired[1] for frame in frames}
    if len(frames) not in {len(numbers), len(times)}:
        return "pictures without trigger time or order"
    ordered = sorted(frames, key=lambda frame: (frame.instance, frame.acquired[1]))
    if len(numbers) < len(frames):
        ordered = sorted(frames, key=lambda frame: frame.acquired[1])
    run = Run(tuple(ordered), tuple(float(at) for at in range(len(ordered))), along_mm, by_trigger=False)
    if run.rr_ms is None:
        return "pictures without trigger time or heart beat"
    spread = tuple((np.arange(len(ordered)) * run.rr_ms / len(ordered)).tolist())
    return Run(run.frames, spread, along_mm, by_trigger=False)


def _by_trigger(frames: Sequence[FrameHeader], along_mm: float) -> Run | str:
    latest: dict[int, FrameHeader] = {}
    # A moment that was taken twice counts as it was taken last.
    for frame in sorted(frames, key=lambda frame: (frame.acquired, frame.instance)):
        latest[round((frame.trigger_ms or 0.0) / _SAME_TIME_MS)] = frame
    ordered = [latest[at] for at in sorted(latest)]
    times = tuple(float(frame.trigger_ms or 0.0) for frame in ordered)
    if times[-1] - times[0] > LONGEST_RUN_MS:
        return "pictures over more than one beat"
    return Run(tuple(ordered), times, along_mm, by_trigger=True)
