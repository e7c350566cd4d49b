"""Points of a wall followed through the cycle of a cine slice, by deformable registration of neighbouring phases.

A free-form deformation (cubic B-splines on a grid of 10 mm) brings each phase onto the next and onto the one before, by the
mean squared difference with a tenth of the bending energy, as the reference pipeline's registration does. Deformations are
chained forward from end-diastole and backward round the cycle; the two are averaged by how far they have come, which takes out
the drift. All pairs of a slice are fitted together, on the pixels of the picture alone: no labels take part.

Source: Rueckert et al. 1999 for the deformation; weights and chaining as ukbb_cardiac computes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample

from cardiolens.configs import refuse_outside

_DARK, _BRIGHT = 0.01, 0.99
_LATER, _LATEST = 0.6, 0.85
_LATER_RATE, _LATEST_RATE = 0.3, 0.1


@dataclass(frozen=True)
class TrackingConfig:
    """How neighbouring phases are registered."""

    grid_mm: float = 10.0
    """Distance of the deformation's control points."""
    bending: float = 0.1
    """Weight of the bending energy beside the mean squared difference of brightness from 0 to 1."""
    steps: int = 300
    """Steps of the optimiser."""
    step_pixels: float = 0.1
    """Length of a first step at a control point."""

    def __post_init__(self) -> None:
        refuse_outside(
            self,
            {
                "grid_mm": (2 <= self.grid_mm <= 50, "2 to 50"),
                "bending": (0 <= self.bending <= 100, "0 to 100"),
                "steps": (1 <= self.steps <= 10_000, "1 to 10,000"),
                "step_pixels": (0 < self.step_pixels <= 5, "above 0, to 5"),
            },
        )


@dataclass(frozen=True)
class Fields:
    """Displacements in pixels (row, column) of every pixel, from each phase to the next and from the next back to it."""

    forward: Float[np.ndarray, "slice phase height width 2"]
    backward: Float[np.ndarray, "slice phase height width 2"]


_DEFAULT = TrackingConfig()


def register_cycle(
    frames: Float[np.ndarray, "slice phase height width"], *, pixel_mm: tuple[float, float], config: TrackingConfig = _DEFAULT
) -> Fields:
    """The fields of a whole cycle, whose last phase is followed by its first. Brightness is brought to 0..1 slice by slice."""
    low, high = (np.quantile(frames, share, axis=(1, 2, 3), keepdims=True) for share in (_DARK, _BRIGHT))
    bright = torch.from_numpy(np.clip((frames - low) / np.maximum(high - low, 1e-6), 0, 1).astype(np.float32))
    pairs = []
    for shown in bright:
        following = shown.roll(-1, dims=0)
        fixed, moving = torch.cat([shown, following])[:, None], torch.cat([following, shown])[:, None]
        pairs.append(_fitted(fixed, moving, pixel_mm, config).permute(0, 2, 3, 1).numpy())
    both = np.stack(pairs)
    return Fields(both[:, : frames.shape[1]], both[:, frames.shape[1] :])


def follow(
    fields: Fields, points_px: Float[np.ndarray, "slice point 2"]
) -> tuple[Float[np.ndarray, "slice phase point 2"], Float[np.ndarray, " slice"]]:
    """Where points of phase 0 are in every phase, and by how many pixels they miss their start after a cycle, on average."""
    num_phases = fields.forward.shape[1]
    onward, homeward = [points_px], [points_px]
    for phase in range(num_phases):
        onward.append(onward[-1] + _sampled(fields.forward[:, phase], onward[-1]))
        homeward.append(homeward[-1] + _sampled(fields.backward[:, num_phases - 1 - phase], homeward[-1]))
    forward, backward = np.stack(onward, axis=1), np.stack(homeward, axis=1)
    miss = [np.linalg.norm(path[:, -1] - points_px, axis=-1).mean(axis=-1) for path in (forward, backward)]
    share = (np.arange(num_phases) / num_phases)[:, None, None]
    # The backward chain reaches phase t after num_phases - t steps.
    back = backward[:, num_phases - np.arange(num_phases)]
    back[:, 0] = points_px
    return forward[:, :num_phases] * (1 - share) + back * share, np.mean(miss, axis=0)


def _fitted(
    fixed: Float[Tensor, "pair 1 height width"], moving: Float[Tensor, "pair 1 height width"], pixel_mm: tuple[float, float],
    config: TrackingConfig,
) -> Float[Tensor, "pair 2 height width"]:  # fmt: skip
    height, width = fixed.shape[-2:]
    rows = [_splines(height, config.grid_mm / pixel_mm[0], order) / pixel_mm[0] ** order for order in (0, 1, 2)]
    columns = [_splines(width, config.grid_mm / pixel_mm[1], order) / pixel_mm[1] ** order for order in (0, 1, 2)]
    control = torch.zeros(len(fixed), 2, rows[0].shape[1], columns[0].shape[1], requires_grad=True)
    row, column = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    millimetres = torch.tensor(pixel_mm)[:, None, None]
    optimiser = torch.optim.Adam([control], lr=config.step_pixels)
    for step in range(config.steps):
        rate = 1.0 if step < _LATER * config.steps else _LATER_RATE if step < _LATEST * config.steps else _LATEST_RATE
        optimiser.param_groups[0]["lr"] = rate * config.step_pixels
        moved = rows[0] @ control @ columns[0].T
        place = torch.stack([(column + moved[:, 1]) * 2 / (width - 1) - 1, (row + moved[:, 0]) * 2 / (height - 1) - 1], dim=-1)
        difference = grid_sample(moving, place, align_corners=True, padding_mode="border") - fixed
        bends = [rows[i] @ control @ columns[2 - i].T * millimetres for i in (0, 1, 2)]
        bending = bends[0] ** 2 + 2 * bends[1] ** 2 + bends[2] ** 2
        # Summed over pairs: each pair is a problem of its own.
        loss = (difference**2).mean(dim=(1, 2, 3)).sum() + config.bending * bending.sum(dim=1).mean(dim=(1, 2)).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return (rows[0] @ control @ columns[0].T).detach()


def _splines(pixels: int, spacing_px: float, derivative: int) -> Float[Tensor, "pixel control"]:
    """Cubic B-splines on an even grid, or their derivative per pixel, at the pixels' centres."""
    from scipy.interpolate import BSpline

    intervals = math.ceil((pixels - 1) / spacing_px)
    start = (intervals * spacing_px - (pixels - 1)) / 2
    knots = np.arange(-3, intervals + 4) * spacing_px - start
    splines = BSpline(knots, np.eye(len(knots) - 4), 3, extrapolate=True)
    splines = splines.derivative(derivative) if derivative else splines
    return torch.from_numpy(splines(np.arange(pixels)).astype(np.float32))


def _sampled(
    field: Float[np.ndarray, "slice height width 2"], points_px: Float[np.ndarray, "slice point 2"]
) -> Float[np.ndarray, "slice point 2"]:
    from scipy.ndimage import map_coordinates

    moved = np.empty_like(points_px)
    for index, (one, points) in enumerate(zip(field, points_px, strict=True)):
        for axis in (0, 1):
            moved[index, :, axis] = map_coordinates(one[..., axis], points.T, order=1, mode="nearest")
    return moved
