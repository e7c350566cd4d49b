"""Figures of the check: distances from published means, wave heights, correlations, effects, disease, one heart's MRI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from cardiolens.evaluation.canvas import BLUE, GREEN, GREY, INK, ORANGE, PALE, VERMILION, drawing
from cardiolens.study.checking.findings import CORRELATED, Finding
from cardiolens.study.checking.measures import undiagnosed_sinus
from cardiolens.study.checking.values import acdc_groups, amplitude
from cardiolens.synthetic import published
from cardiolens.synthetic.published import Sex
from cardiolens.types import LEADS, CineStack

_CROP_MM = 150.0
_SLICE_SHARES = (0.15, 0.5, 0.85)
"""Where the three slices lie between the first and the last that shows the left cavity."""
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_AXIS_LABELS = {
    "lvm_g": "LV mass, g", "lvedv_ml": "LVEDV, mL", "bmi": "body mass index, kg/m²", "sokolow_mv": "Sokolow-Lyon voltage, mV",
    "cornell_mv": "Cornell voltage, mV", "qrs_ms": "QRS, ms", "age_years": "age, years", "axis_degrees": "frontal axis, °",
    "lvef_percent": "LVEF, %", "qtc_ms": "QTc, ms",
}  # fmt: skip
_SEXES = ((0.0, "women", VERMILION), (1.0, "men", BLUE))


def distances(findings: Sequence[Finding]) -> bytes:
    """PNG: every mean's distance from the published one in standard deviations, over the band that is allowed."""
    means = [f for f in findings if np.isfinite(f.sd_distance)]
    limit = published.MEAN_TOLERANCE_SD
    reach = max(2 * limit, min(1.0, 1.1 * max(abs(f.sd_distance) for f in means)))
    with drawing(8.6, 0.21 * len(means) + 1.0) as canvas:
        axes = canvas.figure.subplots()
        axes.axvspan(-limit, limit, color="#e8f1f8", zorder=0)
        axes.axvline(0, color=GREY, linewidth=0.8)
        for row, finding in enumerate(means):
            place = float(np.clip(finding.sd_distance, -reach, reach))
            marker = "o" if abs(finding.sd_distance) <= reach else (">" if place > 0 else "<")
            axes.plot(place, row, marker, color=BLUE if finding.holds else VERMILION, markersize=5.5)
        names = [f.name + ("" if f.among == Sex.BOTH else f", {f.among}") for f in means]
        axes.set_yticks(range(len(means)), names)
        axes.set(ylim=(len(means) - 0.5, -0.5), xlim=(-1.05 * reach, 1.05 * reach))
        axes.set_xlabel("synthetic mean minus published mean, in published standard deviations")
        axes.grid(axis="y", color=PALE, linewidth=0.5)
    return canvas.png


def amplitudes(rendered: pd.DataFrame) -> bytes:
    """PNG: R, S and T per lead as quantiles of the synthetic subjects beside normal and all recordings of PTB-XL."""
    sinus = undiagnosed_sinus(rendered)
    with drawing(9.6, 7.8) as canvas:
        panels = canvas.figure.subplots(3, 1, sharex=True)
        for k, (axes, wave) in enumerate(zip(panels, published.WAVES, strict=True)):
            for place, lead in enumerate(LEADS):
                low, first, middle, third, high = np.quantile(amplitude(sinus, wave, lead), _QUANTILES)
                axes.vlines(place - 0.18, low, high, color=BLUE, linewidth=1.2)
                axes.vlines(place - 0.18, first, third, color=BLUE, linewidth=6, alpha=0.55)
                axes.plot(place - 0.18, middle, "_", color=INK, markersize=9, markeredgewidth=1.8)
                median, sd = published.ALL_AMPLITUDES_MV[lead][k]
                half = published.MIDDLE_HALF_SD * published.ALL_TO_NORMAL * sd
                normal = published.NORMAL_AMPLITUDES_MV[lead][k]
                if normal is not None:
                    axes.vlines(place + 0.08, normal - half, normal + half, color=VERMILION, linewidth=6, alpha=0.4)
                    axes.plot(place + 0.08, normal, "D", color=VERMILION, markersize=5)
                axes.plot(place + 0.30, published.ALL_TO_NORMAL * median, "x", color=GREY, markersize=5)
            axes.axhline(0, color=GREY, linewidth=0.6)
            axes.set_ylabel(f"{wave}, mV")
            axes.grid(axis="y", color=PALE, linewidth=0.5)
        panels[-1].set_xticks(range(len(LEADS)), LEADS)
        handles = [
            _line(BLUE, label="synthetic, undiagnosed, in sinus rhythm: median, 25-75 %, 5-95 %"),
            _line(VERMILION, marker="D", label="PTB-XL, normal: median with the middle half"),
            _line(GREY, marker="x", linestyle="none", label="PTB-XL, all diagnoses: median at one free scale"),
        ]
        canvas.figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=8)
    return canvas.png


def correlations(rendered: pd.DataFrame) -> bytes:
    """PNG: the four pairs of ECG and heart whose correlation has a band, men and women apart."""
    sinus = undiagnosed_sinus(rendered)
    bands = {band.key: band for band in published.CORRELATION_BANDS}
    return _scatters(
        sinus, [(x, y, f"allowed {bands[key].low:g} to {bands[key].high:g}") for key, (x, y) in CORRELATED.items()]
    )


def effects(rendered: pd.DataFrame) -> bytes:
    """PNG: what age and sex do to voltage, axis, QTc and volume."""
    sinus = undiagnosed_sinus(rendered)
    return _scatters(sinus, [("age_years", y, "") for y in ("sokolow_mv", "axis_degrees", "qtc_ms", "lvedv_ml")])


def disease_groups(latent: pd.DataFrame) -> bytes:
    """PNG: volume against ejection fraction and against mass of synthetic hearts by disease, with ACDC's groups as crosses."""
    colours = {"NOR": GREY, "DCM": BLUE, "HCM": GREEN, "MINF": ORANGE}
    groups = acdc_groups(latent)
    with drawing(9.4, 4.3) as canvas:
        panels = canvas.figure.subplots(1, 2)
        for axes, (x, y) in zip(panels, (("lvedv_ml", "lvef_percent"), ("lvm_g", "lvef_percent")), strict=True):
            for name, colour in colours.items():
                shown = groups[name].iloc[:250]
                axes.plot(shown[x], shown[y], "o", color=colour, markersize=3, alpha=0.45, linestyle="none", label=name)
                known = published.ACDC_GROUPS[name]
                if x in known:
                    (mx, sx), (my, sy) = known[x], known[y]
                    axes.errorbar(mx, my, xerr=sx, yerr=sy, color=colour, linewidth=2, marker="D", markersize=6, mec=INK)
                else:
                    axes.axhline(known[y][0], color=colour, linestyle=":", linewidth=1.5)
            axes.set(xlabel=_AXIS_LABELS[x], ylabel=_AXIS_LABELS[y], ylim=(5, 90))
            axes.grid(color=PALE, linewidth=0.5)
        panels[0].legend(markerscale=2)
    return canvas.png


def heart(volumes: CineStack) -> bytes:
    """PNG: a basal, a middle and an apical slice at end-diastole (above) and end-systole, cropped round the heart."""
    assert volumes.masks is not None, "synthetic volumes have their masks"
    with_cavity = np.flatnonzero((volumes.masks[0] == 1).any(axis=(1, 2)))
    slices = [int(with_cavity[round(share * (len(with_cavity) - 1))]) for share in _SLICE_SHARES]
    rows, columns = np.nonzero(volumes.masks[0, slices[1]] > 0)
    half = round(_CROP_MM / 2 / volumes.spacing_mm[1])
    height, width = volumes.frames.shape[2:]
    top = int(np.clip(rows.mean() - half, 0, max(height - 2 * half, 0)))
    left = int(np.clip(columns.mean() - half, 0, max(width - 2 * half, 0)))
    white = float(np.quantile(volumes.frames[:, slices], 0.995))
    with drawing(5.4, 3.6, layout="none", dpi=110) as canvas:
        for place, (phase, name) in enumerate(((0, "end-diastole"), (-1, "end-systole"))):
            for k, (number, level) in enumerate(zip(slices, ("basal", "middle", "apical"), strict=True)):
                axes = canvas.figure.add_axes((k / 3, 0.5 - 0.5 * place, 0.331, 0.496))
                picture = volumes.frames[phase, number, top : top + 2 * half, left : left + 2 * half]
                axes.imshow(picture, cmap="gray", vmin=0, vmax=white, interpolation="bicubic")
                axes.set_axis_off()
                title = f"{name}, {level}" if k == 0 else level
                label = axes.text(0.03, 0.96, title, transform=axes.transAxes, color="white", fontsize=8, va="top")
                label.set_bbox({"facecolor": "black", "edgecolor": "none", "pad": 1.0, "alpha": 0.6})
        pixels = 20 / volumes.spacing_mm[2]
        axes.plot([3, 3 + pixels], [picture.shape[0] - 4] * 2, color="white", linewidth=2)
        axes.text(3, picture.shape[0] - 7, "2 cm", color="white", fontsize=7)
        canvas.figure.patch.set_facecolor("black")
    return canvas.png


def _scatters(table: pd.DataFrame, pairs: Sequence[tuple[str, str, str]]) -> bytes:
    with drawing(9.6, 7.0) as canvas:
        for axes, (x, y, note) in zip(canvas.figure.subplots(2, 2).flat, pairs, strict=True):
            both = table[[x, y, "male"]].dropna()
            parts = []
            for male, name, colour in _SEXES:
                part = both[both["male"] == male]
                axes.plot(part[x], part[y], "o", color=colour, markersize=3.2, alpha=0.5, linestyle="none", label=name)
                slope, intercept = np.polyfit(part[x], part[y], 1)
                ends = np.quantile(part[x], [0.01, 0.99])
                axes.plot(ends, intercept + slope * ends, color=colour, linewidth=1.6)
                parts.append(f"{name} {part[[x, y]].corr().iloc[0, 1]:.2f}")
            title = f"r {both[[x, y]].corr().iloc[0, 1]:.2f}" + (f" ({note})" if note else "") + f"; {', '.join(parts)}"
            axes.set_title(title, fontsize=9)
            axes.set(xlabel=_AXIS_LABELS[x], ylabel=_AXIS_LABELS[y])
            low, high = np.quantile(both[y], [0.002, 0.998])
            axes.set_ylim(low - 0.12 * (high - low), high + 0.12 * (high - low))
            axes.grid(color=PALE, linewidth=0.5)
        canvas.figure.axes[0].legend()
    return canvas.png


def _line(colour: str, **how: Any) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, linewidth=2, **how)
