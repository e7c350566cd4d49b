"""Whether prediction intervals hold the truth as often as they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from cardiolens.evaluation.canvas import BLUE, LINES, MARKERS, PALE, VERMILION, drawing
from cardiolens.evaluation.conformal import conformal_band
from cardiolens.evaluation.dense import Answers
from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.metrics import proportion
from cardiolens.uncertainty import LEVELS

COVERAGE_COLUMNS = ("column", "level", "coverage", "low", "high", "width", "half_width_in_sd", "n", "calibrated_on")


@dataclass(frozen=True)
class Covered:
    """For each column, subject and level the share of seeds whose interval holds the truth; NaN where it is unknown."""

    columns: tuple[str, ...]
    share: dict[float, Float[np.ndarray, "subject column"]]
    width: dict[float, Float[np.ndarray, " column"]]
    """Mean width over subjects and seeds, in the column's unit."""
    spread: Float[np.ndarray, " column"]
    """Standard deviation of the measured values of the subjects that were asked about."""
    calibrated_on: tuple[int, ...]
    """Subjects, by column."""

    def metrics(self) -> dict[str, Float[np.ndarray, "subject column"]]:
        """The shares under the names of metrics."""
        return {f"coverage_{round(100 * level)}": share for level, share in self.share.items()}


def covered_by_bands(asked: Answers, select: Answers, calibrate: Answers, columns: Sequence[str]) -> Covered:
    """Intervals of every seed from its own answers on the halves of validation, held against `asked`."""
    share = {level: np.full((len(asked.subjects), len(columns)), np.nan) for level in LEVELS}
    width = {level: np.full(len(columns), np.nan) for level in LEVELS}
    spread, calibrated_on = np.full(len(columns), np.nan), []
    for place, column in enumerate(columns):
        scores, target = asked.of(column)
        (select_scores, select_target), (held_scores, held_target) = select.of(column), calibrate.of(column)
        known = ~np.isnan(target) & ~np.isnan(scores).any(axis=0)
        bands = [
            conformal_band(chosen, select_target, held, held_target)
            for chosen, held in zip(select_scores, held_scores, strict=True)
        ]
        calibrated_on.append(min(band.subjects for band in bands))
        spread[place] = target[known].std(ddof=1) if known.sum() > 1 else np.nan
        for level in LEVELS:
            limits = [band.interval(score[known], level) for band, score in zip(bands, scores, strict=True)]
            inside = [(low <= target[known]) & (target[known] <= high) for low, high in limits]
            share[level][known, place] = np.mean(inside, axis=0)
            width[level][place] = np.mean([high - low for low, high in limits]) if known.any() else np.nan
    return Covered(tuple(columns), share, width, spread, tuple(calibrated_on))


def coverage_numbers(covered: Covered) -> pd.DataFrame:
    """One row per column and level with `COVERAGE_COLUMNS`: subjects covered, mean over seeds, Wilson's interval."""
    rows = []
    for level, share in covered.share.items():
        for place, column in enumerate(covered.columns):
            known = share[~np.isnan(share[:, place]), place]
            found = proportion(float(known.sum()), len(known))
            width, n = float(covered.width[level][place]), len(known)
            numbers = {"coverage": found.value, "low": found.low, "high": found.high, "width": width}
            relative = {"half_width_in_sd": width / 2 / float(covered.spread[place]), "n": n}
            rows.append(
                {"column": column, "level": level} | numbers | relative | {"calibrated_on": covered.calibrated_on[place]}
            )
    return pd.DataFrame(rows, columns=list(COVERAGE_COLUMNS))


def coverage_figure(numbers: pd.DataFrame) -> bytes:
    """PNG: the coverage of every column's intervals with its own interval, beside the levels that were promised."""
    columns = list(dict.fromkeys(numbers["column"]))
    with drawing(max(5.0, 0.135 * len(columns) + 1.2), 3.1) as canvas:
        axes = canvas.figure.subplots()
        for k, (level, part) in enumerate(numbers.groupby("level")):
            colour = (VERMILION, BLUE)[k]
            axes.axhline(100 * level, color=colour, linewidth=1.0, linestyle=LINES[1])
            values = 100 * part.set_index("column").loc[columns, ["coverage", "low", "high"]].to_numpy()
            reach = np.abs(values[:, 1:].T - values[:, 0])
            axes.errorbar(
                np.arange(len(columns)), values[:, 0], yerr=reach, fmt=MARKERS[k], color=colour, markersize=3.2,
                elinewidth=0.9, label=f"{100 * level:.0f} % intervals",
            )  # fmt: skip
        axes.set_xticks(range(len(columns)), [column_label(column).short for column in columns], rotation=90, fontsize=6.5)
        axes.set_xlim(-0.8, len(columns) - 0.2)
        axes.set_ylabel("subjects covered, %")
        axes.grid(axis="y", color=PALE, linewidth=0.6)
        canvas.figure.legend(loc="outside upper center", ncols=2, title="dashed: what was promised", title_fontsize=8.5)
    return canvas.png
