"""Which pictures of an examination are the short-axis cine: chosen by geometry and time, by words only between equals.

Not it are phase (flow) pictures, single pictures such as localisers and scar images, tagging, perfusion, copies in which the
scanner has drawn contours, and planes along the heart. What is left out is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.body_axes import FARTHEST_DEGREES, degrees_off_axis, towards_apex
from cardiolens.formats.cmr.dicom_headers import FrameHeader, Headers, Triple
from cardiolens.formats.cmr.slice_runs import Run, runs_of

ENOUGH_PHASES = 8
"""A cine shows motion from here; fewer may be end-diastole and end-systole."""

_SAME_DIRECTION = np.cos(np.radians(1.0))
_SAME_SIZE = 1e-3
_STACK_SLICES = 4
_SAME_SLICE_MM = 1.0
_NO_MAGNITUDE = {"P", "PHASE", "PHASE MAP", "VELOCITY", "VELOCITY MAP", "REAL", "R", "IMAGINARY", "I"}
_SCOUTS = {"LOCALIZER", "PROJECTION IMAGE"}
# Their planes, slices and phases can be the same as those of the cine itself.
_OTHER_WORDS = re.compile(r"inline.?vf|(?<![a-z])tag|spamm|(?<![a-z])perf|molli|venc")
_SHORT_AXIS_WORDS = re.compile(r"(?<![a-z])(sax|short|sa)(?![a-z])|short.?ax")


@dataclass(frozen=True)
class Plane:
    """Parallel slices of one pixel size and matrix. `slices` run along `normal`; each holds the runs at its place."""

    normal: Triple
    """From base to apex in an average heart."""
    slices: tuple[tuple[Run, ...], ...]

    @property
    def num_phases(self) -> int:
        """What most slices have."""
        counts = Counter(len(best_run(here).frames) for here in self.slices)
        return max(counts, key=lambda count: (counts[count], count))

    @property
    def frames(self) -> list[FrameHeader]:
        """All pictures."""
        return [frame for here in self.slices for run in here for frame in run.frames]


def best_run(runs: Sequence[Run], wanted: int | None = None) -> Run:
    """Of several runs at one place the latest with `wanted` phases, else the one with most; of equals the latest."""
    return max(runs, key=lambda run: (len(run.frames) == wanted, len(run.frames), run.taken))


def choose_short_axis(headers: Headers, source: str) -> tuple[Plane, tuple[str, ...]]:
    """The plane of the short-axis cine, and notes on what is left out.

    First come planes with eight phases or more; among these, stacks that lie as an average heart does, then other stacks of
    four slices or more, then a single short-axis slice; among equals the most slices, a name that says short axis, and the
    latest.

    Raises:
        BadImage: none qualifies; the message lists what there is.
    """
    studies = {frame.study for frame in headers.frames}
    if len(studies) > 1:
        remedy = "give one folder or zip per examination"
        raise BadImage(source, found=f"pictures of {len(studies)} examinations", expected="one", remedy=remedy)
    left_out = headers.left_out.copy()
    pictures = [frame for frame in headers.frames if not _counted(_other_kind(frame), left_out)]
    planes: list[Plane] = []
    for group in _parallel(pictures):
        plane = _plane(group, left_out)
        if plane is not None:
            planes.append(plane)
    chosen = max(planes, key=_merit, default=None)
    if chosen is None or _rank(chosen) == 0:
        _refuse(source, planes, left_out)
    others = [plane for plane in planes if plane is not chosen]
    if others:
        left_out[f"pictures of {len(others)} other cine views"] += sum(len(plane.frames) for plane in others)
    return chosen, tuple([f"left out: {_listed(left_out)}"] if left_out else [])


def _other_kind(frame: FrameHeader) -> str | None:
    if not _NO_MAGNITUDE.isdisjoint(frame.kind[2:]):
        return "phase or velocity pictures"
    if not _SCOUTS.isdisjoint(frame.kind):
        return "localisers"
    if _OTHER_WORDS.search(frame.words):
        return "tagging, perfusion, flow and copies with contours, by their names"
    return None


def _counted(kind: str | None, left_out: Counter[str]) -> bool:
    if kind:
        left_out[kind] += 1
    return kind is not None


def _parallel(frames: Iterable[FrameHeader]) -> list[list[FrameHeader]]:
    """Pictures with the same direction within a degree, pixel size and matrix."""
    groups: list[list[FrameHeader]] = []
    alike: dict[tuple[object, ...], list[FrameHeader]] = {}
    rows, columns, shapes = [], [], []
    for frame in frames:
        key = (frame.along_row, frame.along_column, frame.pixel_mm, frame.pixels.rows, frame.pixels.columns)
        if key not in alike:
            shape = (frame.pixels.rows, frame.pixels.columns, *(np.log(frame.pixel_mm) / _SAME_SIZE))
            near = np.zeros(0, dtype=bool)
            if groups:
                near = np.array(rows) @ frame.along_row > _SAME_DIRECTION
                near &= np.array(columns) @ frame.along_column > _SAME_DIRECTION
                near &= (np.abs(np.array(shapes) - shape) <= 1).all(axis=1)
                near &= (np.array(shapes)[:, :2] == shape[:2]).all(axis=1)
            if near.any():
                alike[key] = groups[int(near.argmax())]
            else:
                alike[key] = []
                groups.append(alike[key])
                rows.append(frame.along_row)
                columns.append(frame.along_column)
                shapes.append(shape)
        alike[key].append(frame)
    return groups


def _plane(frames: Sequence[FrameHeader], left_out: Counter[str]) -> Plane | None:
    x, y, z = map(float, towards_apex(np.cross(frames[0].along_row, frames[0].along_column)))
    runs, unused = runs_of(frames, (x, y, z))
    left_out.update(unused)
    slices: list[list[Run]] = []
    for run in sorted(runs, key=lambda run: run.along_mm):
        if slices and run.along_mm - slices[-1][0].along_mm <= _SAME_SLICE_MM:
            slices[-1].append(run)
        else:
            slices.append([run])
    return Plane((x, y, z), tuple(map(tuple, slices))) if slices else None


def _rank(plane: Plane) -> int:
    near = degrees_off_axis(np.array(plane.normal)) <= FARTHEST_DEGREES
    if near and len(plane.slices) >= _STACK_SLICES:
        return 3
    if len(plane.slices) >= _STACK_SLICES:
        return 2
    return 1 if near else 0


def _merit(plane: Plane) -> tuple[object, ...]:
    named = any(_SHORT_AXIS_WORDS.search(frame.words) for frame in plane.frames)
    latest = max(run.taken for here in plane.slices for run in here)
    return (min(_rank(plane), 1), plane.num_phases >= ENOUGH_PHASES, _rank(plane), len(plane.slices), named, latest)


def _refuse(source: str, planes: Sequence[Plane], left_out: Counter[str]) -> NoReturn:
    found = "nothing"
    if planes:
        angles = ", ".join(f"{degrees_off_axis(np.array(plane.normal)):.0f}" for plane in planes[:8])
        found = f"{len(planes)} cine views, whose normals are {angles} degrees from the heart's long axis"
    elif left_out:
        found = "no MR cine"
    raise BadImage(
        source,
        found=found + (f"; left out: {_listed(left_out)}" if left_out else ""),
        expected=f"a short-axis cine: parallel MR slices with two phases or more, within {FARTHEST_DEGREES:.0f} degrees",
        remedy="give the folder or zip that holds the short-axis series",
    )


def _listed(left_out: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in left_out.most_common(8))
