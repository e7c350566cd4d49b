"""Every metric by sex, age, body mass, ethnicity, site and heart rate.

Cells of fewer than `FEWEST` people, cases or healthy ones are suppressed: their numbers would say little and might say who.
Where one cell of a grouping is, others go with it, since the total would give it away (`disclosure`). Nothing of them is shown:
a share with Wilson's limits, or a mean beside everybody's, would give the counts away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy.stats import norm

from cardiolens.evaluation.delong import Interval, seed_mean_auroc
from cardiolens.evaluation.dense import Answers
from cardiolens.evaluation.disclosure import FEWEST, hidden_levels
from cardiolens.evaluation.metrics import proportion
from cardiolens.evaluation.regression import mean_absolute_error, pearson_r, r_squared
from cardiolens.evaluation.risks import Risks

SUBGROUP_COLUMNS = ("grouping", "level", "column", "metric", "value", "low", "high", "n", "events", "suppressed")
EVERYBODY = "Everybody"

_BANDS = {
    "Age": (("age_years",), (55, 65, 75), "years"),
    "Body-mass index": (("bmi_kg_per_m2", "bmi"), (25, 30), "kg/m²"),
    "Heart rate": (("heart_rate_bpm",), (60, 80), "bpm"),
}
_NAMED = {"Sex": "sex", "Ethnicity": "ethnicity", "Site": "site"}
_WORDS = {"F": "Women", "M": "Men"}


def subgroup_levels(subjects: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The level of each of the named subjects in every grouping that the cohort's table knows, None where unknown.

    Of a subject with several visits the first row counts. A grouping with one level is left out, since there is no gap.
    """
    table = subjects.drop_duplicates("subject").set_index("subject").reindex(list(names))
    found: dict[str, pd.Series] = {}
    for grouping, column in _NAMED.items():
        if column in table:
            found[grouping] = table[column].astype("object").map(lambda value: _WORDS.get(value, value), na_action="ignore")
    for grouping, (columns, bounds, unit) in _BANDS.items():
        column = next((name for name in columns if name in table), None)
        if column is not None:
            found[grouping] = _banded(table[column].to_numpy(np.float64, na_value=np.nan), bounds, unit, table.index)
    order = [name for name in ("Sex", "Age", "Body-mass index", "Ethnicity", "Site", "Heart rate") if name in found]
    levels = pd.DataFrame({name: found[name] for name in order}, index=table.index)
    return levels[[name for name in levels if len(levels[name].dropna().unique()) > 1]]


def risk_subgroups(risks: Sequence[Risks], subjects: pd.DataFrame) -> pd.DataFrame:
    """AUROC, sensitivity, specificity, Brier score and observed over expected cases of risks of one method, by level.

    Columns are `SUBGROUP_COLUMNS`. Numbers are means over seeds with the interval of other subjects; everybody comes first.
    """
    rows: list[dict[str, object]] = []
    for one in risks:
        for grouping, level, inside in _cells(subgroup_levels(subjects, one.subjects)):
            rows += _risk_rows(one, grouping, level, inside)
    return _without_few(rows, subjects)


def value_subgroups(
    answers: Answers,
    columns: Sequence[str],
    subjects: pd.DataFrame,
    covered: dict[str, Float[np.ndarray, "subject column"]] | None = None,
) -> pd.DataFrame:
    """r, R2 and mean absolute error of values that one method predicts, by level; NaN events.

    `covered` holds by metric (`coverage_80`, `coverage_95`) whether the interval of each subject and column holds the truth,
    as a share of seeds, NaN where unknown; its columns are `columns`.
    """
    places = [answers.columns.index(column) for column in columns]
    rows: list[dict[str, object]] = []
    for grouping, level, inside in _cells(subgroup_levels(subjects, answers.subjects)):
        target, score = answers.target[inside][:, places], answers.score[:, inside][:, :, places]
        answered = [one for one in score if not np.isnan(one).all()]
        of_seeds = {
            metric: [measure(np.nan_to_num(one), np.where(np.isnan(one), np.nan, target)) for one in answered]
            for metric, measure in (("r", pearson_r), ("r2", r_squared), ("mae", mean_absolute_error))
        }
        for k, column in enumerate(columns):
            n = int((~np.isnan(target[:, k])).sum())
            for metric, found in of_seeds.items():
                value, low, high = (
                    float(np.mean([getattr(one, part)[k] for one in found])) for part in ("value", "low", "high")
                )
                rows.append(_row(grouping, level, column, metric, Interval(value, low, high), n, None))
            for metric, share in (covered or {}).items():
                here = share[inside, k]
                here = here[~np.isnan(here)]
                rows.append(_row(grouping, level, column, metric, proportion(float(here.sum()), len(here)), len(here), None))
    return _without_few(rows, subjects)


def _cells(levels: pd.DataFrame) -> Iterator[tuple[str, str, Bool[np.ndarray, " subject"]]]:
    yield EVERYBODY, EVERYBODY, np.ones(len(levels), bool)
    for grouping in levels:
        column = levels[grouping]
        known = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else sorted(column.dropna().unique())
        for level in known:
            inside = (column == level).fillna(False).to_numpy(bool)
            if inside.any():
                yield str(grouping), str(level), inside


def _risk_rows(risks: Risks, grouping: str, level: str, inside: Bool[np.ndarray, " subject"]) -> list[dict[str, object]]:
    p, y = risks.probability[:, inside], risks.positive[inside]
    n, events = len(y), int(y.sum())
    found = np.where(np.isnan(risks.threshold)[:, None], np.nan, p >= risks.threshold[:, None])
    squared = ((p - y) ** 2).mean(axis=0)
    spread = float(squared.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan
    brier = float(squared.mean()) if n else np.nan
    intervals = {
        "auroc": seed_mean_auroc(p, y),
        "sensitivity": proportion(float(found[:, y].mean(axis=0).sum()), events),
        "specificity": proportion(float((1 - found)[:, ~y].mean(axis=0).sum()), n - events),
        "brier": Interval(brier, brier - norm.ppf(0.975) * spread, brier + norm.ppf(0.975) * spread),
        "observed_to_expected": _ratio(events, n, float(p.mean(axis=0).sum())),
    }
    return [_row(grouping, level, risks.column, metric, one, n, events) for metric, one in intervals.items()]


def _row(
    grouping: str, level: str, column: str, metric: str, interval: Interval, n: int, events: int | None
) -> dict[str, object]:
    found = {"value": interval.value, "low": interval.low, "high": interval.high, "n": n}
    names = {"grouping": grouping, "level": level, "column": column, "metric": metric}
    return names | found | {"events": pd.NA if events is None else events, "suppressed": False}


def _without_few(rows: list[dict[str, object]], subjects: pd.DataFrame) -> pd.DataFrame:
    """The rows as a table in which no cell of a few is shown or follows from the others.

    A level that is hidden for its people is hidden in every column and metric, and in the same order everywhere: people are
    much the same whatever was asked about them, and what one column hides another would tell.
    """
    table = pd.DataFrame(rows, columns=list(SUBGROUP_COLUMNS)).astype({"n": "Int64", "events": "Int64"})
    sizes = subgroup_levels(subjects, list(subjects["subject"].unique()))
    few = (table["n"] < FEWEST) | ((table["events"] < FEWEST) | (table["n"] - table["events"] < FEWEST)).fillna(False)
    table["suppressed"] = few.to_numpy(bool)
    for grouping, part in table[table["grouping"] != EVERYBODY].groupby("grouping", sort=False):
        levels = sizes[grouping].value_counts(ascending=True, sort=True).index.astype(str)
        people = _by_level(part, part["n"], levels)
        hidden = hidden_levels(people, _by_level(part, part["n"] < FEWEST, levels).any(axis=1))
        for _, of_column in part.groupby("column", sort=False):
            if of_column["events"].notna().all():
                cases = of_column["events"]
                counts = np.hstack([_by_level(of_column, one, levels) for one in (cases, of_column["n"] - cases)])
                of_few = _by_level(of_column, of_column["suppressed"], levels).any(axis=1)
                here = hidden_levels(counts, hidden | of_few)
            else:
                here = hidden
            table.loc[of_column.index[of_column["level"].isin(levels[here])], "suppressed"] = True
    table.loc[table["suppressed"], ["value", "low", "high"]] = np.nan
    table.loc[table["suppressed"], ["n", "events"]] = pd.NA
    return table


def _by_level(part: pd.DataFrame, counts: pd.Series, levels: pd.Index) -> Int[np.ndarray, "level total"]:
    """A row per level, a column per column and metric; nobody where a level has no row."""
    total, totals = pd.factorize(part["column"] + "/" + part["metric"])
    found = np.zeros((len(levels), len(totals)), np.int64)
    found[levels.get_indexer(part["level"]), total] = counts.to_numpy()
    return found


def _ratio(observed: int, n: int, expected: float) -> Interval:
    """Observed over expected cases, with the interval of the logarithm of a binomial count."""
    if observed == 0 or expected <= 0:
        return Interval(np.nan, np.nan, np.nan)
    reach = norm.ppf(0.975) * np.sqrt((1 - observed / n) / observed)
    value = observed / expected
    return Interval(value, float(value * np.exp(-reach)), float(value * np.exp(reach)))


def _banded(value: Float[np.ndarray, " subject"], bounds: Sequence[int], unit: str, index: pd.Index) -> pd.Series:
    names = [
        f"under {bounds[0]} {unit}",
        *(f"{low} to under {high} {unit}" for low, high in pairwise(bounds)),
        f"{bounds[-1]} {unit} and over",
    ]
    codes = np.where(np.isnan(value), -1, np.searchsorted(bounds, value, side="right"))
    return pd.Series(pd.Categorical.from_codes(codes, names, ordered=True), index=index)
