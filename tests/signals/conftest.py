"""An ECG-like recording that obeys Einthoven and Goldberger, small enough for every test of this room."""

import numpy as np
import pytest

from cardiolens.types import LEADS, Recording


@pytest.fixture
def signal_mv() -> np.ndarray:
    """12 x 2500 float32: 70 beats a minute, a little noise, a slow drift of the limb leads."""
    rng = np.random.default_rng(3)
    time = np.arange(2500) / 500
    beat = np.exp(-(((time % 0.857) - 0.3) ** 2) / 2e-4) + 0.25 * np.exp(-(((time % 0.857) - 0.6) ** 2) / 4e-3)
    limb = np.outer([0.6, 1.1], beat) + np.outer([0.2, -0.3], np.sin(2 * np.pi * 0.2 * time))
    limb += 0.01 * rng.standard_normal(limb.shape)
    i, ii = limb
    chest = np.outer(rng.uniform(-1, 1.5, 6), beat) + 0.01 * rng.standard_normal((6, 2500))
    return np.vstack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2, chest]).astype(np.float32)


@pytest.fixture
def recording(signal_mv) -> Recording:
    return Recording(signal_mv=signal_mv, leads=LEADS, rate_hz=500.0, source="r.hea")
