"""Prediction intervals that hold the truth as often as they say, whatever the model got wrong: split-conformal, normalised.

The absolute residual is expected to grow with the predicted value; how much is learned on `select`. What share of `calibrate`
then lies within so many of these expected residuals decides how wide the interval has to be. `calibrate` chose nothing else, so
a new subject of the same population is covered with the stated probability or a little more, on average over subjects.

Sources: Papadopoulos, Vovk & Gammerman 2002; Lei, G'Sell, Rinaldo, Tibshirani & Wasserman 2018.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cardiolens.uncertainty import LEVELS, ValueBand

_FEWEST = 20
"""With fewer subjects on `select` every subject gets the same expected residual."""
_FLOOR, _CEILING = 0.5, 2.0
"""Bounds of an expected residual, in units of the mean one: outside what was seen a line falls to nothing on one side and grows
without end on the other. Bundles that were written with a ceiling of 4 keep theirs."""
_STEEPEST = 0.5
"""How much of the mean residual a standard deviation of the value may add: a line through few subjects, or through one who is
far off, would be steep by chance, and leave most people at the lower bound and some at the upper."""


def conformal_band(
    select_value: Float[np.ndarray, " selected"],
    select_target: Float[np.ndarray, " selected"],
    calibrate_value: Float[np.ndarray, " calibrated"],
    calibrate_target: Float[np.ndarray, " calibrated"],
) -> ValueBand:
    """The band of one column; NaN targets are unknown and count nowhere.

    The reach at a level is the ceil((n + 1) * level)-th smallest of the n calibrating residuals, in expected residuals; where
    that is beyond n, nobody can promise the level and it is None (18 subjects do not reach 95 %).
    """
    known = ~np.isnan(select_target)
    value, residual = select_value[known], np.abs(select_target - select_value)[known]
    constant, slope = _line(value, residual)
    mean = float(residual.mean()) if len(residual) else 1.0
    # Perfect predictions on `select` promise no perfect ones elsewhere: any width above zero serves as a unit.
    mean = mean if mean > 0 else 1.0
    band = ValueBand(constant or mean, slope, _FLOOR * mean, _CEILING * mean, None, None, 0)
    known = ~np.isnan(calibrate_target)
    value = calibrate_value[known]
    distance = np.abs(calibrate_target[known] - value) / band.expected_residual(value)
    reach = [_ranked(distance, level) for level in LEVELS]
    return ValueBand(band.constant, band.slope, band.lowest, band.highest, reach[0], reach[1], len(distance))


def _line(value: Float[np.ndarray, " subject"], residual: Float[np.ndarray, " subject"]) -> tuple[float, float]:
    if len(value) < _FEWEST or not np.ptp(value) > 0:
        return (float(residual.mean()) if len(residual) else 0.0), 0.0
    centre, spread = value.mean(), value.std()
    slope = float(((value - centre) / spread * residual).mean() / spread)
    steepest = _STEEPEST * float(residual.mean() / spread)
    slope = min(max(slope, -steepest), steepest)
    return float(residual.mean() - slope * centre), slope


def _ranked(distance: Sequence[float] | Float[np.ndarray, " subject"], level: float) -> float | None:
    rank = math.ceil((len(distance) + 1) * level)
    return float(np.sort(distance)[rank - 1]) if rank <= len(distance) else None
