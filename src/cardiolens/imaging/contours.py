"""Borders of the left ventricle in a slice as closed smooth curves in millimetres.

A border runs between pixels, not through their centres, and encloses the area that the pixels cover, so that radii and
distances between two borders are right in the mean. It starts anywhere and runs either way round; a flipped or turned
picture gives the same curve with other points on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from cardiolens.configs import refuse_outside
from cardiolens.imaging.mask_cleanup import LV_CAVITY, MYOCARDIUM

_DENSE_POINTS = 1024
_FEWEST_PIXELS = 4
"""Fewer enclose no curve worth the name."""


@dataclass(frozen=True)
class ContourConfig:
    """How borders are traced."""

    points: int = 128
    """Points of every curve, at equal distances along it; 16 to 1000."""
    smoothing_pixels: float = 2.0
    """Standard deviation of the smoothing along the curve; steps of pixels go, papillary muscles do not come back. 0 to 5."""

    def __post_init__(self) -> None:
        ranges = {"points": (16 <= self.points <= 1000, "16 to 1000")}
        ranges["smoothing_pixels"] = (0 <= self.smoothing_pixels <= 5, "0 to 5")
        refuse_outside(self, ranges)


@dataclass(frozen=True)
class Contours:
    """Both borders of some slices; row and column in mm from the centre of the first pixel, NaN in slices without."""

    endo_mm: Float[np.ndarray, "slice point 2"]
    """Around the cavity."""
    epi_mm: Float[np.ndarray, "slice point 2"]
    """Around cavity and wall."""

    def endo_length_mm(self) -> Float[np.ndarray, " slice"]:
        """Way round the cavity."""
        return perimeter_mm(self.endo_mm)


_DEFAULT = ContourConfig()


def trace_ventricle(
    masks: UInt8[np.ndarray, "slice height width"],
    *,
    spacing_mm: tuple[float, float, float],
    config: ContourConfig = _DEFAULT,
) -> Contours:
    """Both borders in every slice of one phase; labels are 0, 1 LV cavity, 2 myocardium, 3 RV cavity.

    Of the cavity, and of cavity and wall together, the largest piece counts, with its holes filled.
    """
    cavity = masks == LV_CAVITY
    ventricle = cavity | (masks == MYOCARDIUM)
    row_mm, column_mm = spacing_mm[1:]
    endo, epi = (
        np.stack([trace_border(plane, pixel_mm=(row_mm, column_mm), config=config) for plane in planes])
        for planes in (cavity, ventricle)
    )
    return Contours(endo, epi)


def trace_border(
    inside: Bool[np.ndarray, "height width"], *, pixel_mm: tuple[float, float], config: ContourConfig = _DEFAULT
) -> Float[np.ndarray, "point 2"]:
    """The border of the largest piece, at equal distances along it; NaN where fewer than four pixels are inside."""
    filled, corner = _largest_filled(inside)
    num_inside = int(filled.sum())
    if num_inside < _FEWEST_PIXELS:
        return np.full((config.points, 2), np.nan)
    polygon = (_half_level(filled) + corner) * pixel_mm
    smooth = _smoothed(_evenly(polygon, _DENSE_POINTS), config.smoothing_pixels * float(np.sqrt(np.prod(pixel_mm))))
    # Cutting the corners of pixels, and smoothing, lose area all round; the pixels themselves are the better measure of it.
    for _ in range(2):
        missing_mm2 = num_inside * float(np.prod(pixel_mm)) - _area_mm2(smooth)
        smooth = smooth + _outward(smooth) * (missing_mm2 / float(perimeter_mm(smooth[None])[0]))
    return _evenly(smooth, config.points)


def perimeter_mm(curves_mm: Float[np.ndarray, "curve point 2"]) -> Float[np.ndarray, " curve"]:
    """Length of each closed curve."""
    return np.linalg.norm(np.roll(curves_mm, -1, axis=1) - curves_mm, axis=2).sum(axis=1)


def centroids_mm(curves_mm: Float[np.ndarray, "curve point 2"]) -> Float[np.ndarray, "curve 2"]:
    """Middle of the area that each closed curve encloses."""
    # Relative to a point nearby: the formula subtracts large numbers far from the origin.
    near = curves_mm.mean(axis=1, keepdims=True)
    here = curves_mm - near
    following = np.roll(here, -1, axis=1)
    cross = here[..., 0] * following[..., 1] - here[..., 1] * following[..., 0]
    weighted = ((here + following) * cross[..., None]).sum(axis=1)
    return near[:, 0] + weighted / (3 * cross.sum(axis=1))[:, None]


def _largest_filled(inside: Bool[np.ndarray, "height width"]) -> tuple[Bool[np.ndarray, "rows columns"], Int[np.ndarray, "2"]]:
    """The largest piece without its holes, cut out with one pixel of room, and the place of the cutting's corner."""
    from scipy.ndimage import binary_fill_holes, label

    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return np.zeros((1, 1), dtype=bool), np.zeros(2, dtype=int)
    cutting = np.pad(inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    pieces, count = label(cutting)
    if count > 1:
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        cutting = pieces == sizes.argmax()
    return binary_fill_holes(cutting), np.array([rows[0] - 1, columns[0] - 1])


def _half_level(filled: Bool[np.ndarray, "rows columns"]) -> Float[np.ndarray, "vertex 2"]:
    """Row and column half-way between inside and outside, in order round the piece."""
    from contourpy import contour_generator

    lines = contour_generator(z=filled.astype(np.float64)).lines(0.5)
    # A piece that hangs together by a corner comes as two lines.
    longest = max(lines, key=len)
    return np.asarray(longest)[:-1, ::-1]


def _evenly(curve: Float[np.ndarray, "vertex 2"], points: int) -> Float[np.ndarray, "point 2"]:
    """As many points at equal distances along the closed curve."""
    closed = np.concatenate([curve, curve[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    wanted = np.arange(points) * (along[-1] / points)
    return np.stack([np.interp(wanted, along, closed[:, axis]) for axis in (0, 1)], axis=1)


def _smoothed(curve: Float[np.ndarray, "point 2"], width_mm: float) -> Float[np.ndarray, "point 2"]:
    """Without what is finer than `width_mm`. Twice a Gaussian less the Gaussian of it: a circle hardly shrinks."""
    length = float(perimeter_mm(curve[None])[0])
    waves = np.fft.rfftfreq(len(curve), d=length / len(curve))
    kept = np.exp(-0.5 * (2 * np.pi * width_mm * waves) ** 2)
    spectrum = np.fft.rfft(curve, axis=0) * (1 - (1 - kept) ** 2)[:, None]
    return np.fft.irfft(spectrum, n=len(curve), axis=0)


def _signed_area_mm2(curve: Float[np.ndarray, "point 2"]) -> float:
    following = np.roll(curve, -1, axis=0)
    return float(0.5 * (curve[:, 0] * following[:, 1] - curve[:, 1] * following[:, 0]).sum())


def _area_mm2(curve: Float[np.ndarray, "point 2"]) -> float:
    return abs(_signed_area_mm2(curve))


def _outward(curve: Float[np.ndarray, "point 2"]) -> Float[np.ndarray, "point 2"]:
    tangent = np.roll(curve, -1, axis=0) - np.roll(curve, 1, axis=0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1) * np.sign(_signed_area_mm2(curve))
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
