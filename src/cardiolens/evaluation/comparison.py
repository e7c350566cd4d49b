"""The main comparison: methods against diseases and phenotype groups, beside the cohort's oracle and the published values."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from cardiolens.errors import BadCohort
from cardiolens.evaluation.differences import holm
from cardiolens.evaluation.disclosure import cases_of, people_in_words
from cardiolens.evaluation.labels import METRIC_LABELS, column_label, interval_in_words
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.published import MAIN_PUBLISHED, PublishedRow
from cardiolens.evaluation.rendering import Block, Cell, Mark, Table, as_p
from cardiolens.evaluation.seeds import over_seeds
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS, PHENOTYPE_GROUPS

MEASURED, DIFFERENCE, ORACLE, PUBLISHED = "measured", "difference", "oracle", "published"
ORACLE_METHOD = "Truth (oracle)"

_HEADINGS = {
    MEASURED: "This cohort",
    DIFFERENCE: "Difference to {reference}",
    ORACLE: "Truth of this synthetic cohort, which chance may exceed",
    PUBLISHED: "Published, UK Biobank (Turgut et al.)",
}
_FIRST_COLUMNS = ("cad", "af", "dm")
_METRICS = ("auroc", "mean_r2", "mean_r", "r2", "r")
_OF_GROUPS, _OF_VALUES = ("mean_r", "mean_r2"), ("r", "r2")
_DECIMALS = 3
_RISK, _EXACT = "true_risk_", "exact_"


def oracle_predictions(subjects: pd.DataFrame) -> pd.DataFrame:
    """Predictions of what a synthetic cohort knows to be true: no model can be expected to do better.

    The true risk of a disease; the strains as the wall moves, without the errors of tracking; every other phenotype as it
    is, since it is read off the heart without an error. `subjects` is a cohort's table with `subject`, `split`, and
    `true_risk_<column>` and `exact_<column>` beside `<column>`.

    Raises:
        BadCohort: no column holds a true risk, as in every real cohort.
    """
    truth = {
        name.removeprefix(prefix): name
        for prefix in (_RISK, _EXACT)
        for name in subjects.columns
        if name.startswith(prefix) and name.removeprefix(prefix) in subjects.columns
    }
    if not any(name.startswith(_RISK) for name in truth.values()):
        raise BadCohort("subjects", found="no true risks", expected="a synthetic cohort", remedy="leave the oracle out")
    if any(name.startswith(_EXACT) for name in truth.values()):
        truth |= {column: column for column in PHENOTYPE_COLUMNS if column in subjects.columns and column not in truth}
    tables = []
    for column, name in truth.items():
        task = "phenotypes" if column in PHENOTYPE_COLUMNS else column
        names = {"run": "oracle", "method": ORACLE_METHOD, "seed": 0, "task": task, "column": column}
        numbers = {
            "split": subjects["split"],
            "subject": subjects["subject"],
            "target": subjects[column].to_numpy(dtype=np.float64, na_value=np.nan),
            "score": subjects[name].to_numpy(dtype=np.float64),
        }
        tables.append(pd.DataFrame(names | numbers))
    return pd.concat(tables, ignore_index=True)


def compare(
    metrics: pd.DataFrame,
    *,
    split: str = "test",
    oracle: pd.DataFrame | None = None,
    published: Sequence[PublishedRow] = MAIN_PUBLISHED,
    shown: Collection[str] = ("auroc", "mean_r", "r"),
) -> pd.DataFrame:
    """Long form of the main table: origin, method, column, metric, mean, sd, low, high, seeds, n, events, rank.

    Columns are every disease's AUROC, the phenotype groups' mean r, and the r of columns in no such group; `shown` may name
    `mean_r2` and `r2` too. `oracle` holds Predictions (`oracle_predictions`). Ranks 1 and 2 are given among two measured
    methods or more, by the value as it is shown, so equal ones share a rank.

    Raises:
        BadRun: the split holds no metrics.
    """
    parts = [_chosen(over_seeds(metrics, split=split), shown).assign(origin=MEASURED)]
    if oracle is not None:
        parts.append(_chosen(over_seeds(evaluate(oracle), split=split), shown).assign(origin=ORACLE))
    parts.append(_published(published))
    long = pd.concat([part for part in parts if not part.empty], ignore_index=True)
    pairs = set(zip(parts[0]["column"], parts[0]["metric"], strict=True))
    long = long[[pair in pairs for pair in zip(long["column"], long["metric"], strict=True)]].reset_index(drop=True)
    long["rank"] = _ranks(long)
    columns = ["origin", "method", "column", "metric", "mean", "sd", "low", "high", "seeds", "n", "events", "rank"]
    return long[columns].astype({"seeds": "Int64", "n": "Int64", "events": "Int64"})


def with_differences(
    comparison: pd.DataFrame, differences: pd.DataFrame, *, reference: str, pairs: Collection[tuple[str, str]] = ()
) -> pd.DataFrame:
    """What `compare` found, and under the origin `difference` how each method differs from `reference` (`differences`).

    `pairs` are further differences, each of a method and what it is compared with. Adds the columns reference, p and p_holm,
    which is adjusted over the differences that are shown here. The comparison comes back as it is where it holds none.
    """
    measured = comparison[comparison["origin"] == MEASURED]
    answered = set(zip(measured["method"], measured["column"], measured["metric"], strict=True))
    compared = zip(differences["method"], differences["reference"], strict=True)
    found = differences[[pair[1] == reference or pair in pairs for pair in compared]]
    keys = zip(found["method"], found["reference"], found["column"], found["metric"], strict=True)
    found = found[[(one, *key) in answered and (other, *key) in answered for one, other, *key in keys]]
    if found.empty:
        return comparison
    order = [reference, *measured["method"].unique()]
    for name in ("method", "reference"):
        found = found.sort_values(name, key=lambda names: names.map(order.index), kind="stable")
    rows = found.rename(columns={"difference": "mean"}).assign(origin=DIFFERENCE, p_holm=holm(found["p"].to_numpy()))
    both = pd.concat([comparison, rows.astype({"seeds": "Int64", "n": "Int64", "events": "Int64"})], ignore_index=True)
    return both[[*comparison.columns, "reference", "p", "p_holm"]]


def comparison_table(comparison: pd.DataFrame) -> Table:
    """What `compare` found, as a table: mean ± sd over seeds, or for one seed the value with its interval.

    Differences (`with_differences`) stand below with their interval and the adjusted p.
    """
    pairs = _ordered_pairs(comparison)
    blocks = []
    for origin, heading in _HEADINGS.items():
        of_origin = comparison[comparison["origin"] == origin]
        references = of_origin["reference"].unique() if origin == DIFFERENCE and len(of_origin) else ("",)
        for reference in references:
            part = of_origin[of_origin["reference"] == reference] if reference else of_origin
            part = part.set_index(["method", "column", "metric"])
            methods = part.index.get_level_values("method").unique()
            if rows := tuple((Cell(method), *(_cell(part, (method, *pair)) for pair in pairs)) for method in methods):
                blocks.append(Block(heading.format(reference=reference), rows))
    truth = (
        " The truth is the risk from which a synthetic subject's disease was drawn, or the measure without error: over many "
        "subjects nothing ranks better. In these, who fell ill is chance too, so a method may lie above it, most of all with "
        "few cases; that is no proof of a better method."
    )
    different = " A difference has its paired 95 % interval, and its p is adjusted by Holm over the differences shown."
    return Table(
        name="comparison",
        title="Diseases by area under the ROC curve, phenotypes by mean Pearson r",
        header=(Cell("Method"), *(_head(comparison, *pair) for pair in pairs)),
        blocks=tuple(blocks),
        numbers=comparison,
        note="Value with its 95 % interval for one seed; mean ± standard deviation over several. Bold is the best measured "
        "method, underlined the second. Under a disease stand its cases. Published values come from another cohort and are "
        "no target for this one."
        + (truth if (comparison["origin"] == ORACLE).any() else "")
        + (different if (comparison["origin"] == DIFFERENCE).any() else ""),
    )


def _chosen(summary: pd.DataFrame, shown: Collection[str]) -> pd.DataFrame:
    group = summary["metric"].isin(_OF_GROUPS) & summary["column"].isin(PHENOTYPE_GROUPS)
    # A phenotype speaks for itself only where nobody predicts its whole group.
    in_group = summary["column"].map(lambda column: column_label(column).group).isin(summary.loc[group, "column"])
    other_value = summary["metric"].isin(_OF_VALUES) & ~in_group
    chosen = (summary["metric"] == "auroc") | group | other_value
    return summary[chosen & summary["metric"].isin(shown)].drop(columns="task")


def _published(rows: Sequence[PublishedRow]) -> pd.DataFrame:
    cells = [
        {"method": row.method, "column": column, "metric": "auroc", "mean": mean, "sd": sd, "seeds": 5}
        for row in rows
        for column, (mean, sd) in row.auroc.items()
    ] + [
        {"method": row.method, "column": column, "metric": "mean_r", "mean": mean, "seeds": 5}
        for row in rows
        for column, mean in row.mean_r.items()
    ]
    names = ["method", "column", "metric", "mean", "sd", "low", "high", "seeds", "n", "events"]
    order = {row.method: k for k, row in enumerate(rows)}
    table = pd.DataFrame(cells, columns=names).astype(dict.fromkeys(("mean", "sd", "low", "high"), "float64"))
    table = table.astype(dict.fromkeys(("seeds", "n", "events"), "Int64")).assign(origin=PUBLISHED)
    return table.sort_values("method", key=lambda column: column.map(order), kind="stable")


def _ranks(long: pd.DataFrame) -> pd.Series:
    measured = long[long["origin"] == MEASURED]
    by_column = measured["mean"].round(_DECIMALS).groupby([measured["column"], measured["metric"]])
    rank = by_column.rank(method="dense", ascending=False).where(by_column.transform("count") > 1)
    return rank.where(rank <= 2).reindex(long.index)


def _ordered_pairs(comparison: pd.DataFrame) -> list[tuple[str, str]]:
    first = [*_FIRST_COLUMNS, *PHENOTYPE_GROUPS]
    pairs = dict.fromkeys(zip(comparison["column"], comparison["metric"], strict=True))
    return sorted(pairs, key=lambda p: (_METRICS.index(p[1]), first.index(p[0]) if p[0] in first else len(first)))


def _head(comparison: pd.DataFrame, column: str, metric: str) -> Cell:
    here = comparison[comparison["origin"].isin((MEASURED, DIFFERENCE)) & (comparison["column"] == column)]
    measured = here[here["metric"] == metric]
    n, events = measured["n"].min(), measured["events"].min()
    of_which = f", {METRIC_LABELS[metric]}" if (here["metric"] != metric).any() else ""
    counted = f"n {people_in_words(n)}" if pd.isna(events) else cases_of(events, n)
    return Cell(f"{column_label(column).short}{of_which}", f"({counted})")


def _cell(part: pd.DataFrame, key: tuple[str, str, str]) -> Cell:
    if key not in part.index or pd.isna(part.loc[key, "mean"]):
        return Cell("–")
    row = part.loc[key]
    if row["origin"] == DIFFERENCE:
        return _difference_cell(row)
    decimals = 2 if row["origin"] == PUBLISHED and key[2] == "mean_r" else _DECIMALS
    text = f"{row['mean']:.{decimals}f}"
    if pd.notna(row["sd"]):
        text += f" ± {row['sd']:.3f}"
    detail = interval_in_words(row, 2) if row["seeds"] == 1 else ""
    mark = {1.0: Mark.BEST, 2.0: Mark.SECOND}.get(row["rank"], Mark.NONE)
    return Cell(text.replace("-", "−"), detail, mark)


def _difference_cell(row: pd.Series) -> Cell:
    text, low, high = (f"{row[name]:+.{_DECIMALS}f}".replace("-", "−") for name in ("mean", "low", "high"))
    if pd.isna(row["low"]):
        return Cell(text, interval_in_words(row, _DECIMALS))
    return Cell(text, f"({low} to {high}; p {as_p(row['p_holm'])})")
