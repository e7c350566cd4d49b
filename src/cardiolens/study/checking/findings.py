"""Synthetic beside published: every comparison of the check, as a finding that holds or misses.

Pure functions of the two tables of `measures`: rendered subjects and latent draws.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from cardiolens.evaluation.labels import column_label
from cardiolens.study.checking.measures import chosen, undiagnosed_sinus
from cardiolens.study.checking.values import acdc_groups, ecg_value, latent_value
from cardiolens.synthetic import published
from cardiolens.synthetic.published import PublishedBand, PublishedMean
from cardiolens.synthetic.risk import PREVALENCE

CORRELATED = {
    "r_sokolow_mass": ("lvm_g", "sokolow_mv"),
    "r_cornell_mass": ("lvm_g", "cornell_mv"),
    "r_qrs_edv": ("lvedv_ml", "qrs_ms"),
    "r_bmi_sokolow": ("bmi", "sokolow_mv"),
}
"""Columns whose correlation a band is about, in sinus rhythm without diagnosis or bundle branch block."""


@dataclass(frozen=True)
class Finding:
    """One comparison. `distance` is measured in units of what is allowed: it holds up to 1."""

    section: str
    key: str
    """Unique, for lists of what is known to miss."""
    name: str
    among: str
    found: str
    expected: str
    allowed: str
    distance: float
    source: str
    num_subjects: int
    sd_distance: float = math.nan
    """Of a mean: how many published standard deviations it lies off, with its sign."""

    @property
    def holds(self) -> bool:
        """Whether the synthetic value lies within what was allowed; a value that could not be measured misses."""
        # A share of exactly one lies on its band's border.
        return bool(self.distance <= 1.0 + 1e-9)


def all_findings(rendered: pd.DataFrame, latent: pd.DataFrame) -> list[Finding]:
    """Every comparison, in the order of the page."""
    num_sinus = len(undiagnosed_sinus(rendered))
    return [
        *(_mean(row, rendered, "Bodies") for row in published.BODIES),
        *(_mean(row, rendered, "Hearts") for row in published.HEARTS),
        _band(published.MEAN_WALL, float(rendered["wt_global_mm"].mean()), "Hearts", len(rendered)),
        *(_mean(row, rendered, "ECG") for row in (*published.ECG_INTERVALS, *published.VOLTAGES)),
        *(_band(band, ecg_value(band.key, rendered), "ECG", num_sinus) for band in published.ECG_BANDS),
        *(_band(band, float(rendered[band.key].median()), "MRI", len(rendered)) for band in published.MRI_BANDS),
        *(_correlation(band, rendered) for band in published.CORRELATION_BANDS),
        *_spreads(latent),
        *(_band(band, latent_value(band.key, latent), "Risk and effects", len(latent)) for band in published.LATENT_BANDS),
        *_prevalences(latent),
        _af_share(rendered),
        *_acdc_signs(latent),
    ]


def _mean(row: PublishedMean, rendered: pd.DataFrame, section: str) -> Finding:
    values = rendered.loc[chosen(rendered, sex=row.sex, among=row.among), row.column].dropna()
    off = (values.mean() - row.mean) / row.sd
    return Finding(
        section=section, key=f"mean {row.column} {row.sex}", name=f"{row.name}, {row.unit}", among=str(row.sex),
        found=f"{values.mean():.3g} ± {values.std():.2g}", expected=f"{row.mean:g} ± {row.sd:g}",
        allowed=f"± {published.MEAN_TOLERANCE_SD:g} SD", distance=_or_infinity(abs(off) / published.MEAN_TOLERANCE_SD),
        source=row.source, num_subjects=len(values), sd_distance=off,
    )  # fmt: skip


def _spreads(latent: pd.DataFrame) -> Iterator[Finding]:
    for row in published.MEANS:
        if row.spread_margin is None or row.column not in latent:
            continue
        values = latent.loc[chosen(latent, sex=row.sex, among=row.among), row.column]
        allowed = row.spread_margin + published.STANDARD_ERRORS / math.sqrt(2 * len(values))
        yield Finding(
            section="Spreads", key=f"spread {row.column} {row.sex}", name=f"{row.name}, {row.unit}", among=str(row.sex),
            found=f"{values.std():.3g}", expected=f"{row.sd:g}", allowed=f"± {100 * allowed:.0f} %",
            distance=_or_infinity(abs(values.std() / row.sd - 1) / allowed), source=row.source, num_subjects=len(values),
        )  # fmt: skip


def _prevalences(latent: pd.DataFrame) -> Iterator[Finding]:
    for name, rate in PREVALENCE.items():
        expected, source = published.PREVALENCES.get(name, (rate, published.DEFAULT + ", see synthetic/risk.py"))
        found = latent[f"ill_{name}"].mean()
        error = math.sqrt(expected * (1 - expected) / len(latent))
        yield _share(f"prevalence {name}", column_label(name).name, found, expected, error, source, len(latent))


def _af_share(rendered: pd.DataFrame) -> Finding:
    ill = rendered[rendered["ill_af"] == 1]
    expected = published.AF_WHILE_RECORDED.low
    error = math.sqrt(expected * (1 - expected) / max(len(ill), 1))
    found = ill["in_af_while_recorded"].mean() if len(ill) else expected
    return _share(
        "prevalence af_recorded", published.AF_WHILE_RECORDED.name, found, expected, error, published.DEFAULT, len(ill)
    )


def _share(key: str, name: str, found: float, expected: float, error: float, source: str, num: int) -> Finding:
    return Finding(
        section="Risk and effects", key=key, name=name, among="both", found=f"{100 * found:.2f} %",
        expected=f"{100 * expected:.2f} %", allowed=f"± {100 * published.STANDARD_ERRORS * error:.2f} points",
        distance=_or_infinity(abs(found - expected) / (published.STANDARD_ERRORS * error)), source=source, num_subjects=num,
    )  # fmt: skip


def _correlation(band: PublishedBand, rendered: pd.DataFrame) -> Finding:
    x, y = CORRELATED[band.key]
    both = undiagnosed_sinus(rendered)[[x, y]].dropna()
    r = float(both.corr().iloc[0, 1])
    error = (1 - r**2) / math.sqrt(len(both) - 1)
    return _band(band, r, "Correlations", len(both), slack=error)


def _band(band: PublishedBand, value: float, section: str, num: int, *, slack: float = 0.0) -> Finding:
    centre, half = (band.low + band.high) / 2, (band.high - band.low) / 2 + slack
    unit = f" {band.unit}" if band.unit else ""
    return Finding(
        section=section, key=band.key, name=band.name, among="both", found=f"{value:.3g}{unit}",
        expected=f"{band.low:g} to {band.high:g}{unit}", allowed=f"within, ± {slack:.2f}" if slack else "within",
        distance=_or_infinity(abs(value - centre) / half), source=band.source, num_subjects=num,
    )  # fmt: skip


def _acdc_signs(latent: pd.DataFrame) -> Iterator[Finding]:
    groups = acdc_groups(latent)
    for group, column in published.ACDC_SIGNS:
        ill, well = groups[group][column], groups["NOR"][column]
        rises = published.ACDC_GROUPS[group][column][0] > published.ACDC_GROUPS["NOR"][column][0]
        apart = (1 if rises else -1) * (ill.mean() - well.mean()) / well.std()
        yield Finding(
            section="Disease", key=f"acdc {group} {column}", name=f"{group}, {column_label(column).short}", among="both",
            found=f"{ill.mean():.3g}", expected=f"{'above' if rises else 'below'} {well.mean():.3g}",
            allowed=f"at least {published.ACDC_LEAST_SD:g} SD",
            distance=_or_infinity(published.ACDC_LEAST_SD / max(apart, 1e-9)), source=published.ACDC, num_subjects=len(ill),
        )  # fmt: skip


def _or_infinity(distance: float) -> float:
    return distance if math.isfinite(distance) else math.inf
