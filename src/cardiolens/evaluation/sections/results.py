"""What was found: the paper's tables where a study made them, else all methods side by side; then diseases and phenotypes."""

from __future__ import annotations

from collections.abc import Iterator

from cardiolens.evaluation import figures
from cardiolens.evaluation.comparison import DIFFERENCE, PUBLISHED, comparison_table
from cardiolens.evaluation.paper_figures import FEW_COLUMNS, phenotype_scatters
from cardiolens.evaluation.published import MDM, MMCL, SUPERVISED
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.section import Figure, Folded, Part, Section, Text
from cardiolens.evaluation.tables import disease_table, phenotype_table

_FEW_METHODS = 3
"""With more methods, tables of single phenotypes are shown for the detailed one alone; the rest is in metrics.csv."""


def results(evidence: Evidence) -> Section:
    """Tables and figures of the main result."""
    return Section("results", "Results", "Results", tuple(_parts(evidence)))


def phenotypes(evidence: Evidence) -> Section | None:
    """Scatter plots, and every phenotype with its interval; nothing where no values are predicted."""
    here = evidence.metrics
    with_values = list(here.loc[here["metric"] == "r", "method"].unique())
    if not with_values:
        return None
    parts: list[Part] = (
        [] if any(name.startswith("figure_4") for name in evidence.content.figures) else list(_scatter(evidence))
    )
    shown = with_values if len(with_values) <= _FEW_METHODS else [m for m in with_values if m == evidence.detailed]
    for method in shown:
        table = phenotype_table(here, method=method, split=evidence.split)
        parts.append(Folded(f"{table.title}, with intervals and n", (table,)))
    return Section("phenotypes", "Phenotypes", "Phenotypes of the cardiac MRI, from the ECG", tuple(parts))


def _parts(evidence: Evidence) -> Iterator[Part]:
    content = evidence.content
    untouched = ", whose subjects took no part in training or in any choice" if evidence.split == "test" else ""
    other = "Measured on other people than those of the training cohort; none took part in training or in any choice."
    yield Text(f"Measured on the split “{evidence.split}”{untouched}." if content.asked is None else other)
    if content.tables:
        yield from content.tables
    else:
        yield comparison_table(evidence.comparison)
        alone = evidence.comparison[evidence.comparison["origin"] != DIFFERENCE]
        few = alone[(alone["origin"] != PUBLISHED) | alone["method"].isin([m.method for m in (SUPERVISED, MDM, MMCL)])]
        caption = (
            "Methods with their 95 % intervals. All were asked about the same subjects, so two whose intervals overlap may "
            "differ all the same: the paired differences in the table say whether they do."
        )
        yield Figure("methods", caption, figures.method_intervals(few))
    for name, (caption, png) in content.figures.items():
        yield Figure(name, caption, png, has_footer=True)
    if (evidence.metrics["metric"] == "auroc").any():
        table = disease_table(evidence.metrics, split=evidence.split)
        yield Folded("Diseases with AUPRC and prevalence, every method", (table,)) if content.tables else table


def _scatter(evidence: Evidence) -> Iterator[Figure]:
    mine = evidence.predictions
    here = mine[((mine["method"] == evidence.detailed) & (mine["split"] == evidence.split)).to_numpy()]
    seed = int(here["seed"].min())
    known = here.loc[(here["seed"] == seed).to_numpy()].dropna(subset="target")
    if known.loc[known["column"].isin(FEW_COLUMNS), "column"].duplicated().any():
        caption = (
            f"{evidence.detailed}, seed {seed}: predicted against measured. Dashed: identity. Solid: regression line; it is "
            "flatter than identity because a prediction from incomplete evidence stays nearer to the mean."
        )
        yield Figure(
            "scatter",
            caption,
            phenotype_scatters(
                here,
                method=evidence.detailed,
                seed=seed,
                split=evidence.split,
                columns=FEW_COLUMNS,
                measured=evidence.content.measured,
            ),
        )
