"""What lies around and inside the heart, and how bright: vessels, atria, chest wall, liver, stomach, lung, papillary muscles.

Signals are relative to the blood of the left ventricle. The prior is a bright-blood cine: blood brighter than muscle, the
right ventricle near the left one, lung dark; the ranges are far wider than any scanner's. Measured on the ACDC challenge:
myocardium over blood .26-.55, right over left blood .63-.99 (5 to 95 %).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cardiolens.synthetic.scans.hearts import ANGLES, TURN, Family, Heart
from cardiolens.synthetic.scans.sections import RightVentricle, Sections

_COLUMNS = 10
_NOWHERE = 1e4


def draw_tissue(rng: np.random.Generator) -> Float[np.ndarray, " tissue"]:
    """Signal of LV blood, myocardium, RV blood, fat, lung, liver, chest muscle, air."""
    right = rng.uniform(0.45, 0.95)
    muscle = min(rng.uniform(0.13, 0.45), 0.75 * right)
    fat = float(np.clip(1.2 * np.exp(0.4 * rng.normal()), 0.35, 3.0))
    lung = rng.uniform(0.01, 0.12)
    tissue = [1.0, muscle, right, fat, lung, rng.uniform(0.15, 0.75), muscle * rng.uniform(0.6, 1.4), rng.uniform(0.0, 0.05)]
    if rng.random() < 0.05:
        # Surroundings of any brightness teach that the heart is found by its shape.
        tissue[3:7] = [rng.uniform(0.05, 2.0), rng.uniform(0.0, 0.4), rng.uniform(0.05, 1.2), rng.uniform(0.05, 1.0)]
    return np.array(tissue)


def draw_grain(heart: Heart, rng: np.random.Generator) -> Float[np.ndarray, " grain"]:
    """Texture and trabeculation, as `scan_kernels.draw_slice` wants them."""
    loaded = heart.family is Family.RIGHT_LOADED
    return np.array(
        [
            rng.uniform(0.02, 0.18),
            rng.uniform(0.03, 0.16),
            rng.uniform(0.04, 0.22),
            rng.uniform(0.05, 0.6),
            rng.uniform(0.03, 0.2),
            rng.uniform(0.0, 0.45),
            rng.uniform(0.1, 0.6) if loaded else rng.uniform(0.0, 0.4),
            rng.uniform(0.3, 1.0),
            rng.uniform(0.0, 4.5),
            rng.uniform(0.0, 0.9),
            rng.uniform(-0.3, 3.0),
        ]
    )


def draw_fat(rng: np.random.Generator) -> Float[np.ndarray, " angle"]:
    """Thickness of the fat on the heart by angle, mm; thickest in front of the right ventricle and in the grooves."""
    lumps = sum(
        (rng.normal(0, 2.0) * np.cos(order * TURN + rng.uniform(0, 2 * np.pi)) for order in (1, 2, 3, 4, 5)), np.zeros(ANGLES)
    )
    least = rng.uniform(1, 9) if rng.random() < 0.2 else rng.uniform(-8, 4)
    return np.clip(least + lumps, -1.5, 16.0)


def draw_surroundings(
    sections: Sections, heart: Heart, right: RightVentricle, rng: np.random.Generator
) -> tuple[Float[np.ndarray, "slice 5"], Float[np.ndarray, "slice 4"]]:
    """Chest wall and liver of each slice, as `scan_kernels.draw_slice` wants them."""
    height = sections.height_mm[:, None]
    outer = heart.radius_mm + heart.wall_mm
    radius = rng.uniform(85, 170)
    gap = rng.uniform(2, 32)
    left = outer + heart.rv_width_mm * heart.rv_share + right.wall_mm + gap
    bow = rng.normal(0, 0.5)
    # Towards the apex the wall of the chest comes closer.
    closer = rng.uniform(-0.15, 0.55) * np.clip(height, 0, None)
    x, y = radius * np.cos(bow) - left, radius * np.sin(bow) * 0.8
    ones = np.ones_like(height)
    chest = np.concatenate(
        [x + closer, y * ones, radius * ones, rng.uniform(2, 22) * ones, max(rng.normal(16, 14), 2.0) * ones], axis=1
    )
    below = outer + rng.uniform(-2, 14)
    rises = rng.uniform(-0.2, 0.7)
    top = below - rises * (height - 0.5 * heart.length_mm)
    absent = _NOWHERE if rng.random() < 0.08 else 0.0
    steep, curve, crest = rng.normal(-0.1, 0.25), rng.uniform(-0.001, 0.006), rng.normal(-10, 30)
    liver = np.concatenate([top + absent, steep * ones, curve * ones, crest * ones], axis=1)
    return chest, liver


def draw_organs(
    sections: Sections, heart: Heart, tissue: Float[np.ndarray, " tissue"], rng: np.random.Generator
) -> Float[np.ndarray, "slice organ 10"]:
    """Ellipses in every slice, from the back to the front: organs, lung vessels, aorta, atria, great vessels."""
    height, outer = sections.height_mm, heart.radius_mm + heart.wall_mm
    rows = [*_belly(height, outer, tissue, rng), *_lung_vessels(height, outer, tissue, rng)]
    rows += _strands(height, outer, heart.rv_width_mm * heart.rv_share, tissue, rng)
    rows.append(
        _ellipse(
            height, at=(outer * rng.uniform(0.1, 1.1), outer + rng.uniform(8, 32)), drift=rng.normal(0, 0.25, 2),
            radii=(rng.uniform(8, 15),) * 2, signal=rng.uniform(0.7, 1.7), rim=(rng.uniform(0, 2), tissue[1]),
        )
    )  # fmt: skip
    rows += _base(sections, heart, tissue, rng)
    return np.stack(rows, axis=1)


def draw_papillary_muscles(sections: Sections, heart: Heart, rng: np.random.Generator) -> Float[np.ndarray, "slice muscle 10"]:
    """Two to five muscles, free in the cavity or leaning on its wall."""
    mean = sections.endo_mm.mean(axis=1)
    level = sections.height_mm / heart.length_mm
    start, end = rng.uniform(0.05, 0.35), rng.uniform(0.6, 1.0)
    shown = (level > start) & (level < end) & (mean > 5)
    rows = []
    middles = [rng.normal(0.9, 0.4), rng.normal(-0.9, 0.4), *rng.uniform(0, 2 * np.pi, 3)]
    for middle in middles[: 2 + int(rng.integers(0, 4))]:
        away = rng.uniform(0.5, 0.95) * mean
        size = np.minimum(rng.uniform(2.0, 5.0) + 0.3 * (heart.wall_mm - 8), 0.42 * mean) * (0.8 + 0.4 * level)
        row = _empty(len(level))
        row[:, 0], row[:, 1] = away * np.cos(middle), away * np.sin(middle)
        row[:, 2], row[:, 3] = np.maximum(size * rng.uniform(1.0, 1.7), 0.5), np.maximum(size, 0.5)
        row[:, 4], row[:, 5] = np.cos(middle), np.sin(middle)
        row[~shown, 0] = _NOWHERE
        rows.append(row)
    return np.stack(rows, axis=1)


def _belly(
    height: Float[np.ndarray, " slice"], outer: float, tissue: Float[np.ndarray, " tissue"], rng: np.random.Generator
) -> list[Float[np.ndarray, "slice 10"]]:
    rows = []
    for _ in range(rng.integers(1, 4)):
        radii = (rng.uniform(15, 50), rng.uniform(12, 40))
        place = (rng.uniform(-30, 75), outer + max(radii) * rng.uniform(0.8, 1.3) + rng.uniform(0, 25))
        signal = rng.uniform(0.02, 0.2) if rng.random() < 0.3 else rng.uniform(0.2, 1.3)
        rim = (rng.uniform(0, 6), rng.uniform(0.1, 1.2)) if rng.random() < 0.6 else (0.0, 0.0)
        rows.append(
            _ellipse(height, at=place, drift=rng.normal(0, 0.3, 2), radii=radii, signal=signal, rim=rim, turn=rng.uniform(0, 3))
        )
    for _ in range(rng.integers(0, 4)):
        place = (rng.uniform(-70, 50), outer + rng.uniform(15, 60))
        size = rng.uniform(2, 8)
        rows.append(
            _ellipse(
                height, at=place, drift=rng.normal(0, 0.6, 2), radii=(size, size * rng.uniform(1, 2)),
                signal=rng.uniform(0.5, 1.3) * tissue[0], turn=rng.uniform(0, 3),
            )
        )  # fmt: skip
    return rows


def _lung_vessels(
    height: Float[np.ndarray, " slice"], outer: float, tissue: Float[np.ndarray, " tissue"], rng: np.random.Generator
) -> list[Float[np.ndarray, "slice 10"]]:
    rows = []
    for _ in range(rng.integers(2, 12)):
        angle, away = rng.uniform(-2.2, 0.9), outer + rng.uniform(6, 60)
        size = rng.uniform(1.0, 4.5)
        place = (away * np.cos(angle), away * np.sin(angle))
        rows.append(
            _ellipse(
                height, at=place, drift=rng.normal(0, 1.5, 2), radii=(size, size * rng.uniform(0.5, 1.0)),
                signal=rng.uniform(0.2, 1.2), turn=rng.uniform(0, 3),
            )
        )  # fmt: skip
    return rows


def _strands(
    height: Float[np.ndarray, " slice"], outer: float, rv_width: float, tissue: Float[np.ndarray, " tissue"],
    rng: np.random.Generator,
) -> list[Float[np.ndarray, "slice 10"]]:  # fmt: skip
    """Fat and muscle beside the heart: pads, strands, the pericardium's folds, pieces of rib."""
    rows = []
    for _ in range(rng.integers(0, 8)):
        angle = rng.uniform(-np.pi, np.pi)
        away = outer + rv_width * max(-np.cos(angle), 0.0) + rng.uniform(0, 40)
        length, thick = rng.uniform(5, 32), rng.uniform(1.2, 8)
        signal = tissue[3] * rng.uniform(0.6, 1.1) if rng.random() < 0.6 else tissue[6] * rng.uniform(0.7, 1.5)
        rows.append(
            _ellipse(
                height, at=(away * np.cos(angle), away * np.sin(angle)), drift=rng.normal(0, 0.4, 2), radii=(length, thick),
                signal=signal, turn=angle + np.pi / 2 + rng.normal(0, 0.5),
            )
        )  # fmt: skip
    return rows


def _base(
    sections: Sections, heart: Heart, tissue: Float[np.ndarray, " tissue"], rng: np.random.Generator
) -> list[Float[np.ndarray, "slice 10"]]:
    """Right atrium, outflow tract or lung artery, left atrium, aortic root; none of them is labelled."""
    height, outer, radius = sections.height_mm, heart.radius_mm + heart.wall_mm, max(heart.radius_mm, 16.0)
    thin = (rng.uniform(0.8, 2.5), tissue[1])
    # Where the right ventricle is no more, and below where it becomes an atrium.
    no_right = sections.rv_mm.max(axis=1) <= 0
    basal = height < 0.5 * heart.length_mm
    part_right = basal & (sections.rv_ends_at_mm < 0.9 * outer)
    right_signal = tissue[2] * rng.uniform(0.8, 1.15)
    size = outer * rng.uniform(0.5, 0.95)
    atrium = _ellipse(
        height, at=(-outer * rng.uniform(0.6, 1.0) - 0.5 * size, outer * rng.uniform(0.2, 0.9)), drift=rng.normal(0, 0.3, 2),
        radii=(size, size * rng.uniform(0.7, 1.2)), signal=right_signal, rim=thin, turn=rng.uniform(0, 3), grain=0.06,
    )  # fmt: skip
    atrium[~(part_right | (no_right & basal)), 0] = _NOWHERE
    size = rng.uniform(10, 23)
    outflow = _ellipse(
        height, at=(-outer * rng.uniform(0.2, 0.8), -outer * rng.uniform(0.8, 1.0) - 0.6 * size), drift=rng.normal(0, 0.4, 2),
        radii=(size, size * rng.uniform(0.8, 1.3)), signal=right_signal * rng.uniform(0.8, 1.2), rim=thin, grain=0.06,
    )  # fmt: skip
    outflow[~(no_right & basal), 0] = _NOWHERE
    size = rng.uniform(0.6, 1.05) * outer
    left_atrium = _ellipse(
        height, at=(rng.uniform(0.0, 0.4) * radius, rng.uniform(0.0, 0.5) * radius), drift=-rng.uniform(0.0, 0.5, 2),
        radii=(size, size * rng.uniform(0.6, 1.0)), signal=rng.uniform(0.75, 1.15), rim=thin, turn=rng.uniform(0, 3),
        grain=0.06,
    )  # fmt: skip
    left_atrium[~sections.above_base, 0] = _NOWHERE
    size = rng.uniform(11, 18)
    root = _ellipse(
        height, at=(-rng.uniform(0.3, 0.9) * radius, -rng.uniform(0.1, 0.8) * radius), drift=rng.normal(0, 0.25, 2),
        radii=(size, size * rng.uniform(0.85, 1.1)), signal=rng.uniform(0.8, 1.25), rim=thin, grain=0.08,
    )  # fmt: skip
    root[~(height < rng.uniform(-4, 10)), 0] = _NOWHERE
    return [atrium, outflow, left_atrium, root]


def _ellipse(
    height: Float[np.ndarray, " slice"], *, at, drift, radii, signal, rim=(0.0, 0.0), turn=0.0, grain=0.1
) -> Float[np.ndarray, "slice 10"]:  # fmt: skip
    row = _empty(len(height))
    row[:, 0], row[:, 1] = at[0] + drift[0] * height, at[1] + drift[1] * height
    row[:, 2:] = [radii[0], radii[1], np.cos(turn), np.sin(turn), signal, grain, rim[0], rim[1]]
    return row


def _empty(num_slices: int) -> Float[np.ndarray, "slice 10"]:
    row = np.zeros((num_slices, _COLUMNS))
    row[:, 2:5] = 1.0
    return row
