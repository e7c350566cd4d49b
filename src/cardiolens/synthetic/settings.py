"""What can be chosen about a synthetic cohort, and within which range."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cardiolens.configs import refuse_outside

_RANGES = {
    "ecg_noise": (0.0, 5.0),
    "electrode_shift_mm": (0.0, 30.0),
    "af_recorded_share": (0.0, 1.0),
    "mri_noise": (0.0, 5.0),
    "frame_pixels": (64, 210),
    "pixel_mm": (1.0, 3.0),
    "appearance_spread": (0.0, 2.0),
}


@dataclass(frozen=True)
class SyntheticConfig:
    """Settings of the synthetic hearts; the defaults resemble UK Biobank's imaging visit."""

    ecg_noise: float = 1.0
    """Factor on wander, muscle, mains and amplifier noise; 0 gives clean recordings. 0 to 5."""
    electrode_shift_mm: float = 7.0
    """Standard deviation of each chest electrode's misplacement; all six also move together by 1.7 times this. 0 to 30."""
    af_recorded_share: float = 0.2
    """Share of people with atrial fibrillation who are in it while the ECG is recorded. 0 to 1."""
    mri_noise: float = 1.0
    """Factor on the Rician noise of the pictures. 0 to 5."""
    frame_pixels: int = 112
    """Height and width of a picture; at least 64, at most 210 so that the published window fits around it."""
    pixel_mm: float = 1.8
    """In-plane pixel size. 1 to 3."""
    appearance_spread: float = 1.0
    """Factor on how much contrast, sharpness and shape differ between scans, and on how many have artefacts. 0 to 2."""

    def __post_init__(self) -> None:
        refuse_outside(
            self,
            {
                name: (math.isfinite(getattr(self, name)) and low <= getattr(self, name) <= high, f"{low} to {high}")
                for name, (low, high) in _RANGES.items()
            },
        )
