"""Where the electrodes and the heart lie: an elliptical torso that grows with the body.

Axes in mm: x to the left, y to the back, z up; the origin is the torso's axis at the height of V1 and V2.
Sizes and angles are generator defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiolens.synthetic.population import Person

ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")

_CHEST_DEGREES = np.array([-8.0, 8.0, 20.0, 33.0, 57.0, 86.0])
"""From the front towards the left."""
_CHEST_HEIGHT_MM = np.array([0.0, 0.0, -15.0, -30.0, -32.0, -34.0])

# Base-to-apex axis and the direction from the left cavity through the septum. Those of normal conduction were calibrated
# with it and absorb what this medium lacks; a left bundle branch block looks right only in the anatomical position.
_APEX = np.array([0.601, -0.158, -0.783])
_FRONT_GAP_MM = 24.0
"""From the skin to the front of the heart in a person of BMI 26."""
_LEFTWARD_MM, _DOWNWARD_MM = 11.5, 52.8
_SEPTUM = np.array([0.053, -0.970, 0.236])
_LBBB_APEX = np.array([0.61, -0.51, -0.61])
_LBBB_SEPTUM = np.array([-0.85, -0.45, 0.20])
# Late junctions in the anterior fascicle do not turn the frontal axis in this medium, so the limb leads are turned instead.
_LAFB_TURN_DEGREES = 62.0


@dataclass(frozen=True)
class Placement:
    """Electrodes and heart in one torso. Columns of `axes` are the heart's anterior, septal and base-ward directions."""

    electrodes_mm: Float[np.ndarray, "electrode 3"]
    centre_mm: Float[np.ndarray, " 3"]
    axes: Float[np.ndarray, "3 3"]

    def to_torso(self, heart_mm: Float[np.ndarray, "node 3"]) -> Float[np.ndarray, "node 3"]:
        """Positions from the heart's axes to the torso's."""
        return heart_mm @ self.axes.T + self.centre_mm


def place_heart(
    person: Person, *, heart_radius_mm: float, rv_width_mm: float, shift_mm: float, rng: np.random.Generator
) -> Placement:
    """A heart in its torso and electrodes on it, misplaced by `shift_mm` each and 1.7 times that all together."""
    z = rng.standard_normal(12)
    stature = person.height_cm / 170
    fat = person.bmi - 26
    half_width = (165 if person.male else 148) * stature + 3.2 * fat
    half_depth = (118 if person.male else 108) * stature + 3.0 * fat
    degrees = np.radians(_CHEST_DEGREES + 3.0 * rng.standard_normal(6) * min(shift_mm, 7.0) / 7.0)
    height = (_CHEST_HEIGHT_MM * stature + 1.7 * shift_mm * z[0]) + shift_mm * rng.standard_normal(6)
    breast = 0.0 if person.male else 6.0
    chest = np.stack(
        [half_width * np.sin(degrees), -(half_depth + breast * (_CHEST_DEGREES > 15)) * np.cos(degrees), height], axis=1
    )
    limbs = np.array(
        [[-0.95 * half_width, 0, 165 * stature], [0.95 * half_width, 0, 165 * stature], [0.6 * half_width, -10, -330 * stature]]
    )
    lying = np.array([0.10, 0.0, 0.10]) * np.clip(0.04 * fat + 0.35 * person.age_score, -1.5, 2.5)
    apex = _unit((_LBBB_APEX if person.lbbb else _APEX) + lying + 0.14 * z[1:4])
    septum = (_LBBB_SEPTUM if person.lbbb else _SEPTUM) + 0.13 * z[4:7]
    septum = _unit(septum - apex * (septum @ apex))
    base = -apex
    axes = np.stack([np.cross(base, septum), septum, base], axis=1)
    front_gap = _FRONT_GAP_MM + 0.7 * fat + 0.5 * breast + 4 * z[7]
    depth = half_depth - front_gap - 0.74 * (heart_radius_mm + rv_width_mm)
    centre = np.array([_LEFTWARD_MM + 6 * z[8], -depth, -_DOWNWARD_MM * stature + 2.0 * np.clip(fat, -6, 10) + 9 * z[9]])
    if person.lafb:
        limbs = _turn_in_frontal_plane(limbs, centre, _LAFB_TURN_DEGREES + 6 * z[10])
    return Placement(np.concatenate([limbs, chest]), centre, axes)


def independent_leads(electrode_mv: Float[np.ndarray, "electrode time"]) -> Float[np.ndarray, "lead time"]:
    """I, II and V1-V6 from nine electrodes, the chest against Wilson's central terminal."""
    right, left, leg = electrode_mv[:3]
    terminal = (right + left + leg) / 3
    return np.concatenate([(left - right)[None], (leg - right)[None], electrode_mv[3:] - terminal])


def twelve_leads(independent: Float[np.ndarray, "lead time"]) -> Float[np.ndarray, "twelve time"]:
    """All 12 leads in standard order; Einthoven's and Goldberger's relations hold exactly."""
    one, two = independent[:2]
    return np.concatenate([np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]), independent[2:]])


def _turn_in_frontal_plane(
    points: Float[np.ndarray, "point 3"], centre: Float[np.ndarray, " 3"], degrees: float
) -> Float[np.ndarray, "point 3"]:
    """Points turned round the front-to-back axis through `centre`, so that what pointed down points to the right."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, z = points[:, 0] - centre[0], points[:, 2] - centre[2]
    return np.stack([centre[0] + cos * x + sin * z, points[:, 1], centre[2] - sin * x + cos * z], axis=1)


def _unit(v: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
    return v / np.sqrt(v @ v)
