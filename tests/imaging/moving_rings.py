"""A ring of muscle that contracts as a formula says, drawn as a bright-blood cine."""

import numpy as np

PIXEL_MM = 2.0
SIZE = 42
MIDDLE_MM = np.array([21.0, 20.0]) * PIXEL_MM
ENDO_MM, EPI_MM = 22.0, 31.0


def contraction(num_phases: int, depth: float = 0.3) -> np.ndarray:
    """Share by which the cavity's radius has shrunk in every phase: none at first, `depth` at the middle of the cycle."""
    return depth * np.sin(np.pi * np.arange(num_phases) / num_phases) ** 2


def radii(num_phases: int, depth: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Inner and outer radius in every phase; the ring keeps its area."""
    endo = ENDO_MM * (1 - contraction(num_phases, depth))
    return endo, np.sqrt(EPI_MM**2 - ENDO_MM**2 + endo**2)


def cine(num_phases: int = 12, *, depth: float = 0.3, shift_mm: float = 0.0, noise: float = 0.0) -> np.ndarray:
    """(phase, height, width): blood bright, muscle dark, lung darker, edges as soft as a pixel."""
    rows, columns = np.mgrid[:SIZE, :SIZE] * PIXEL_MM
    endo, epi = radii(num_phases, depth)
    frames = []
    for phase in range(num_phases):
        away = shift_mm * np.sin(np.pi * phase / num_phases) ** 2
        radius = np.hypot(rows - MIDDLE_MM[0], columns - MIDDLE_MM[1] - away)
        soft = [1 / (1 + np.exp((radius - edge) / (0.5 * PIXEL_MM))) for edge in (endo[phase], epi[phase])]
        frames.append(0.15 + 0.2 * soft[1] + 0.6 * soft[0])
    return (np.array(frames) + noise * np.random.default_rng(0).standard_normal((num_phases, SIZE, SIZE))).astype(np.float32)


def circle_mm(radius: float, points: int = 96) -> np.ndarray:
    """(point, row and column)."""
    angle = 2 * np.pi * np.arange(points) / points
    return MIDDLE_MM + radius * np.stack([-np.cos(angle), np.sin(angle)], axis=1)
