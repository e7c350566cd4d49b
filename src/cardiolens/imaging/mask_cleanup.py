"""From a network's labels, slice by slice, to one heart: what no ventricle can be is taken away.

Labels are 0 background, 1 LV cavity, 2 myocardium, 3 RV cavity. Each step is named below; none of them moves a border.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int, UInt8

LV_CAVITY, MYOCARDIUM, RV_CAVITY = 1, 2, 3
_SMALLEST_RV_MM2 = 60.0
_LEAST_LV_AT_BASE = 0.5
_LEAST_RV_AT_BASE = 0.75


def clean_masks(
    masks: UInt8[np.ndarray, "phase slice height width"], *, pixel_mm2: float
) -> UInt8[np.ndarray, "phase slice height width"]:
    """One left and one right ventricle in every phase.

    1. Cavity and wall together keep their largest connected body; slices touch where their pixels overlap, with 3 mm to spare.
    2. In each slice the left ventricle is one piece; background enclosed by it becomes cavity, and so does muscle enclosed by
       cavity: a papillary muscle.
    3. A slice at the base with less than half of the left ventricle of the next one shows an atrium and is emptied.
    4. The right cavity keeps its largest body, and of each slice the pieces above 60 mm2; what they enclose belongs to them.
    5. The right cavity begins no higher than the left ventricle: above it lies the outflow tract.
    6. The tricuspid valve comes down by a slice or two in systole. The most basal slice of the phase with the largest right
       cavity holds ventricle in other phases only where three quarters of its area are left; else it shows the atrium.
    """
    cleaned = np.stack([_one_heart(mask, pixel_mm2) for mask in masks])
    _follow_the_valve(cleaned)
    return cleaned


def _one_heart(mask: UInt8[np.ndarray, "slice height width"], pixel_mm2: float) -> UInt8[np.ndarray, "slice height width"]:
    left = _largest_body((mask == LV_CAVITY) | (mask == MYOCARDIUM), pixel_mm2)
    left = np.stack([_largest_piece(plane) for plane in left])
    _empty_atria(left)
    right = _largest_body(mask == RV_CAVITY, pixel_mm2)
    right = np.stack([_without_crumbs(plane, _SMALLEST_RV_MM2 / pixel_mm2) for plane in right])
    if left.any():
        from_base = _from_base(left)
        right[from_base[: int(left[from_base].any(axis=(1, 2)).argmax())]] = False
    cleaned = np.where(left | right, mask, 0).astype(np.uint8)
    for plane, inside in zip(cleaned, left, strict=True):
        plane[_enclosed(plane == RV_CAVITY) & (plane == 0)] = RV_CAVITY
        plane[_enclosed(inside) & (plane == 0)] = LV_CAVITY
        plane[_enclosed(plane == LV_CAVITY) & (plane == MYOCARDIUM)] = LV_CAVITY
    return cleaned


def _from_base(left: Bool[np.ndarray, "slice height width"]) -> Int[np.ndarray, " slice"]:
    """Slice numbers in order from the base, which is the end where the left ventricle is larger."""
    areas = left.sum(axis=(1, 2))
    shown = np.flatnonzero(areas)
    # The outermost slices are the ones in doubt.
    inner = shown[1:-1] if len(shown) > 3 else shown
    upside_down = len(inner) > 1 and areas[inner[0]] < areas[inner[-1]]
    order = np.arange(len(left))
    return order[::-1] if upside_down else order


def _empty_atria(left: Bool[np.ndarray, "slice height width"]) -> None:
    if not left.any():
        return
    from_base = _from_base(left)
    areas = left[from_base].sum(axis=(1, 2))
    first = int((areas > 0).argmax())
    if first + 1 < len(areas) and areas[first] < _LEAST_LV_AT_BASE * areas[first + 1]:
        left[from_base[first]] = False


def _follow_the_valve(masks: UInt8[np.ndarray, "phase slice height width"]) -> None:
    right = masks == RV_CAVITY
    areas = right.sum(axis=(2, 3))
    largest = int(areas.sum(axis=1).argmax())
    left = masks[largest] != 0
    if not areas[largest].any():
        return
    from_base = _from_base(left)
    first = int((areas[largest][from_base] > 0).argmax())
    most_basal = from_base[first]
    for phase in range(len(masks)):
        if areas[phase, most_basal] < _LEAST_RV_AT_BASE * areas[largest, most_basal]:
            above = from_base[: first + 1]
            masks[phase, above] = np.where(right[phase, above], 0, masks[phase, above])


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
