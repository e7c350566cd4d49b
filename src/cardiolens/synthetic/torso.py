"""Where the electrodes and the heart lie: an elliptical torso that grows with the body.

Axes in mm: x to the left, y to the back, z up; the origin is the torso's axis at the height of V1 and V2.
Sizes and angles are generator defaults.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cardiolens.synthetic.lead_field import (
    TEMPLATE_HALF_DEPTH_MM,
    TEMPLATE_HALF_WIDTH_MM,
    TEMPLATE_HEIGHT_CM,
    lead_fields,
)
from cardiolens.synthetic.population import Person

ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")

_CHEST_DEGREES = np.array([-8.0, 8.0, 20.0, 33.0, 57.0, 86.0])
"""From the front towards the left."""
_CHEST_HEIGHT_MM = np.array([0.0, 0.0, -15.0, -30.0, -32.0, -34.0])

# From the base to the apex, and from the left cavity through the septum.
APEX = np.array([0.36, -0.65, -0.85])
SEPTUM = np.array([-0.85, -0.77, -0.085])
_TURN_SD = 0.13
"""Of each component of the two directions: about 8 degrees."""
FRONT_GAP_MM = 27.7
"""From the skin to the front of the right ventricle in a man of body mass index 26."""
LEFTWARD_MM, DOWNWARD_MM = 14.6, 29.9


@dataclass(frozen=True)
class Placement:
    """Electrodes and heart in one torso. Columns of `axes` are the heart's anterior, septal and base-ward directions."""

    chest_degrees: Float[np.ndarray, " 6"]
    chest_height_mm: Float[np.ndarray, " 6"]
    """In the template's scale, like nothing else here."""
    template_per_body: Float[np.ndarray, " 3"]
    centre_mm: Float[np.ndarray, " 3"]
    axes: Float[np.ndarray, "3 3"]

    def to_torso(self, heart_mm: Float[np.ndarray, "node 3"]) -> Float[np.ndarray, "node 3"]:
        """Positions from the heart's axes to the torso's."""
        return heart_mm @ self.axes.T + self.centre_mm

    def potentials(self, torso_mm: Float[np.ndarray, "node 3"]) -> Float[np.ndarray, "node electrode"]:
        """V per A that a current injected at each electrode raises at places of this torso.

        A body of the same shape but larger by a factor resists less by that factor.
        """
        in_template = lead_fields().at(
            torso_mm * self.template_per_body, chest_degrees=self.chest_degrees, chest_height_mm=self.chest_height_mm
        )
        return in_template * np.cbrt(self.template_per_body.prod())


def place_heart(
    person: Person, heart_mm: Float[np.ndarray, "node 3"], *, shift_mm: float, rng: np.random.Generator
) -> Placement:
    """A heart of wall `heart_mm` in its torso; electrodes are misplaced by `shift_mm` each and 1.7 times that together."""
    z = rng.standard_normal(12)
    stature = person.height_cm / TEMPLATE_HEIGHT_CM
    fat = person.bmi - 26
    # Fat under the skin hardly conducts, but the chest under it grows too.
    half_width = (157 if person.male else 150) * np.sqrt(stature) + 3.2 * fat
    half_depth = (115 if person.male else 110) * np.sqrt(stature) + 3.0 * fat
    degrees = _CHEST_DEGREES + 3.0 * rng.standard_normal(6) * min(shift_mm, 7.0) / 7.0
    height = _CHEST_HEIGHT_MM + (1.7 * shift_mm * z[0] + shift_mm * rng.standard_normal(6)) / stature

    lying = np.array([0.10, 0.0, 0.10]) * np.clip(0.04 * fat + 0.35 * person.age_score, -1.5, 2.5)
    apex = _unit(APEX + lying + _TURN_SD * z[1:4])
    septum = SEPTUM + _TURN_SD * z[4:7]
    septum = _unit(septum - apex * (septum @ apex))
    axes = np.stack([np.cross(-apex, septum), septum, -apex], axis=1)
    turned = heart_mm @ axes.T
    centre = np.array([LEFTWARD_MM + 5 * z[8], 0.0, -DOWNWARD_MM * stature + 1.3 * np.clip(fat, -6, 10) + 7 * z[9]])
    gap = FRONT_GAP_MM + 2.5 * fat + 3 * z[7]
    across = np.clip((turned[:, 0] + centre[0]) / half_width, -0.95, 0.95)
    centre[1] = gap - (turned[:, 1] + half_depth * np.sqrt(1 - across**2)).min()
    scale = np.array([TEMPLATE_HALF_WIDTH_MM / half_width, TEMPLATE_HALF_DEPTH_MM / half_depth, 1 / stature])
    return Placement(degrees, height, scale, centre, axes)


def independent_leads(electrode_mv: Float[np.ndarray, "electrode time"]) -> Float[np.ndarray, "lead time"]:
    """I, II and V1-V6 from nine electrodes, the chest against Wilson's central terminal."""
    right, left, leg = electrode_mv[:3]
    terminal = (right + left + leg) / 3
    return np.concatenate([(left - right)[None], (leg - right)[None], electrode_mv[3:] - terminal])


def twelve_leads(independent: Float[np.ndarray, "lead time"]) -> Float[np.ndarray, "twelve time"]:
    """All 12 leads in standard order; Einthoven's and Goldberger's relations hold exactly."""
    one, two = independent[:2]
    return np.concatenate([np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]), independent[2:]])


def _unit(v: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
    return v / np.sqrt(v @ v)
