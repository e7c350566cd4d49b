"""How a short-axis stack lies in an average body: which end of it is the apex, and which planes may be short axes at all.

Directions are DICOM's (LPS: left, back, head). The apex points to the left, the front and the feet.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cardiolens.imaging.stack_geometry import Direction

BASE_TO_APEX: Direction = (0.68, -0.56, -0.47)
"""The long axis of an average heart; a single one may point elsewhere by 30 degrees and more."""

FARTHEST_DEGREES = 50.0
"""Long-axis views stand at 90 degrees, axial ones at 62."""


def towards_apex(normal: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
    """The normal of a plane, or its opposite: that of the two which points from base to apex in an average heart."""
    return -normal if normal @ np.array(BASE_TO_APEX) < 0 else normal


def degrees_off_axis(normal: Float[np.ndarray, " 3"]) -> float:
    """Angle between a plane's normal and the long axis of an average heart, 0 to 90."""
    axis = np.array(BASE_TO_APEX)
    return float(np.degrees(np.arccos(np.clip(abs(normal @ axis) / np.linalg.norm(axis), 0, 1))))
