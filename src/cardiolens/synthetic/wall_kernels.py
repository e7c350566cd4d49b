"""Compiled loops over the lattice: activation times, and what every node adds to every electrode.

`no_type_check` keeps the shape checks of the tests away from functions that numba compiles.
"""

from typing import no_type_check

import numpy as np
from numba import njit


@njit(cache=True)
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


@njit(cache=True)
@no_type_check
def node_weights(
    position, edges, axis, thin, angle_step, ring_step, layer_mm, viability, electrode, softening_mm, reach_mm, radial_gain
):
    """Millivolt at each electrode per unit of each node's potential, up to one common factor.

    The field of a dipole falls with distance squared near it, softened by `softening_mm`, and less steeply from
    `reach_mm` on, since the skin confines the current. Every edge is a dipole of its potential difference;
    weights of an electrode therefore sum to zero over nodes.
    """
    num_electrodes = electrode.shape[0]
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
            dot = 0.0
            r2 = softening_mm * softening_mm
            for x in range(3):
                r = electrode[k, x] - 0.5 * (position[a, x] + position[b, x])
                dot += r * (position[b, x] - position[a, x])
                r2 += r * r
            w = strength * dot / r2 * (1 / np.sqrt(r2) + 1 / reach_mm)
            weights[a, k] += w
            weights[b, k] -= w
    return weights


@njit(cache=True)
@no_type_check
def potentials(weights, upstroke_ms, recovery_ms, amplitude, upstroke, recovery, num_ms):
    """Electrode potentials over time at 1 kHz, from histograms of weights convolved with two templates.

    `upstroke` and `recovery` are rates of change (per ms, each summing to one) centred on the node's two times, which
    must lie between 0 and `num_ms`; what lies outside is cut.
    """
    num_electrodes = weights.shape[1]
    rise = np.zeros((num_electrodes, num_ms))
    fall = np.zeros((num_electrodes, num_ms))
    for n in range(weights.shape[0]):
        for which in range(2):
            t = upstroke_ms[n] if which == 0 else recovery_ms[n]
            k = int(t)
            if k < 0 or k >= num_ms - 1:
                continue
            f = t - k
            for c in range(num_electrodes):
                w = weights[n, c] * amplitude[n]
                if which == 0:
                    rise[c, k] += w * (1 - f)
                    rise[c, k + 1] += w * f
                else:
                    fall[c, k] += w * (1 - f)
                    fall[c, k + 1] += w * f
    out = np.zeros((num_electrodes, num_ms))
    for c in range(num_electrodes):
        for t in range(num_ms):
            if rise[c, t] != 0.0:
                for k in range(upstroke.shape[0]):
                    at = t + k - upstroke.shape[0] // 2
                    if 0 <= at < num_ms:
                        out[c, at] += rise[c, t] * upstroke[k]
            if fall[c, t] != 0.0:
                for k in range(recovery.shape[0]):
                    at = t + k - recovery.shape[0] // 2
                    if 0 <= at < num_ms:
                        out[c, at] -= fall[c, t] * recovery[k]
        total = 0.0
        for t in range(num_ms):
            total += out[c, t]
            out[c, t] = total
    return out
