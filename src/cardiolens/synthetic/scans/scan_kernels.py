"""Compiled: one slice of a scan from contours and a list of organs, with partial volume at every border."""

from typing import no_type_check

import numpy as np

from cardiolens.synthetic.compiled import compiled

LV_CAVITY, MYOCARDIUM, RV_CAVITY = 1, 2, 3


@compiled
@no_type_check
def _cover(signed_mm, blur_mm):
    """Share of a pixel on the inner (negative) side of a border."""
    s = 0.5 - 0.5 * signed_mm / blur_mm
    return 0.0 if s < 0.0 else (1.0 if s > 1.0 else s)


@compiled
@no_type_check
def _at(table, radians):
    n = table.shape[0]
    x = radians * (n / (2 * np.pi))
    x -= np.floor(x / n) * n
    k = int(x)
    f = x - k
    return (1 - f) * table[k % n] + f * table[(k + 1) % n]


@compiled
@no_type_check
def _shift(grid, row, column, height, width):
    """Displacement by linear interpolation of a coarse grid that spans the slice."""
    y = row / height * (grid.shape[1] - 1)
    x = column / width * (grid.shape[2] - 1)
    i, j = int(y), int(x)
    fy, fx = y - i, x - j
    a, b = (1 - fy) * (1 - fx), (1 - fy) * fx
    c, d = fy * (1 - fx), fy * fx
    return (
        a * grid[0, i, j] + b * grid[0, i, j + 1] + c * grid[0, i + 1, j] + d * grid[0, i + 1, j + 1],
        a * grid[1, i, j] + b * grid[1, i, j + 1] + c * grid[1, i + 1, j] + d * grid[1, i + 1, j + 1],
    )


@compiled
@no_type_check
def draw_slice(
    frame, mask, pixel_mm, warp, pose, endo, epi, endo_blur_mm, rv, rv_centre, rv_ends_at, rv_wall_mm, fat_mm, chest, liver,
    organs, muscles, tissue, grain, texture, blur_mm,
):  # fmt: skip
    """Fill `frame` with signal and `mask` with labels (1 LV cavity, 2 myocardium, 3 RV cavity).

    `warp` is a coarse grid of displacements in mm (axis, row, column); `pose` x and y of the heart in mm from the middle
    of the slice, turn in radians and the turn of the surroundings against the heart. Contours as in `Sections`. `chest`: x,
    y, radius of the chest's inside, thickness of muscle and of fat. `liver`: y of its border, slope, curvature, x of its
    top. `organs` and `muscles` (within the left cavity) hold rows of x, y, two radii, cosine and sine of a turn, signal,
    grain, rim in mm, signal of the rim. `tissue`: LV blood, myocardium, RV blood, fat, lung, liver, chest muscle, air.
    `grain`: share of texture in LV blood, myocardium, RV blood, lung, liver; share of the LV and of the RV cavity that
    trabeculae fill, and their darkness; depth in mm and darkness of the trabeculated rim of both cavities; how many mm of
    what covers the left ventricle outside look like muscle. `texture` holds four unit-variance maps from fine to coarse.
    """
    height, width = frame.shape
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    cos_b, sin_b = np.cos(pose[3]), np.sin(pose[3])
    reach = np.empty(organs.shape[0])
    for k in range(organs.shape[0]):
        longer, shorter = max(organs[k, 2], organs[k, 3]), min(organs[k, 2], organs[k, 3])
        reach[k] = (longer * (1 + (organs[k, 8] + blur_mm) / shorter)) ** 2
    has_lv, has_rv = epi.max() > 0, rv.max() > 0
    for i in range(height):
        for j in range(width):
            shift_y, shift_x = _shift(warp, i, j, height, width)
            x0 = (j + 0.5 - width / 2) * pixel_mm + shift_x - pose[0]
            y0 = (i + 0.5 - height / 2) * pixel_mm + shift_y - pose[1]
            x, y = cos * x0 + sin * y0, cos * y0 - sin * x0
            xb, yb = cos_b * x + sin_b * y, cos_b * y - sin_b * x
            t0, t1, t2, t3 = texture[0, i, j], texture[1, i, j], texture[2, i, j], texture[3, i, j]

            value = max(tissue[4] * (1 + grain[3] * t1), 0.0)
            below = yb - (liver[0] + liver[1] * xb + liver[2] * (xb - liver[3]) ** 2)
            c = _cover(-below, blur_mm * 1.5)
            value += c * (tissue[5] * (1 + grain[4] * t2) - value)
            outside = np.sqrt((xb - chest[0]) ** 2 + (yb - chest[1]) ** 2) - chest[2]
            c = _cover(-outside, blur_mm * 1.5)
            value += c * (tissue[6] * (1 + 0.25 * t2 + 0.15 * t1) - value)
            c = _cover(chest[3] - outside + 1.5 * t3, blur_mm * 1.5)
            value += c * (tissue[3] * (1 + 0.12 * t3 + 0.06 * t1) - value)
            c = _cover(chest[3] + chest[4] - outside, blur_mm * 1.5)
            value += c * (tissue[7] - value)
            for k in range(organs.shape[0]):
                dx, dy = x - organs[k, 0], y - organs[k, 1]
                if dx * dx + dy * dy > reach[k]:
                    continue
                u = organs[k, 4] * dx + organs[k, 5] * dy
                v = organs[k, 4] * dy - organs[k, 5] * dx
                edge = (np.sqrt((u / organs[k, 2]) ** 2 + (v / organs[k, 3]) ** 2) - 1) * min(organs[k, 2], organs[k, 3])
                if organs[k, 8] > 0:
                    c = _cover(edge - organs[k, 8], blur_mm)
                    value += c * (organs[k, 9] - value)
                c = _cover(edge, blur_mm)
                value += c * (organs[k, 6] * (1 + organs[k, 7] * (t1 + t2)) - value)

            radius, angle = np.sqrt(x * x + y * y), np.arctan2(y, x)
            e, p = _at(endo, angle), _at(epi, angle)
            v_edge = 1e3
            if has_rv:
                vx, vy = x - rv_centre[0], y - rv_centre[1]
                v_edge = np.sqrt(vx * vx + vy * vy) - _at(rv, np.arctan2(vy, vx))
            if has_rv or has_lv:
                fat = _at(fat_mm, angle)
                heart_edge = min(v_edge - rv_wall_mm, radius - p if has_lv else 1e3)
                c = _cover(heart_edge - fat, blur_mm)
                value += c * (tissue[3] * (0.92 + 0.12 * t3 + 0.05 * t1) - value)
            label = 0
            if has_rv:
                c = _cover(v_edge - rv_wall_mm, blur_mm)
                value += c * (tissue[1] * (1 + grain[1] * t1) - value)
                inner = tissue[2] * (1 + grain[2] * t2)
                # Trabeculae are denser towards the free wall.
                c = min(max(1.0 - (-v_edge - 0.5 * grain[8]) / max(grain[8], 0.1) + 0.35 * t1, 0.0), 1.0)
                inner += c * grain[9] * (tissue[1] - inner)
                wanted = grain[6] * (1.4 if v_edge > -9.0 else 0.5)
                c = min(max(0.7 * (t1 + 0.5 * t0 - 2.0 + 3.2 * wanted), 0.0), 1.0)
                inner += c * grain[7] * (tissue[1] - inner)
                c = _cover(v_edge, blur_mm)
                value += c * (inner - value)
                leaflet = abs(y - rv_ends_at)
                if leaflet < 2.0 and v_edge < 0:
                    value += 0.5 * _cover(leaflet - 1.0, 1.0) * (tissue[1] - value)
                if v_edge < 0 and y < rv_ends_at:
                    label = RV_CAVITY
            if has_lv:
                c = _cover(radius - p - (grain[10] if v_edge > 3.0 else 0.0), blur_mm)
                value += c * (tissue[1] * (1 + grain[1] * t1 + 0.5 * grain[1] * t3) - value)
                if radius <= p:
                    label = MYOCARDIUM
                if e > 0:
                    inner = tissue[0] * (1 + grain[0] * t2)
                    for k in range(muscles.shape[0]):
                        u = muscles[k, 4] * (x - muscles[k, 0]) + muscles[k, 5] * (y - muscles[k, 1])
                        v = muscles[k, 4] * (y - muscles[k, 1]) - muscles[k, 5] * (x - muscles[k, 0])
                        edge = (np.sqrt((u / muscles[k, 2]) ** 2 + (v / muscles[k, 3]) ** 2) - 1) * muscles[k, 3]
                        c = _cover(edge + 0.8 * t1, blur_mm)
                        inner += c * (tissue[1] * (1 + grain[1] * t1) - inner)
                    depth = e - radius
                    c = min(max(1.0 - (depth - 0.5 * grain[8]) / max(grain[8], 0.1) + 0.35 * t1, 0.0), 1.0)
                    inner += c * grain[9] * (tissue[1] - inner)
                    wanted = grain[5] * max(1.5 - 4.0 * depth / max(e, 4.0), 0.0)
                    c = min(max(0.7 * (t1 + 0.5 * t0 - 2.2 + 3.8 * wanted), 0.0), 1.0)
                    inner += c * grain[7] * (tissue[1] - inner)
                    c = _cover(radius - e, blur_mm + endo_blur_mm)
                    value += c * (inner - value)
                    if radius <= e:
                        label = LV_CAVITY
            frame[i, j] = value
            mask[i, j] = label
