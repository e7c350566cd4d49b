"""Compiled loops over the lattice: activation times, lead fields at the nodes, and what every node adds to every electrode.

`no_type_check` keeps the shape checks of the tests away from functions that numba compiles.
"""

from collections.abc import Callable
from typing import no_type_check

import numpy as np
from numba import njit


def _compiled(function: Callable) -> Callable:
    try:
        return njit(function, cache=True)
    except RuntimeError:  # no folder can be written, as in a sealed container: each process compiles for itself
        return njit(function)


@_compiled
@no_type_check
def activation_ms(position, links, kind, layers, layer_mm, conductance, site, site_ms, left_speed, right_speed, along, across):
    """Arrival time of the wave from `site` nodes, by relaxation over `links` until nothing improves.

    Speeds in mm/ms; `along` and `across` hold within muscle; `conductance` per node slows (1 healthy, near 0 scar).
    """
    num_links = links.shape[0]
    cost = np.empty(num_links)
    for e in range(num_links):
        a, b = links[e, 0], links[e, 1]
        d2 = 0.0
        for x in range(3):
            d = position[b, x] - position[a, x]
            d2 += d * d
        if kind[e] == 1:
            t = np.sqrt(d2) / left_speed
        elif kind[e] == 2:
            t = np.sqrt(d2) / right_speed
        elif kind[e] == 3:
            # Fibres of the two ventricles meet at an angle.
            t = 1.4 * np.sqrt(d2) / along
        else:
            radial2 = (layers[e] * layer_mm[a]) ** 2
            tangential2 = max(d2 - radial2, 0.0)
            t = np.sqrt(tangential2 / (along * along) + radial2 / (across * across))
        cost[e] = t / min(conductance[a], conductance[b])
    time = np.full(position.shape[0], 1e9)
    for s in range(site.shape[0]):
        time[site[s]] = min(time[site[s]], site_ms[s])
    changed = True
    forward = True
    while changed:
        changed = False
        for step in range(num_links):
            e = step if forward else num_links - 1 - step
            a, b = links[e, 0], links[e, 1]
            if time[a] + cost[e] < time[b] - 1e-9:
                time[b] = time[a] + cost[e]
                changed = True
            elif time[b] + cost[e] < time[a] - 1e-9:
                time[a] = time[b] + cost[e]
                changed = True
        forward = not forward
    return time


@_compiled
@no_type_check
def interpolate(potential, place, which, weight):
    """Each node's value of every mixture of four stored fields, trilinear; `place` is in steps of the grid and clipped to it.

    `potential` is (x, y, z, field); `which` and `weight` are (electrode, 4).
    """
    num_electrodes = which.shape[0]
    out = np.zeros((place.shape[0], num_electrodes))
    low = np.empty(3, dtype=np.int64)
    part = np.empty(3)
    for n in range(place.shape[0]):
        for x in range(3):
            p = min(max(place[n, x], 0.0), potential.shape[x] - 1 - 1e-9)
            low[x] = int(p)
            part[x] = p - low[x]
        for corner in range(8):
            i, j, k = corner & 1, (corner >> 1) & 1, corner >> 2
            share = (part[0] if i else 1 - part[0]) * (part[1] if j else 1 - part[1]) * (part[2] if k else 1 - part[2])
            fields = potential[low[0] + i, low[1] + j, low[2] + k]
            for e in range(num_electrodes):
                for m in range(4):
                    out[n, e] += share * weight[e, m] * fields[which[e, m]]
    return out


@_compiled
@no_type_check
def node_weights(position, edges, axis, thin, angle_step, ring_step, layer_mm, viability, radial_gain, field):
    """What a unit of every node's potential adds at each electrode: the wall's weighted graph Laplacian times `field`.

    Every edge is a dipole of its potential difference, as strong as its cross-section over its length (mm); weights of an
    electrode therefore sum to zero over nodes. `field` is (node, electrode); `radial_gain` scales edges across the layers.
    """
    num_electrodes = field.shape[1]
    weights = np.zeros((position.shape[0], num_electrodes))
    arc = np.empty((position.shape[0], 2))
    for n in range(position.shape[0]):
        for which in range(2):
            before = angle_step[n, 0] if which == 0 else ring_step[n, 0]
            after = angle_step[n, 1] if which == 0 else ring_step[n, 1]
            d2 = 0.0
            for x in range(3):
                d = position[after, x] - position[before, x]
                d2 += d * d
            # At a free border the span is one step, and half a step of muscle belongs to the node.
            arc[n, which] = 0.5 * np.sqrt(d2)
    for e in range(edges.shape[0]):
        a, b = edges[e, 0], edges[e, 1]
        length2 = 0.0
        for x in range(3):
            d = position[b, x] - position[a, x]
            length2 += d * d
        if length2 < 1e-6:
            continue
        along_angle = 0.5 * (arc[a, 0] + arc[b, 0])
        along_ring = 0.5 * (arc[a, 1] + arc[b, 1])
        layer = 0.5 * (layer_mm[a] + layer_mm[b])
        if axis[e] == 0:
            area = along_angle * along_ring * radial_gain
        elif axis[e] == 1:
            area = along_angle * layer * thin[e]
        else:
            area = along_ring * layer * thin[e]
        strength = area * viability[a] * viability[b] / np.sqrt(length2)
        for k in range(num_electrodes):
            w = strength * (field[b, k] - field[a, k])
            # Current flows from the excited node of an edge to the resting one.
            weights[a, k] += w
            weights[b, k] -= w
    return weights


@_compiled
@no_type_check
def spread_over_time(weights, time_ms, num_ms):
    """(column, ms): every node's weights put down at its time, shared between the two nearest ms; none may lie outside."""
    out = np.zeros((weights.shape[1], num_ms))
    for n in range(weights.shape[0]):
        k = int(time_ms[n])
        f = time_ms[n] - k
        for c in range(weights.shape[1]):
            out[c, k] += weights[n, c] * (1 - f)
            out[c, k + 1] += weights[n, c] * f
    return out
