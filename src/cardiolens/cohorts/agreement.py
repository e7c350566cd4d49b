"""How far phenotypes that are measured here lie from UK Biobank's own of the same visits."""

from __future__ import annotations

import pandas as pd

from cardiolens.imaging.phenotype_table import PHENOTYPES

COMPARED = ("lvedv_ml", "lvesv_ml", "lvef_percent", "lvm_g")
_FEWEST = 10
"""Of fewer visits limits say nothing."""
_NORMAL_95 = 1.96

Agreement = dict[str, dict[str, float]]
"""By column: number of visits, median difference (own minus UK Biobank's), and the limits of agreement at 95 %."""


def agreement(differences: pd.DataFrame) -> Agreement:
    """Of differences by column, a row per visit, NaN where one of both values is missing; columns of too few are left out.

    Source: Bland & Altman 1986 (mean -+ 1.96 standard deviations); the median, since a failed segmentation moves the mean.
    """
    found = {}
    for column in differences:
        known = differences[column].dropna()
        if len(known) >= _FEWEST:
            reach = _NORMAL_95 * float(known.std())
            middle = float(known.mean())
            found[column] = {
                "visits": float(len(known)), "median": float(known.median()), "low": middle - reach, "high": middle + reach,
            }  # fmt: skip
    return found


def in_words(found: Agreement) -> list[str]:
    """A line per column."""
    named = {phenotype.column: phenotype for phenotype in PHENOTYPES}
    return [
        f"{named[column].name}: measured here minus UK Biobank's, median {one['median']:+.1f} {named[column].unit}, "
        f"95 % limits of agreement {one['low']:+.1f} to {one['high']:+.1f}, {one['visits']:,.0f} visits"
        for column, one in found.items()
    ]
