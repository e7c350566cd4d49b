"""The atria as two current dipoles: the P wave, and how strongly each lead sees fibrillation and flutter."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cardiolens.synthetic.population import Person
from cardiolens.synthetic.torso import Placement, independent_leads

P_MS = 180
NUM_DRAWS = 8
# From the centre of the left ventricle, in mm of the torso: the right atrium to the right, the left one behind.
RIGHT_MM, LEFT_MM = np.array([-45.0, 5.0, 40.0]), np.array([-5.0, 40.0, 40.0])
RIGHT_AXIS, LEFT_AXIS = np.array([0.45, -0.20, -0.80]), np.array([0.85, 0.60, -0.25])
RIGHT_MOMENT, LEFT_MOMENT = 0.76e-6, 0.62e-6
"""Peak current dipoles in A m; calibrated on P of .05-.15 mV in lead II."""
FIBRILLATION_MOMENT = 8e-6


def p_wave(
    person: Person, placement: Placement, *, la_volume_ml: float, z: Float[np.ndarray, " draw"]
) -> Float[np.ndarray, "lead time"]:
    """I, II, V1-V6 in mV at 1 kHz: the right atrium first, the left one 30 ms later; volume lengthens and deepens it."""
    t = np.arange(P_MS)
    length = 98 + 5 * person.atrial_substrate + 0.12 * (la_volume_ml - 65) + 5 * z[0]
    right = _half_sine(t, 0.0, 0.66 * length) * (1 + 0.12 * z[1])
    left = _half_sine(t, 0.30 * length, length) * (la_volume_ml / 65) ** 0.5 * (1 + 0.08 * z[2])
    strength = 1000 * np.exp(0.22 * z[7])
    on_right = _seen(placement, RIGHT_MM, (RIGHT_AXIS + 0.12 * z[3:6])[None])[0]
    on_left = _seen(placement, LEFT_MM, (LEFT_AXIS + 0.12 * z[4:7])[None])[0]
    return strength * (RIGHT_MOMENT * on_right[:, None] * right + LEFT_MOMENT * on_left[:, None] * left)


def f_wave(placement: Placement) -> Float[np.ndarray, "3 lead"]:
    """What leads see of right-atrial current to the front, to the left and back, and downwards; about 1 in the largest lead."""
    axes = np.array([[0.2, -0.9, -0.5], [0.6, 0.4, -0.7], [0.1, -0.2, -1.0]])
    return 1000 * FIBRILLATION_MOMENT * _seen(placement, RIGHT_MM, axes)


def _seen(
    placement: Placement, from_centre_mm: Float[np.ndarray, " 3"], axes: Float[np.ndarray, "axis 3"]
) -> Float[np.ndarray, "axis lead"]:
    """V per A m of dipoles along `axes` at one place, from the field over 16 mm (an atrium is not a point)."""
    place = placement.centre_mm + from_centre_mm
    ends = placement.potentials(place + np.concatenate([8 * np.eye(3), -8 * np.eye(3)]))
    gradient = (ends[:3] - ends[3:]) / 0.016
    return independent_leads((axes @ gradient).T).T


def _half_sine(t: np.ndarray, start: float, end: float) -> Float[np.ndarray, " time"]:
    phase = np.clip((t - start) / (end - start), 0, 1)
    return np.sin(np.pi * phase) ** 1.5
