"""One heart beat at the electrodes: activation over the wall, repolarisation, and the potentials they add up to.

Activation starts at Purkinje junctions that each bundle branch feeds and spreads through the wall; a blocked branch has no
junctions. The potential of a node is a rise at its activation and a fall at its recovery, so a beat is two histograms of
lead weights convolved with two templates (no node-by-time array). Units: mm, ms, mV.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from cardiolens.synthetic import wall
from cardiolens.synthetic.anatomy import Hearts
from cardiolens.synthetic.population import Person
from cardiolens.synthetic.segments import map_to_rings
from cardiolens.synthetic.torso import independent_leads, place_heart

BEAT_MS = 640
"""Length of a beat at 1 kHz; its QRS begins near `ONSET_MS`."""
ONSET_MS = 20
P_MS = 180

# Calibrated so that median amplitudes of healthy beats lie near those of public recordings; not physics.
_GAIN = 1.440
_LIMB_GAIN = 2.76
_CHEST_GAIN = np.array([2.09, 2.38, 1.33, 1.40, 2.04, 3.72])
"""Per electrode: what lungs and the curved chest add to a field that knows neither."""
_SOFTENING_MM = 38.0
_REACH_MM = 191.0
_RADIAL_GAIN = 2.50
_RV_STRENGTH = 0.158
_MASS_EXPONENT = 0.42

# How much longer the action potential lasts, in ms: endo- than epicardium (steeper in the septum, whose far side belongs to
# the right heart), base than apex, right ventricle than left; and by how much of its delay a late node recovers sooner.
_T_TRANSMURAL_MS, _T_ANTERIOR_SHARE, _T_SEPTAL_SHARE = 22.0, 0.09, 0.61
_T_AXIAL_MS, _T_SEPTAL_MS, _T_RIGHT_MS, _T_FOLLOWING = 17.5, -2.8, -18.0, 0.76

_PURKINJE_MM_PER_MS = 4.0
_NUM_LEFT, _NUM_RIGHT = 22, 12
_SERVED_LEFT, _SERVED_RIGHT = 5, 7
"""Rings from the apex that have a Purkinje network."""
_LEFT_ENDO, _RIGHT_ENDO = 1.08, 2.32
_ALONG, _ACROSS = 0.643, 0.332
_RIGHT_DELAY_MS = 7.6


@dataclass(frozen=True)
class Beats:
    """Templates of one subject on I, II, V1-V6 at 1 kHz, for a heart rate of 60 per minute."""

    sinus: Float[np.ndarray, "lead time"]
    ectopic: Float[np.ndarray, "lead time"]
    """A ventricular extrasystole."""
    p_wave: Float[np.ndarray, "lead p_time"]
    f_wave: Float[np.ndarray, "3 lead"]
    """How strongly the leads see atrial current to the front, to the left and back, and downwards."""
    qrs_end_ms: float
    """From the start of the template."""
    pr_ms: float


def simulate_beats(person: Person, hearts: Hearts, *, electrode_shift_mm: float, rng: np.random.Generator) -> Beats:
    """Beats of the one heart in `hearts`."""
    from cardiolens.synthetic.wall_kernels import node_weights

    z = rng.standard_normal(24)
    grid = wall.lattice()
    radius, axis = float(hearts.short_semi_axis_mm[0]), float(hearts.long_semi_axis_mm[0])
    wall_mm, scar, ischaemia = hearts.wall_mm[0], hearts.scar[0], hearts.ischaemia[0]
    mean_wall = float(hearts.mean_wall_mm[0])
    rv_width = float(rv_width_mm(hearts)[0])
    local = wall.place_wall(short_semi_axis_mm=radius, long_semi_axis_mm=axis, wall_mm=wall_mm, rv_width_mm=rv_width)
    placement = place_heart(
        person, heart_radius_mm=radius + mean_wall, rv_width_mm=rv_width, shift_mm=electrode_shift_mm, rng=rng
    )
    position = placement.to_torso(local)

    to_rings = map_to_rings(wall.RINGS, wall.ANGLES)
    layer_mm = np.concatenate([_every_layer(to_rings @ wall_mm) / (wall.LAYERS - 1), np.full(wall.NUM_RV, 3.0)])
    scar_map = np.concatenate([_every_layer(to_rings @ scar), np.zeros(wall.NUM_RV)])
    weights = node_weights(
        position, grid.edges, grid.edge_axis, grid.edge_thin, grid.angle_step, grid.ring_step, layer_mm,
        np.clip(1 - 1.3 * scar_map, 0, 1), placement.electrodes_mm, _SOFTENING_MM, _REACH_MM,
        _RADIAL_GAIN * np.exp(0.10 * z[20]),
    )  # fmt: skip
    # The weak right wall of the calibration would hide the late right ventricle of a right bundle branch block.
    weights[wall.NUM_LV :] *= _RV_STRENGTH * (4.0 if person.rbbb else 1.0) * (1 + 0.15 * person.right_heart_load)
    # Fat keeps electrodes away from the heart; voltage falls with age; and it follows mass more steeply than the lattice.
    weights *= _GAIN * np.exp(0.12 * z[0] - 0.035 * person.age_score - 0.036 * np.clip(person.bmi - 26.5, -8, 12))
    weights *= (float(hearts.lv_mass_g[0]) / 85) ** _MASS_EXPONENT
    weights *= 1.5 if person.lbbb else 1.0
    weights[:, :3] *= _LIMB_GAIN * np.exp(0.06 * z[1])
    weights[:, 3:] *= _CHEST_GAIN * np.exp(0.10 * rng.standard_normal(6))

    conductance = np.clip(1 - 0.9 * scar_map, 0.12, 1) * np.exp(0.06 * z[21])
    layer_crossing_mm = layer_mm * np.exp(0.15 * z[22])
    sites, site_ms = _junctions(person, local, rng)
    activation = _activate(person, hearts, position, layer_crossing_mm, conductance, sites, site_ms, blocked=False)
    recovery = activation + _duration_ms(person, activation, scar_map, to_rings @ ischaemia, z[2:12])
    amplitude = _plateau(to_rings @ ischaemia, person)
    sinus = _beat(weights, activation, recovery, amplitude)

    origin = np.array([rng.integers(wall.NUM_NODES)])
    ectopic_activation = _activate(person, hearts, position, layer_mm, conductance, origin, np.zeros(1), blocked=True)
    duration = 245 - 0.2 * (ectopic_activation - ectopic_activation.mean())
    ectopic = _beat(weights, ectopic_activation, ectopic_activation + duration, amplitude)
    # Fronts of ectopic beats cancel too much on this lattice; real ones are as tall as the others or taller.
    ectopic *= np.clip(1.2 * np.abs(sinus).max() / np.abs(ectopic).max(), 1, 4)

    late = np.quantile(activation[scar_map < 0.35], 0.995)
    p_wave, f_wave = _atria(person, float(hearts.la_volume_ml[0]), placement.electrodes_mm, placement.centre_mm, z[12:20])
    pr = 158 + 7 * person.male + 6 * person.atrial_substrate + 3 * person.age_score + 18 * z[12]
    return Beats(sinus, ectopic, p_wave, f_wave, qrs_end_ms=float(ONSET_MS + late + 8), pr_ms=float(np.clip(pr, 105, 300)))


def rv_width_mm(hearts: Hearts) -> Float[np.ndarray, " subject"]:
    """Widest gap between septum and right free wall at which the crescent holds the right ventricle's volume."""
    outer = hearts.short_semi_axis_mm + hearts.mean_wall_mm
    # Area of the crescent at mid level is 1.95 r d + .8 d^2; its volume is that times .85 of the left ventricle's length.
    area = hearts.rv_edv_ml * 1000 / (0.85 * hearts.length_mm)
    return (-1.95 * outer + np.sqrt((1.95 * outer) ** 2 + 3.2 * area)) / 1.6


def _every_layer(rings: Float[np.ndarray, "ring angle"]) -> Float[np.ndarray, " node"]:
    return np.tile(rings.ravel(), wall.LAYERS)


def _junctions(
    person: Person, local: Float[np.ndarray, "node 3"], rng: np.random.Generator
) -> tuple[Int[np.ndarray, " site"], Float[np.ndarray, " site"]]:
    """Endocardial nodes where Purkinje fibres end, and when they fire."""
    rings = np.arange(wall.RINGS)[:, None]
    node = rings * wall.ANGLES + np.arange(wall.ANGLES)
    # Durrer's three areas: high anterior paraseptal, central left septum, posterior paraseptal a third from the apex.
    starts = np.array([node[8, 3], node[6, 6], node[4, 10]])
    starts_ms = np.array([2.0, 0.0, 3.0])
    # The base has no Purkinje network.
    served = np.broadcast_to((rings >= 1) & (rings <= _SERVED_LEFT), node.shape)
    left = rng.choice(node[served], _NUM_LEFT, replace=False)
    apart = np.sqrt(((local[left][:, None] - local[starts][None]) ** 2).sum(axis=-1))
    left_ms = (starts_ms + apart / _PURKINJE_MM_PER_MS).min(axis=1) + 1.5 * np.abs(rng.standard_normal(len(left)))
    rv = wall.NUM_LV + np.arange(wall.RV_RINGS * wall.RV_ANGLES).reshape(wall.RV_RINGS, wall.RV_ANGLES)
    right_start = rv[2, 4]
    right = rng.choice(rv[:_SERVED_RIGHT].ravel(), _NUM_RIGHT, replace=False)
    right_ms = _RIGHT_DELAY_MS + np.sqrt(((local[right] - local[right_start]) ** 2).sum(axis=-1)) / _PURKINJE_MM_PER_MS
    # The right side of the septum is served by the right bundle too.
    septum = (wall.LAYERS - 1) * wall.RINGS * wall.ANGLES + node[3:6, 5:8].ravel()
    served = septum if person.lbbb else septum[::4]
    parts = []
    if not person.lbbb:
        parts += [(starts, starts_ms), (left, left_ms)]
    if not person.rbbb:
        parts += [
            (np.array([right_start]), np.array([_RIGHT_DELAY_MS])),
            (right, right_ms),
            (served, np.full(len(served), _RIGHT_DELAY_MS + 5)),
        ]
    if not parts:
        parts = [(starts[:1], starts_ms[:1])]
    sites, when = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    return sites, when - when.min()


def _activate(person, hearts, position, layer_mm, conductance, sites, site_ms, *, blocked: bool) -> Float[np.ndarray, " node"]:
    from cardiolens.synthetic.wall_kernels import activation_ms

    grid = wall.lattice()
    # A larger heart has a longer but faster network, so that QRS follows volume only loosely.
    size = float(hearts.lv_edv_ml[0] / 143) ** 0.15
    slow = 0.97 * size * np.exp(-0.085 * person.conduction_slowness) * (1 - 0.03 * max(person.pressure_load, 0))
    # Beyond a blocked left bundle the network is entered backwards and still conducts.
    left = 0.75 if blocked else (0.95 if person.lbbb else _LEFT_ENDO)
    right = 1.0 if (person.rbbb or blocked) else _RIGHT_ENDO
    return activation_ms(
        position, grid.links, grid.link_kind, grid.link_layers, layer_mm, conductance, sites, site_ms,
        left * slow, right * slow, _ALONG * slow, _ACROSS * slow,
    )  # fmt: skip


def _duration_ms(person, activation, scar_map, ischaemia_rings, z) -> Float[np.ndarray, " node"]:
    """From activation to recovery: shorter at the epicardium, the apex, the right ventricle and where activation is late."""
    depth = np.repeat(np.linspace(0, 1, wall.LAYERS), wall.RINGS * wall.ANGLES)
    height = np.tile(np.repeat(np.linspace(0, 1, wall.RINGS), wall.ANGLES), wall.LAYERS)
    radians = np.tile(np.arange(wall.ANGLES) * 2 * np.pi / wall.ANGLES, wall.LAYERS * wall.RINGS)
    anterior, septal = np.cos(radians), np.sin(radians)
    strain = float(np.clip(0.40 * (person.pressure_load - 1.0) + 1.2 * person.hypertrophic, 0, 1.8))
    # Nothing that flattens the T wave reverses it, but a strained or scarred wall recovers late on the outside.
    flat = max(1 - 0.08 * person.metabolic_load - 0.05 * person.age_score - 0.12 * person.repolarisation + 0.16 * z[0], 0.15)
    steep = 1 + (_T_ANTERIOR_SHARE + 0.08 * z[2]) * anterior + (_T_SEPTAL_SHARE + 0.08 * z[3]) * septal
    flat = flat * (1 - 0.2 * min(strain, 1.5))
    lv = -_T_TRANSMURAL_MS * flat * steep * (depth - 0.5) + (_T_AXIAL_MS + 5 * z[1]) * flat * (height - 0.5)
    lv = lv + (_T_SEPTAL_MS + 2 * z[6]) * septal
    # In the calibrated position the anterior wall is what faces the left chest.
    lv = lv + 27 * strain * np.clip(0.2 + 0.8 * anterior, 0, None) * (depth - 0.5)
    border = np.tile(ischaemia_rings.ravel(), wall.LAYERS) * 14
    border = border + 40 * np.clip(scar_map[: wall.NUM_LV], 0, 0.6) * (1 + 0.4 * z[4])
    lv = lv + border * (0.5 + 1.2 * depth)
    rv = np.full(wall.NUM_RV, _T_RIGHT_MS)
    base = 258 + (0 if person.male else 8) + 2 * person.age_score + 11 * z[5]
    late = activation - activation.mean()
    # In a block the durations still fit the normal order of activation, so recovery follows the new one.
    following = 0.40 if (person.lbbb or person.rbbb) else _T_FOLLOWING
    return np.clip(base + np.concatenate([lv, rv]) - following * late, 120, 420)


def _plateau(ischaemia_rings, person) -> Float[np.ndarray, " node"]:
    """Height of the action potential: less under ischaemia, most of all at the endocardium."""
    depth = np.linspace(1, 0.1, wall.LAYERS)[:, None]
    strain = 0.03 * np.clip(person.pressure_load - 1.3, 0, 1.5) * np.linspace(1, 0, wall.LAYERS)[:, None]
    lv = 1 - 0.12 * depth * ischaemia_rings.ravel() - strain
    return np.concatenate([lv.ravel(), np.ones(wall.NUM_RV)])


def _beat(weights, activation, recovery, amplitude) -> Float[np.ndarray, "lead time"]:
    from cardiolens.synthetic.wall_kernels import potentials

    upstroke, fall = _templates()
    limit = BEAT_MS - 2.0
    electrodes = potentials(
        weights, activation + ONSET_MS, np.minimum(recovery + ONSET_MS, limit), amplitude, upstroke, fall, BEAT_MS
    )
    leads = independent_leads(electrodes)
    taper = np.clip((BEAT_MS - np.arange(BEAT_MS)) / 60, 0, 1)
    return leads * taper


@functools.cache
def _templates() -> tuple[Float[np.ndarray, " rise"], Float[np.ndarray, " fall"]]:
    t = np.arange(-12, 13)
    upstroke = np.exp(-0.5 * (t / 2.6) ** 2)
    # Slow phase 2, fast phase 3: a T wave that rises slowly and falls fast.
    t = np.arange(-150, 151)
    fall = np.where(t < 0, np.exp(t / 60.0), np.exp(-0.5 * (t / 16.0) ** 2))
    fall = np.convolve(fall, np.exp(-0.5 * (np.arange(-30, 31) / 9.0) ** 2), mode="same")
    return upstroke / upstroke.sum(), fall / fall.sum()


def _atria(person, la_volume_ml, electrodes, centre, z) -> tuple[np.ndarray, np.ndarray]:
    """The P wave from a right and a left atrial dipole that follow each other, and the field of fibrillation."""
    source = centre + np.array([-35.0, 10.0, 45.0])
    t = np.arange(P_MS)
    length = 96 + 5 * person.atrial_substrate + 0.12 * (la_volume_ml - 65) + 5 * z[0]
    right = _half_sine(t, 0.0, 0.66 * length) * (1 + 0.12 * z[1])
    left = _half_sine(t, 0.30 * length, length) * (la_volume_ml / 65) ** 0.5 * (1 + 0.08 * z[2])
    right_axis = np.array([0.40, -0.42, -0.80]) + 0.10 * z[3:6]
    left_axis = np.array([0.75, 0.45, -0.40]) + 0.10 * np.array([z[4], z[5], z[6]])
    fields = np.stack([_field(electrodes, source, right_axis), _field(electrodes, source, left_axis)])
    strength = 0.11 * np.exp(0.18 * z[7])
    leads = np.stack([independent_leads(f[:, None])[:, 0] for f in fields])
    p_wave = strength * (leads[0][:, None] * right + 0.8 * leads[1][:, None] * left)
    axes = np.array([[0.2, -0.9, -0.5], [0.6, 0.4, -0.7], [0.1, -0.2, -1.0]])
    f_wave = np.stack([independent_leads(_field(electrodes, source, axis)[:, None])[:, 0] for axis in axes])
    return p_wave, f_wave


def _field(electrodes, source, direction) -> Float[np.ndarray, " electrode"]:
    """Potential of a unit dipole, scaled to about one at the chest."""
    r = electrodes - source
    field = r @ direction / (np.square(r).sum(axis=1) + 60.0**2) ** 1.5 * 2.2e4
    field[:3] *= 2.2
    return field


def _half_sine(t, start, end) -> Float[np.ndarray, " time"]:
    phase = np.clip((t - start) / (end - start), 0, 1)
    return np.sin(np.pi * phase) ** 1.5
