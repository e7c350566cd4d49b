"""What every electrode sees of a current dipole anywhere in the heart's region of a bounded torso.

One template torso with lungs was solved once (`scripts/solve_torso.py`) for the three limb electrodes and a net of places
on the chest; a subject's electrodes and heart are scaled into it. By reciprocity the potential that a dipole p at x raises
at an electrode is p . grad(phi)(x), where phi is the potential that a unit current injected at that electrode has at x.
"""

from __future__ import annotations

import functools
import hashlib
import io
from dataclasses import dataclass
from importlib import resources

import numpy as np
from jaxtyping import Float, Float32

FIELD_FILE = "torso_fields.npz"
FIELD_SHA256 = "bfd82c2e7e272d88e68bb3a567e3f29ab3f5c6be8936d06ebbace1aef7170ca9"
"""A change of the file changes the code, and with it what is recorded of how a cohort was made."""
TEMPLATE_HALF_WIDTH_MM, TEMPLATE_HALF_DEPTH_MM, TEMPLATE_HEIGHT_CM = 158.0, 112.0, 170.0
NUM_LIMBS = 3


@dataclass(frozen=True)
class LeadFields:
    """Potentials in V/A of the template on a regular grid, for the limbs RA, LA, LL and then chest places by angle."""

    potential: Float32[np.ndarray, "x y z field"]
    origin_mm: Float[np.ndarray, " 3"]
    spacing_mm: float
    chest_degrees: Float[np.ndarray, " angle"]
    chest_height_mm: Float[np.ndarray, " height"]

    def at(
        self,
        template_mm: Float[np.ndarray, "node 3"],
        *,
        chest_degrees: Float[np.ndarray, " chest"],
        chest_height_mm: Float[np.ndarray, " chest"],
    ) -> Float[np.ndarray, "node electrode"]:
        """Potentials at nodes for RA, LA, LL and six chest electrodes; nodes outside the stored region see its border."""
        from cardiolens.synthetic.wall_kernels import interpolate

        which, weight = self._mixture(chest_degrees, chest_height_mm)
        return interpolate(self.potential, (template_mm - self.origin_mm) / self.spacing_mm, which, weight)

    def _mixture(self, degrees: np.ndarray, height_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Four stored fields and their weights for every electrode, bilinear over angle and height."""
        num_heights = len(self.chest_height_mm)
        angle = _position(self.chest_degrees, degrees)
        height = _position(self.chest_height_mm, height_mm)
        i, j = angle.astype(int), height.astype(int)
        u, v = angle - i, height - j
        corner = NUM_LIMBS + i * num_heights + j
        which = np.stack([corner, corner + 1, corner + num_heights, corner + num_heights + 1], axis=1)
        weight = np.stack([(1 - u) * (1 - v), (1 - u) * v, u * (1 - v), u * v], axis=1)
        limbs = np.repeat(np.arange(NUM_LIMBS)[:, None], 4, axis=1)
        return np.concatenate([limbs, which]), np.concatenate([np.full((NUM_LIMBS, 4), 0.25), weight])


@functools.cache
def lead_fields() -> LeadFields:
    """The stored fields; the package is broken if they are not those this code was written with."""
    content = resources.files("cardiolens.synthetic").joinpath(FIELD_FILE).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    assert found == FIELD_SHA256, f"{FIELD_FILE}: SHA-256 {found}, expected {FIELD_SHA256}; reinstall cardiolens"
    with np.load(io.BytesIO(content)) as stored:
        potential = stored["fields"] * stored["volt_per_ampere"][:, None, None, None]
        return LeadFields(
            potential=np.ascontiguousarray(np.moveaxis(potential, 0, -1), dtype=np.float32),
            origin_mm=stored["origin_mm"],
            spacing_mm=float(stored["spacing_mm"]),
            chest_degrees=stored["chest_degrees"],
            chest_height_mm=stored["chest_height_mm"],
        )


def _position(knots: Float[np.ndarray, " knot"], values: Float[np.ndarray, " value"]) -> Float[np.ndarray, " value"]:
    """Where values lie between regular knots, in steps; the last cell holds whatever lies beyond."""
    return np.clip((values - knots[0]) / (knots[1] - knots[0]), 0, len(knots) - 1 - 1e-9)
