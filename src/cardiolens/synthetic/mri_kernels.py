"""Compiled: one short-axis frame from contours, with partial volume at every border."""

from typing import no_type_check

import numpy as np
from numba import njit


@njit(cache=True)
@no_type_check
def _cover(signed_mm, blur_mm):
    """Share of a pixel on the inner (negative) side of a border."""
    s = 0.5 - 0.5 * signed_mm / blur_mm
    if s < 0.0:
        return 0.0
    if s > 1.0:
        return 1.0
    return s


@njit(cache=True)
@no_type_check
def _at(table, turn):
    n = table.shape[0]
    x = turn * n
    k = int(x)
    f = x - k
    return (1 - f) * table[k % n] + f * table[(k + 1) % n]


@njit(cache=True)
@no_type_check
def draw_frame(
    frame,
    mask,
    pixel_mm,
    centre,
    turn,
    endo,
    epi,
    rv_outer,
    rv_wall_mm,
    fat_mm,
    chest,
    liver,
    papillary,
    tissue,
    texture,
    blur_mm,
):
    """Fill `frame` with signal and `mask` with labels (1 LV cavity, 2 myocardium, 3 RV cavity).

    `endo`, `epi`, `rv_outer` are radii in mm from `centre` (row, column in mm) by AHA angle (0 anterior, quarter turn
    septal); `rv_outer` equals `epi` where there is no right ventricle. `turn` rotates the heart in the picture.
    `chest` is row, column, radius of the circle inside the chest wall; `liver` row offset, slope, column range;
    `papillary` rows of (angle turn, distance, radius). `tissue`: blood, myocardium, fat, lung, liver, muscle, rv blood.
    `texture` holds three unit-variance maps: blood flow, lung and organ structure.
    """
    height, width = frame.shape
    for i in range(height):
        for j in range(width):
            y = (i + 0.5) * pixel_mm
            x = (j + 0.5) * pixel_mm
            # Background: lung, then the liver below, then the chest wall around.
            value = tissue[3] * (1 + 0.5 * texture[1, i, j])
            below = y - (liver[0] + liver[1] * (x - centre[1]) + 0.004 * (x - centre[1] - liver[2]) ** 2)
            c = _cover(-below, blur_mm * 1.5)
            value = (1 - c) * value + c * tissue[4] * (1 + 0.10 * texture[2, i, j])
            dy, dx = y - chest[0], x - chest[1]
            out = np.sqrt(dy * dy + dx * dx) - chest[2]
            c = _cover(-out, blur_mm * 1.5)
            rib = 0.85 + 0.25 * np.sin(np.arctan2(dy, dx) * 14.0)
            value = (1 - c) * value + c * tissue[5] * rib * (1 + 0.15 * texture[2, i, j])
            c = _cover(-(out - chest[3]), blur_mm * 1.5)
            value = (1 - c) * value + c * tissue[2] * (1 + 0.08 * texture[2, i, j])
            c = _cover(-(out - chest[3] - chest[4]), blur_mm * 1.5)
            value = (1 - c) * value + c * 0.02
            # Descending aorta behind the heart.
            dy, dx = y - centre[0] - liver[3], x - centre[1] - liver[4]
            aorta = np.sqrt(dy * dy + dx * dx) - liver[5]
            c = _cover(aorta - 1.5, blur_mm)
            value = (1 - c) * value + c * tissue[5]
            c = _cover(aorta, blur_mm)
            value = (1 - c) * value + c * tissue[0] * (0.95 + 0.1 * texture[0, i, j])

            up, right = centre[0] - y, x - centre[1]
            r = np.sqrt(up * up + right * right)
            # Anterior is up and the septum to the left of the picture before the heart is turned.
            angle = np.arctan2(-right, up) / (2 * np.pi) - turn
            angle -= np.floor(angle)
            e, p, v = _at(endo, angle), _at(epi, angle), _at(rv_outer, angle)
            outer = max(p, v + rv_wall_mm) if v > p + 0.5 else p
            c = _cover(r - outer - _at(fat_mm, angle), blur_mm)
            value = (1 - c) * value + c * tissue[2] * (0.9 + 0.1 * texture[2, i, j])
            label = 0
            if v > p + 0.5:
                c = _cover(r - v - rv_wall_mm, blur_mm)
                value = (1 - c) * value + c * tissue[1]
                c = _cover(r - v, blur_mm)
                flow = 1 + 0.11 * texture[0, i, j]
                trabecula = 1 - 0.22 * max(texture[2, i, j], 0.0) * (1.0 if r > 0.5 * (p + v) else 0.4)
                value = (1 - c) * value + c * tissue[6] * flow * trabecula
                if p < r <= v:
                    label = 3
            c = _cover(r - p, blur_mm)
            value = (1 - c) * value + c * tissue[1] * (1 + 0.07 * texture[2, i, j])
            c = _cover(r - e, blur_mm)
            value = (1 - c) * value + c * tissue[0] * (1 + 0.09 * texture[0, i, j])
            if r <= p:
                label = 2
            if r <= e:
                label = 1
                for k in range(papillary.shape[0]):
                    a = (papillary[k, 0] + turn) * 2 * np.pi
                    dy = up - papillary[k, 1] * np.cos(a)
                    dx = right + papillary[k, 1] * np.sin(a)
                    c = _cover(np.sqrt(dy * dy + dx * dx) - papillary[k, 2], blur_mm)
                    value = (1 - c) * value + c * tissue[1]
            frame[i, j] = value
            mask[i, j] = label
