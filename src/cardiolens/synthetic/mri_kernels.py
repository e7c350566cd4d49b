"""Compiled: what surrounds the heart in one slice, and the heart drawn over it, with partial volume at every border.

`no_type_check` keeps the shape checks of the tests away from functions that numba compiles.
"""

from typing import no_type_check

import numpy as np

from cardiolens.synthetic.compiled import compiled


@compiled
@no_type_check
def _cover(signed_mm, blur_mm):
    """Share of a pixel on the inner (negative) side of a border."""
    s = 0.5 - signed_mm / blur_mm
    return 0.0 if s < 0.0 else (1.0 if s > 1.0 else s)


@compiled
@no_type_check
def _at(table, place, share):
    following = place + 1 if place + 1 < table.shape[0] else 0
    return (1.0 - share) * table[place] + share * table[following]


@compiled
@no_type_check
def draw_surroundings(frame, pixel_mm, origin, chest, dome, organs, tissue, pool, grain, blur_mm):
    """Fill `frame` with lung, diaphragm, organs and the chest wall.

    `origin` is row and column in mm that `dome` (row, slope, column, curvature) and `organs` are relative to. `organs` are
    ellipses, drawn in order: row, column, half height, half width, signal, share of texture, hardness of the border. `chest`
    is an ellipse: row, column, half height, half width, cosine and sine of its turn, muscle and fat in mm; it does not
    follow `origin`. `tissue`: blood, myocardium, fat, lung, liver, muscle, right-heart blood, vessels of the lung.
    `pool` holds three maps of unit variance, read from the corners `grain`.
    """
    height, width = frame.shape
    size = 0.5 * (chest[2] + chest[3])
    for i in range(height):
        y = (i + 0.5) * pixel_mm
        for j in range(width):
            x = (j + 0.5) * pixel_mm
            fine = pool[1, grain[1, 0] + i, grain[1, 1] + j]
            coarse = pool[2, grain[2, 0] + i, grain[2, 1] + j]
            value = tissue[3] * (1 + 0.35 * fine)
            if fine > 1.9:
                value += tissue[7] * (fine - 1.9)
            across = x - origin[1]
            below = y - origin[0] - dome[0] - dome[1] * across - dome[3] * (across - dome[2]) ** 2
            c = _cover(-below, 2.5 * blur_mm)
            if c > 0:
                inside = tissue[4] * (1 + 0.10 * coarse)
                if coarse > 1.7:
                    inside += 0.5 * (coarse - 1.7) * tissue[0]
                value += c * (inside - value)
            for k in range(organs.shape[0]):
                v, h = (y - origin[0] - organs[k, 0]) / organs[k, 2], (across - organs[k, 1]) / organs[k, 3]
                q = v * v + h * h
                if q < 2.0:
                    c = _cover((np.sqrt(q) - 1) * 0.5 * (organs[k, 2] + organs[k, 3]), blur_mm * organs[k, 6])
                    value += c * (organs[k, 4] * (1 + organs[k, 5] * coarse) - value)
            v, h = y - chest[0], x - chest[1]
            v, h = (chest[4] * v + chest[5] * h) / chest[2], (chest[4] * h - chest[5] * v) / chest[3]
            out = (np.sqrt(v * v + h * h) - 1) * size
            if out > -2 * blur_mm:
                c = _cover(-out, 1.5 * blur_mm)
                # Ribs and the fat between them: stripes along the wall.
                rib = 0.9 + 0.45 * np.sin(np.arctan2(v, h) * 22.0 + coarse * 0.3) + 0.15 * coarse
                value += c * (tissue[5] * max(rib, 0.25) - value)
                c = _cover(chest[6] - out + 0.8 * fine, 1.5 * blur_mm)
                value += c * (tissue[2] * (1 + 0.07 * coarse) - value)
                c = _cover(chest[6] + chest[7] - out, 1.5 * blur_mm)
                value += c * (0.01 - value)
            frame[i, j] = value


@compiled
@no_type_check
def draw_heart(
    frame, mask, surroundings, pixel_mm, centre, turn, contours, blurs_mm, ventricle_share, labelled, papillary, atria, tissue,
    pool, grain,
):  # fmt: skip
    """Draw the heart over `surroundings` into `frame`, and its labels (1 LV cavity, 2 myocardium, 3 RV cavity) into `mask`.

    `contours` are radii in mm from `centre` (row, column in mm) by angle (0 anterior, a quarter turn septal): cavity, cavity
    as far as it is free of trabeculae, epicardium, blood of the right side, right ventricle's cavity, outside of the right
    wall, outside of the fat. `turn` rotates the heart in the picture, in turns. `blurs_mm`: in plane, of the cavity's and of
    the outer border through the slice. `ventricle_share` of the slice is ventricle, the rest atria (rows: mm up and right of
    the centre before the turn, radius, signal). `labelled`: whether the left ventricle has labels. `papillary` rows:
    angle in turns, distance, radius along and across, all in mm.
    """
    height, width = frame.shape
    angles = contours.shape[1]
    sharp = blurs_mm[0]
    inner = np.sqrt(sharp * sharp + blurs_mm[1] * blurs_mm[1])
    outer = np.sqrt(sharp * sharp + blurs_mm[2] * blurs_mm[2])
    reach = outer
    for k in range(angles):
        reach = max(reach, contours[6, k] + outer)
    cosine, sine = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)
    for i in range(height):
        for j in range(width):
            mask[i, j] = 0
            value = surroundings[i, j]
            up, right = centre[0] - (i + 0.5) * pixel_mm, (j + 0.5) * pixel_mm - centre[1]
            r = np.sqrt(up * up + right * right)
            if r > reach:
                frame[i, j] = value
                continue
            # Anterior is up and the septum to the left of the picture before the heart is turned.
            angle = np.arctan2(-right, up) / (2 * np.pi) - turn
            place = (angle - np.floor(angle)) * angles
            k = int(place)
            share = place - k
            if k == angles:
                k = 0
            cavity, free, epi = _at(contours[0], k, share), _at(contours[1], k, share), _at(contours[2], k, share)
            right_blood, right_cavity = _at(contours[3], k, share), _at(contours[4], k, share)
            flow = pool[0, grain[0, 0] + i, grain[0, 1] + j]
            coarse = pool[2, grain[2, 0] + i, grain[2, 1] + j]

            c = _cover(r - _at(contours[6], k, share), outer)
            value += c * (tissue[2] * (0.92 + 0.08 * coarse) - value)
            if right_blood > epi + 0.5:
                c = _cover(r - _at(contours[5], k, share), outer)
                value += c * (tissue[1] * (1 + 0.08 * coarse) - value)
                c = _cover(r - right_blood, outer)
                fine = pool[1, grain[2, 0] + i, grain[2, 1] + j]
                # Trabeculae line the free wall; the septal side is smoother.
                rough = max(0.6 * fine + 0.6 * coarse, 0.0) * (0.30 if r > 0.6 * right_blood + 0.4 * epi else 0.12)
                value += c * (tissue[6] * (1 + 0.12 * flow) * (1 - rough) - value)

            left = value
            if ventricle_share > 0:
                c = _cover(r - epi, outer)
                left += c * (tissue[1] * (1 + 0.07 * coarse) - left)
                if cavity > 0:
                    c = _cover(r - free, inner)
                    left += c * (tissue[0] * (1 + 0.10 * flow) - left)
                    for m in range(papillary.shape[0]):
                        a = 2 * np.pi * (papillary[m, 0] + turn)
                        dy, dx = up - papillary[m, 1] * np.cos(a), right + papillary[m, 1] * np.sin(a)
                        along = (dy * np.cos(a) - dx * np.sin(a)) / papillary[m, 2]
                        across = (dy * np.sin(a) + dx * np.cos(a)) / papillary[m, 3]
                        far = np.sqrt(along * along + across * across) - 1
                        c = _cover(far * papillary[m, 3], sharp) if r < cavity else 0.0
                        left += c * (tissue[1] * (1 + 0.07 * coarse) - left)
            if ventricle_share < 1:
                above = value
                c = _cover(r - epi, outer)
                above += c * (tissue[2] * (0.85 + 0.10 * coarse) - above)
                for m in range(atria.shape[0]):
                    # The atria turn with the heart.
                    dy = up - (cosine * atria[m, 0] + sine * atria[m, 1])
                    dx = right - (cosine * atria[m, 1] - sine * atria[m, 0])
                    far = np.sqrt(dy * dy + dx * dx) - atria[m, 2]
                    c = _cover(far - 2.0, outer)
                    above += c * (tissue[1] - above)
                    c = _cover(far, outer)
                    above += c * (atria[m, 3] * (1 + 0.10 * flow) - above)
                left = ventricle_share * left + (1 - ventricle_share) * above
            frame[i, j] = left

            if epi < r <= right_cavity:
                mask[i, j] = 3
            elif labelled:
                if r <= cavity:
                    mask[i, j] = 1
                elif r <= epi:
                    mask[i, j] = 2
