"""When every node of the wall is excited: Purkinje junctions fed by the bundle branches, then a wave through the muscle.

The left bundle feeds three areas of the endocardium (Durrer 1970: high anterior paraseptal, central septum, posterior
paraseptal a third from the apex to the base), the right one the insertion of the anterior papillary muscle. Junctions lie
densely round these areas and not on the basal rim. A blocked branch feeds no junction, a blocked fascicle is fed late
from the others. Positions of junctions and delays differ from person to person, which is what turns the frontal axis.
Units: mm, ms; angles in degrees, as in `segments`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cardiolens.synthetic import wall
from cardiolens.synthetic.population import Person

# Anterior, septal, posterior fascicle; polar angle counts from the apex. The areas are Durrer's; the numbers here, the speeds
# and the delays are calibrated together on median beats of normal recordings and on the signs of the blocks. The right side
# comes out later than he found (5-10 ms), as its front is too strong on this lattice.
AREA_POLAR = np.array([90.0, 52.4, 59.8])
AREA_ANGLE = np.array([-1.7, 69.1, 196.3])
ROOT_MS = np.array([-2.5, -2.5, 0.67])
SHARE = np.array([0.3, 0.219, 0.868])
CONCENTRATION = 1.178
"""Of junctions round their area, as of a von Mises-Fisher distribution on the sphere: about 50 degrees."""
HIGHEST_POLAR = 95.0
"""No left junction lies closer to the base."""
NUM_LEFT, NUM_RIGHT = 30, 12
PURKINJE = 2.0
JITTER_MS = 1.5
AREA_SD, ROOT_SD_MS, SHARE_SD = 8.0, 2.5, 0.25
"""How much places, feeding times and (log) shares of the fascicles differ between people."""
LAFB_DELAY_MS = 32.0

RIGHT_AREA = (2.7, 2.0)
"""Ring and angle index of the right wall at the anterior papillary muscle's insertion."""
RIGHT_DELAY_MS = 14.2
RIGHT_SEPTUM_DELAY_MS = -6.04
"""After the right free wall's first node."""

LEFT_ENDO, RIGHT_ENDO = 1.43, 1.52
ALONG, ACROSS = 0.465, 0.2545
BLOCKED_LEFT_ENDO = 0.78
"""Beyond a blocked left bundle the network is entered backwards and still conducts, slowly."""
BLOCKED_RIGHT_ENDO = 1.0


Junctions = tuple[Int[np.ndarray, " site"], Float[np.ndarray, " site"]]
"""Nodes and when they fire."""


@dataclass(frozen=True)
class Conduction:
    """Arrival of the wave at every node, from the first junction on, in a sinus beat and in a ventricular ectopic one."""

    sinus_ms: Float[np.ndarray, " node"]
    accustomed_ms: Float[np.ndarray, " node"]
    """The sinus beat's, had no branch been blocked: what action potentials have adapted to."""
    ectopic_ms: Float[np.ndarray, " node"]


def excite(
    person: Person,
    wall_mm: Float[np.ndarray, "node 3"],
    layer_mm: Float[np.ndarray, " node"],
    scar: Float[np.ndarray, " node"],
    *,
    lv_edv_ml: float,
    rng: np.random.Generator,
) -> Conduction:
    """Waves through a wall whose nodes lie at `wall_mm`; `scar` is the dead share, which slows and blocks."""
    z = rng.standard_normal(3)
    conductance = np.clip(1 - 0.9 * scar, 0.12, 1)
    # A larger heart has a longer but slightly faster network, so that QRS follows volume only loosely.
    size = (lv_edv_ml / 143) ** 0.02
    speed = size * np.exp(0.045 * z[0] - 0.085 * person.conduction_slowness) * (1 - 0.03 * max(person.pressure_load, 0))
    left, right = _left_junctions(person, wall_mm, PURKINJE * speed, rng), _right_junctions(wall_mm, PURKINJE * speed, rng)
    origin = np.array([rng.integers(wall.NUM_NODES)]), np.zeros(1)
    # Something has to beat when both branches are blocked: an escape rhythm low in the septum.
    escape = np.array([_left_node(1, 90.0)]), np.zeros(1)
    feeding = [branch for branch, blocked in ((left, person.lbbb), (right, person.rbbb)) if not blocked] or [escape]
    wave = functools.partial(_spread, wall_mm, layer_mm * np.exp(0.12 * z[1]), conductance, speed)
    free = wave([left, right], LEFT_ENDO, RIGHT_ENDO)
    sinus = free
    if person.lbbb or person.rbbb:
        sinus = wave(
            feeding, BLOCKED_LEFT_ENDO if person.lbbb else LEFT_ENDO, BLOCKED_RIGHT_ENDO if person.rbbb else RIGHT_ENDO
        )
    return Conduction(sinus, free, wave([origin], BLOCKED_LEFT_ENDO, BLOCKED_RIGHT_ENDO))


def _spread(position, layer_mm, conductance, speed, junctions, left, right) -> Float[np.ndarray, " node"]:
    from cardiolens.synthetic.wall_kernels import activation_ms

    grid = wall.lattice()
    sites, when = (np.concatenate(parts) for parts in zip(*junctions, strict=True))
    return activation_ms(
        position, grid.links, grid.link_kind, grid.link_layers, layer_mm, conductance, sites, when - when.min(),
        left * speed, right * speed, ALONG * speed, ACROSS * speed,
    )  # fmt: skip


def _left_junctions(person, wall_mm, fibre_speed, rng) -> Junctions:
    """Endocardial nodes where left Purkinje fibres end, and when they fire."""
    z = rng.standard_normal((4, 3))
    # Variation of one fascicle against the other turns the frontal axis.
    polar = np.radians(AREA_POLAR + AREA_SD * z[0])
    angle = np.radians(AREA_ANGLE + AREA_SD * z[1])
    centre = np.stack([np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle), -np.cos(polar)], axis=1)
    root = ROOT_MS + ROOT_SD_MS * z[2] + np.array([LAFB_DELAY_MS * person.lafb, 0.0, 0.0])
    share = SHARE * np.exp(SHARE_SD * z[3])
    near = share * np.exp(CONCENTRATION * (_left_directions() @ centre.T - 1)) + 1e-12
    served = np.repeat(wall.POLAR_DEGREES <= HIGHEST_POLAR, wall.ANGLES)
    node = _weighted_choice(near.sum(axis=1) * served, NUM_LEFT, rng)
    fascicle = near[node].argmax(axis=1)
    start = (_left_directions() @ centre.T).argmax(axis=0)
    node, fascicle = np.concatenate([start, node]), np.concatenate([np.arange(3), fascicle])
    apart = np.sqrt(((wall_mm[node] - wall_mm[start[fascicle]]) ** 2).sum(axis=1))
    late = JITTER_MS * np.abs(rng.standard_normal(len(node)))
    late[:3] = 0
    return node, root[fascicle] + apart / fibre_speed + late


def _right_junctions(wall_mm, fibre_speed, rng) -> Junctions:
    """Those of the right free wall and of the right side of the septum, which the right bundle serves too."""
    z = rng.standard_normal(3)
    ring, angle = np.divmod(np.arange(wall.RV_RINGS * wall.RV_ANGLES), wall.RV_ANGLES)
    near = np.exp(-0.5 * (((ring - RIGHT_AREA[0]) / 2.2) ** 2 + ((angle - RIGHT_AREA[1]) / 2.6) ** 2))
    start = round(RIGHT_AREA[0]) * wall.RV_ANGLES + round(RIGHT_AREA[1])
    node = wall.NUM_LV + np.concatenate([[start], _weighted_choice(near * (ring <= 6), NUM_RIGHT, rng)])
    apart = np.sqrt(((wall_mm[node] - wall_mm[node[0]]) ** 2).sum(axis=1))
    late = JITTER_MS * np.abs(rng.standard_normal(len(node)))
    delay = RIGHT_DELAY_MS + 2.0 * z[0]
    when = delay + apart / fibre_speed + late
    septum = np.array([_right_septal_node(ring, degrees) for ring in (2, 3, 4) for degrees in (75.0, 105.0)])
    return np.concatenate([node, septum]), np.concatenate([when, np.full(len(septum), delay + RIGHT_SEPTUM_DELAY_MS)])


@functools.cache
def _left_directions() -> Float[np.ndarray, "node 3"]:
    """Unit vectors from the cavity's centre to the nodes of the left endocardium."""
    polar = np.radians(np.repeat(wall.POLAR_DEGREES, wall.ANGLES))
    angle = np.tile(np.arange(wall.ANGLES) * 2 * np.pi / wall.ANGLES, wall.RINGS)
    return np.stack([np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle), -np.cos(polar)], axis=1)


def _left_node(ring: int, degrees: float) -> int:
    return ring * wall.ANGLES + round(degrees / 360 * wall.ANGLES) % wall.ANGLES


def _right_septal_node(ring: int, degrees: float) -> int:
    return (wall.LAYERS - 1) * wall.RINGS * wall.ANGLES + _left_node(ring, degrees)


def _weighted_choice(weight: Float[np.ndarray, " node"], number: int, rng: np.random.Generator) -> Int[np.ndarray, " chosen"]:
    """Different nodes, each as likely as its weight; what has no weight comes last."""
    waiting = rng.standard_exponential(len(weight)) / np.maximum(weight, 1e-300)
    return np.argpartition(waiting, number)[:number]
