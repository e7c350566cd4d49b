"""One heart beat at the electrodes: activation over the wall, repolarisation, and the potentials they add up to.

The potential of a node is a rise at its activation and a fall at its recovery, so a beat is two histograms of lead weights
convolved with two templates (no node-by-time array). Units: mm, ms, mV.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from cardiolens.synthetic import atria, repolarisation, wall
from cardiolens.synthetic.anatomy import Hearts
from cardiolens.synthetic.atria import P_MS
from cardiolens.synthetic.conduction import excite
from cardiolens.synthetic.population import Person
from cardiolens.synthetic.segments import map_to_rings
from cardiolens.synthetic.torso import independent_leads, place_heart

__all__ = ["BEAT_MS", "ONSET_MS", "P_MS", "Beats", "rv_width_mm", "simulate_beats"]

BEAT_MS = 640
"""Length of a beat at 1 kHz; its QRS begins near `ONSET_MS`."""
ONSET_MS = 20

_ACTION_POTENTIAL_MV, _INTRACELLULAR_S_PER_M = 100.0, 0.17
# Calibrated on median amplitudes of normal recordings: one gain for all electrodes (the lattice's fronts are thinner and
# its fibres more alike than real ones), and what fibres across the layers and blood beside them do to transmural current.
GAIN, RADIAL_GAIN = 1.12, 0.45
RV_RISE, RV_FALL = 0.06, 0.622
"""Of the right wall at excitation and recovery. Purkinje fibres reach far into its trabeculae, so that much of its front
cancels; calibration leaves less of it than that explains: this lattice has no trabeculae on the left either."""
RV_RISE_BLOCKED = 0.28
"""Beyond a blocked branch one front crosses the wall."""
MASS_EXPONENT = 0.26
"""Beyond what follows from the wall's size: thicker fibres carry more current."""
UPSTROKE_MS = 6.0
"""Width of the front on this lattice, whose nodes lie a few ms apart."""
_FFT = 1024
"""A beat and the longest template's run-up and tail fit in without overlap."""


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
    z = rng.standard_normal(24)
    wall_mm, ischaemia = hearts.wall_mm[0], hearts.ischaemia[0]
    local = wall.place_wall(
        short_semi_axis_mm=float(hearts.short_semi_axis_mm[0]), long_semi_axis_mm=float(hearts.long_semi_axis_mm[0]),
        wall_mm=wall_mm, rv_width_mm=float(rv_width_mm(hearts)[0]),
    )  # fmt: skip
    placement = place_heart(person, local, shift_mm=electrode_shift_mm, rng=rng)

    to_rings = map_to_rings(wall.RINGS, wall.ANGLES)
    layer_mm = np.concatenate([_every_layer(to_rings @ wall_mm) / (wall.LAYERS - 1), np.full(wall.NUM_RV, 3.0)])
    scar = np.concatenate([_every_layer(to_rings @ hearts.scar[0]), np.zeros(wall.NUM_RV)])
    field = placement.potentials(placement.to_torso(local))
    weights = _weights(person, local, layer_mm, scar, field, float(hearts.lv_mass_g[0]), z)
    rising, falling = weights.copy(), weights
    right = 1 + 0.15 * person.right_heart_load
    rising[wall.NUM_LV :] *= (RV_RISE_BLOCKED if person.rbbb else RV_RISE) * right
    falling[wall.NUM_LV :] *= RV_FALL * right

    wave = excite(person, local, layer_mm, scar, lv_edv_ml=float(hearts.lv_edv_ml[0]), rng=rng)
    duration = repolarisation.duration_ms(person, wave.accustomed_ms, scar, to_rings @ ischaemia, z[2:12])
    amplitude = repolarisation.plateau(to_rings @ ischaemia, person)
    sinus = _beat(rising, falling, wave.sinus_ms, wave.sinus_ms + duration, amplitude)
    late = wave.ectopic_ms - wave.ectopic_ms.mean()
    ectopic = _beat(rising, falling, wave.ectopic_ms, wave.ectopic_ms + 245 - 0.2 * late, amplitude)

    end = np.quantile(wave.sinus_ms[scar < 0.35], 0.995)
    pr = 164 + 6 * person.male + 6 * person.atrial_substrate + 3 * person.age_score + 18 * z[12]
    return Beats(
        sinus=sinus,
        ectopic=ectopic,
        p_wave=atria.p_wave(person, placement, la_volume_ml=float(hearts.la_volume_ml[0]), z=z[12:20]),
        f_wave=atria.f_wave(placement),
        qrs_end_ms=float(ONSET_MS + end + 8),
        pr_ms=float(np.clip(pr, 105, 300)),
    )


def _weights(person, local, layer_mm, scar, field, lv_mass_g, z) -> Float[np.ndarray, "node electrode"]:
    """Millivolt at each electrode per action potential of each node."""
    from cardiolens.synthetic.wall_kernels import node_weights

    grid = wall.lattice()
    weights = node_weights(
        local, grid.edges, grid.edge_axis, grid.edge_thin, grid.angle_step, grid.ring_step, layer_mm,
        np.clip(1 - 1.3 * scar, 0, 1), RADIAL_GAIN * np.exp(0.10 * z[20]), field,
    )  # fmt: skip
    gain = GAIN * np.exp(0.08 * z[0] - 0.08 * person.age_score) * (lv_mass_g / 85) ** MASS_EXPONENT
    return weights * (gain * _ACTION_POTENTIAL_MV * _INTRACELLULAR_S_PER_M / 1000)


def rv_width_mm(hearts: Hearts) -> Float[np.ndarray, " subject"]:
    """Widest gap between septum and right free wall at which the crescent holds the right ventricle's volume."""
    outer = hearts.short_semi_axis_mm + hearts.mean_wall_mm
    # Area of the crescent at mid level is 1.95 r d + .8 d^2; its volume is that times .85 of the left ventricle's length.
    area = hearts.rv_edv_ml * 1000 / (0.85 * hearts.length_mm)
    return (-1.95 * outer + np.sqrt((1.95 * outer) ** 2 + 3.2 * area)) / 1.6


def _every_layer(rings: Float[np.ndarray, "ring angle"]) -> Float[np.ndarray, " node"]:
    return np.tile(rings.ravel(), wall.LAYERS)


def _beat(weights, recovering, activation, recovery, amplitude) -> Float[np.ndarray, "lead time"]:
    """I, II, V1-V6: each node's `weights` are switched on at its activation and its `recovering` off at its recovery."""
    from cardiolens.synthetic.wall_kernels import spread_over_time

    latest = BEAT_MS - 3.0
    spectra = [
        np.fft.rfft(
            spread_over_time(independent_leads(w.T).T * amplitude[:, None], np.minimum(when + ONSET_MS, latest), BEAT_MS), _FFT
        )
        for w, when in ((weights, activation), (recovering, recovery))
    ]
    change = spectra[0] * _upstroke(UPSTROKE_MS) - spectra[1] * repolarisation.fall_spectrum(_FFT)
    leads = np.cumsum(np.fft.irfft(change, _FFT)[:, :BEAT_MS], axis=1)
    return leads * np.clip((BEAT_MS - np.arange(BEAT_MS)) / 60, 0, 1)


@functools.lru_cache(maxsize=2)
def _upstroke(width_ms: float) -> Complex[np.ndarray, " frequency"]:
    t = np.fft.fftfreq(_FFT, 1 / _FFT)
    rise = np.exp(-0.5 * (t / width_ms) ** 2)
    return np.fft.rfft(rise / rise.sum())
