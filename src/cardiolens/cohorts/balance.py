"""How evenly the splits of a cohort fell out: shown and checked, never enforced, since the hash alone may place a subject."""

from __future__ import annotations

import math

import pandas as pd

from cardiolens.cohorts.splits import SPLIT_SHARES, SPLITS
from cardiolens.cohorts.store import Cohort

ODD_BEYOND_SD = 4.0
"""A count further than this from what chance gives is worth a look: about one cohort in a thousand by accident."""


def split_balance(cohort: Cohort) -> pd.DataFrame:
    """One line per split: rows, subjects, rows with MRI, mean age and percent women where recorded, cases of each disease."""
    subjects = cohort.subjects
    by_split = subjects.groupby("split", sort=False)
    columns = {"rows": by_split.size(), "subjects": by_split["subject"].nunique(), "with_mri": by_split["has_cmr"].sum()}
    if "age_years" in subjects:
        columns["mean_age_years"] = by_split["age_years"].mean().round(1)
    if "sex" in subjects:
        women = (subjects["sex"] == "F").where(subjects["sex"].notna()).astype(float)
        columns["women_percent"] = (100 * women.groupby(subjects["split"]).mean()).round(1)
    columns |= {label: by_split[label].sum().astype(int) for label in cohort.diseases}
    table = pd.DataFrame(columns).reindex(SPLITS)
    counts = ["rows", "subjects", "with_mri", *cohort.diseases]
    return table.fillna(dict.fromkeys(counts, 0)).astype(dict.fromkeys(counts, int)).rename_axis("split")


def odd_splits(cohort: Cohort) -> tuple[str, ...]:
    """What chance alone would hardly give: a split's size, or its cases of a disease; one sentence each."""
    table, subjects = split_balance(cohort), cohort.subjects
    odd = []
    for split, share in SPLIT_SHARES.items():
        expected = {"subjects": (int(table["subjects"].sum()), share)}
        for label in cohort.diseases:
            known = subjects[label].notna()
            expected[label] = (int((known & (subjects["split"] == split)).sum()), float(subjects.loc[known, label].mean()))
        for name, (total, probability) in expected.items():
            found, mean = table.loc[split, name], total * probability
            if total and abs(found - mean) > ODD_BEYOND_SD * math.sqrt(total * probability * (1 - probability)):
                odd.append(f"{split} has {found} {name} where {mean:.0f} are expected")
    return tuple(odd)
