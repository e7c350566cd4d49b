"""From a network's labels, slice by slice, to one heart: what no ventricle can be is taken away.

Labels are 0 background, 1 LV cavity, 2 myocardium, 3 RV cavity. Each step is named below; none of them moves a border.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, UInt8

LV_CAVITY, MYOCARDIUM, RV_CAVITY = 1, 2, 3
_SMALLEST_RV_MM2 = 60.0


def clean_mask(mask: UInt8[np.ndarray, "slice height width"], *, pixel_mm2: float) -> UInt8[np.ndarray, "slice height width"]:
    """One left ventricle and one right ventricle, each of slices in a row.

    1. Cavity and wall together keep their largest connected body; slices touch where their pixels overlap, with 3 mm to spare.
    2. In each slice the left ventricle is one piece; background enclosed by it becomes cavity, and so does muscle enclosed by
       cavity: a papillary muscle.
    3. The right cavity keeps its largest body, and of each slice the pieces above 60 mm2; what they enclose belongs to them.
    4. The right cavity begins no higher than the left ventricle: above it lies the outflow tract.
    """
    left = _largest_body((mask == LV_CAVITY) | (mask == MYOCARDIUM), pixel_mm2)
    left = np.stack([_largest_piece(plane) for plane in left]) if left.any() else left
    right = _largest_body(mask == RV_CAVITY, pixel_mm2)
    right = np.stack([_without_crumbs(plane, _SMALLEST_RV_MM2 / pixel_mm2) for plane in right])
    right[_above(left)] = False
    cleaned = np.where(left | right, mask, 0).astype(np.uint8)
    for plane, inside in zip(cleaned, left, strict=True):
        plane[_enclosed(plane == RV_CAVITY) & (plane == 0)] = RV_CAVITY
        plane[_enclosed(inside) & (plane == 0)] = LV_CAVITY
        plane[_enclosed(plane == LV_CAVITY) & (plane == MYOCARDIUM)] = LV_CAVITY
    return cleaned


def _above(left: Bool[np.ndarray, "slice height width"]) -> Bool[np.ndarray, " slice"]:
    """Slices on the far side of the left ventricle's base, which is the end where it is larger."""
    areas = left.sum(axis=(1, 2))
    shown = np.flatnonzero(areas)
    above = np.zeros(len(areas), dtype=bool)
    if len(shown) > 1 and areas[shown[0]] >= areas[shown[-1]]:
        above[: shown[0]] = True
    elif len(shown) > 1:
        above[shown[-1] + 1 :] = True
    return above


def _largest_body(wanted: Bool[np.ndarray, "slice height width"], pixel_mm2: float) -> Bool[np.ndarray, "slice height width"]:
    from scipy.ndimage import binary_dilation, label

    spare = max(round(3.0 / pixel_mm2**0.5), 1)
    in_plane = np.zeros((3, 3, 3), dtype=bool)
    in_plane[1] = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
    # Breath-holds shift slices against each other: what is close enough to overlap belongs together.
    wide = binary_dilation(wanted, in_plane, iterations=spare)
    along = in_plane.copy()
    along[:, 1, 1] = True
    bodies, count = label(wide, along)
    if count <= 1:
        return wanted
    sizes = np.bincount(bodies[wanted], minlength=count + 1)
    sizes[0] = 0
    return wanted & (bodies == sizes.argmax())


def _largest_piece(plane: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    from scipy.ndimage import label

    pieces, count = label(plane)
    if count <= 1:
        return plane
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return pieces == sizes.argmax()


def _without_crumbs(plane: Bool[np.ndarray, "height width"], smallest: float) -> Bool[np.ndarray, "height width"]:
    from scipy.ndimage import label

    pieces, _ = label(plane)
    large = np.bincount(pieces.ravel()) >= smallest
    large[0] = False
    return large[pieces]


def _enclosed(plane: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    from scipy.ndimage import binary_fill_holes

    return binary_fill_holes(plane) & ~plane
