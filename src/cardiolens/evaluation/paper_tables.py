"""The tables of the two papers, filled from metrics: which methods, in which order, beside what was published.

Sources: Turgut et al., arXiv 2308.05764v1, Tables I to V; Alvarez-Florez et al., European Heart Journal - Digital Health.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from cardiolens.errors import BadRun
from cardiolens.evaluation.comparison import (
    DIFFERENCE,
    MEASURED,
    compare,
    comparison_table,
    with_differences,
)
from cardiolens.evaluation.published import (
    BARLOW_TWINS,
    BYOL,
    CLOCS,
    CMR,
    CMR_OF_MMCL_WITHOUT_MDM,
    CMR_PHENOTYPES,
    MDM,
    MMCL,
    MMCL_WITHOUT_MDM,
    SIMCLR,
    SUPERVISED,
    TABULAR,
    PublishedRow,
)
from cardiolens.evaluation.rendering import Block, Cell, Table, header_of

METHODS: Mapping[str, tuple[PublishedRow, ...]] = {
    "Supervised": (SUPERVISED,),
    "SimCLR": (SIMCLR,),
    "CLOCS": (CLOCS,),
    "BYOL": (BYOL,),
    "Barlow Twins": (BARLOW_TWINS,),
    "MDM": (MDM,),
    "MMCL w/o MDM": (MMCL_WITHOUT_MDM,),
    "MMCL": (MMCL,),
    "Tabular": (TABULAR,),
    "CMR supervised": (CMR, CMR_PHENOTYPES),
    "CMR SimCLR": (),
    "CMR of MMCL w/o MDM": (CMR_OF_MMCL_WITHOUT_MDM,),
    "CMR of MMCL": (),
}
"""Names of the first paper's methods in Predictions, with what was published of each. The last two use MMCL's MRI encoder."""

DUAL_PHASE_MODELS: Mapping[str, str] = {
    "ECG only": "no MRI",
    "CL 2-D": "one mid-ventricular end-diastolic slice",
    "CL 2-D + time": "one mid-ventricular slice over time",
    "CL 3-D": "a stack of slices",
    "TCL": "end-diastolic and end-systolic stacks, triplet contrastive loss",
}
"""Names of the second paper's models in Predictions, and what each sees in pre-training beside the ECG."""


_MDM_ALONE = (("MDM", "Supervised"),)
_OWN_STEPS = (("Supervised + voltage", "Supervised"), ("MMCL cine + local", "MMCL cine"))
_MORE_OF_THE_MRI = tuple((name, "CL 2-D") for name in ("CL 2-D + time", "CL 3-D", "TCL"))
PAIRS = (*_MDM_ALONE, *_OWN_STEPS, *_MORE_OF_THE_MRI)
"""Differences that tables show beside those to their reference: a method, and what it is without the one step that it adds."""


@dataclass(frozen=True)
class Results:
    """What tables are filled from."""

    metrics: pd.DataFrame
    """Of `metrics.evaluate`, under the names of `METHODS` or `DUAL_PHASE_MODELS`; methods of other names are passed over."""
    split: str = "test"
    differences: pd.DataFrame | None = None
    """Of `differences.differences`. A table takes those to its own reference; tables of several references are one frame."""
    oracle: pd.DataFrame | None = None
    """Predictions of a synthetic cohort's truth (`comparison.oracle_predictions`)."""


def modalities(results: Results) -> Table:
    """Table I: AUC of diseases from tabular values, from the MRI and from the ECG; differences to MMCL.

    As in every table here, methods that were not run are left out and named in the note.

    Raises:
        BadRun: none of the table's methods was evaluated on the split.
    """
    methods = ("Tabular", "CMR supervised", "Supervised", "MMCL")
    return _table(_Layout("modalities", "Diseases from tabular values, MRI and ECG: AUC", methods, "MMCL"), results)


def pretraining_strategies(results: Results) -> Table:
    """Table II: AUC of diseases after pre-training on ECGs alone in five ways, and with MRI; differences to MMCL.

    Raises:
        BadRun: none of the table's methods was evaluated on the split.
    """
    methods = ("Supervised", "SimCLR", "CLOCS", "BYOL", "Barlow Twins", "MDM", "MMCL w/o MDM", "MMCL")
    title = "Ways of pre-training the ECG encoder: AUC"
    return _table(_Layout("pretraining_strategies", title, methods, "MMCL", pairs=_MDM_ALONE), results)


def ablation(results: Results) -> Table:
    """Table III: AUC of diseases with and without each of the two steps of pre-training; differences to MMCL.

    Raises:
        BadRun: none of the table's methods was evaluated on the split.
    """
    methods = ("Supervised", "MDM", "MMCL w/o MDM", "MMCL")
    return _table(_Layout("ablation", "What each step of pre-training adds: AUC", methods, "MMCL", pairs=_MDM_ALONE), results)


def phenotype_groups(results: Results) -> Table:
    """Table IV: mean r of the phenotypes of each group; differences to MMCL.

    Raises:
        BadRun: none of the table's methods was evaluated on the split.
    """
    methods = ("Supervised", "MDM", "MMCL w/o MDM", "MMCL", "CMR supervised")
    title = "Phenotypes by group: mean Pearson r"
    return _table(_Layout("phenotype_groups", title, methods, "MMCL", metrics=("mean_r",), pairs=_MDM_ALONE), results)


def cmr_branch(results: Results) -> Table:
    """Table V: AUC of diseases from the MRI, after ways of pre-training its encoder; differences to "CMR of MMCL".

    Raises:
        BadRun: none of the table's methods was evaluated on the split.
    """
    methods = ("CMR supervised", "CMR SimCLR", "CMR of MMCL w/o MDM", "CMR of MMCL")
    note = "Of the published values of MMCL's MRI encoder only those are given that can be assigned with certainty."
    return _table(_Layout("cmr_branch", "Diseases from MRI: AUC", methods, "CMR of MMCL", note=note), results)


def beyond(results: Results) -> Table:
    """What neither paper has beside the paper's own methods: AUC and mean r; differences to MMCL.

    Every method of a name that belongs to neither paper has its row.

    Raises:
        BadRun: none of the table's methods was evaluated on the split.
    """
    own = tuple(name for name in results.metrics["method"].unique() if name not in METHODS and name not in DUAL_PHASE_MODELS)
    if not own:
        raise BadRun("the table 'beyond'", found="no method of its own", expected="one or more", remedy="run one of them")
    methods = ("Supervised", "MMCL w/o MDM", "MMCL", *own)
    title = "Beyond both papers: AUC, and mean Pearson r of phenotype groups"
    return _table(_Layout("beyond", title, methods, "MMCL", metrics=("auroc", "mean_r"), pairs=_OWN_STEPS), results)


PAPER_TABLES = (modalities, pretraining_strategies, ablation, phenotype_groups, cmr_branch)
"""Tables I to V in order."""


def dual_phase(results: Results) -> Table:
    """The second paper's models side by side: R2 and r of phenotype groups, AUC of all diseases; differences to "ECG only", and
    of what sees more of the MRI to "CL 2-D".

    Raises:
        BadRun: none of the models was evaluated on the split.
    """
    kinds = {"mean_r2": "R²", "mean_r": "Pearson r", "auroc": "AUC"}
    note = (
        "R² and r are means over a group's phenotypes. Seen in pre-training beside the ECG: "
        + "; ".join(f"{name}, {seen}" for name, seen in DUAL_PHASE_MODELS.items())
        + ". Published of TCL in another cohort: R² 0.605, mean over its own set of CMR features."
    )
    title = "Five models of ECG and MRI: phenotypes and diseases"
    models = tuple(DUAL_PHASE_MODELS)
    layout = _Layout("dual_phase", title, models, "ECG only", tuple(kinds), diseases=(), note=note, pairs=_MORE_OF_THE_MRI)
    whole = _table(layout, results)
    blocks = []
    shown = list(whole.numbers.loc[whole.numbers["origin"] != DIFFERENCE, "method"].unique())
    for metric, label in kinds.items():
        here = whole.numbers[whole.numbers["metric"] == metric]
        different = here["origin"] == DIFFERENCE
        parts = {label: here[~different]}
        for reference in here.loc[different, "reference"].unique() if different.any() else ():
            parts[f"{label}: difference to {reference}"] = here[different & (here["reference"] == reference)]
        blocks += [_by_column(comparison_table(part), shown, heading) for heading, part in parts.items() if not part.empty]
    return replace(whole, header=header_of("", *shown), blocks=tuple(blocks))


@dataclass(frozen=True)
class _Layout:
    """What a table is made of."""

    name: str
    title: str
    methods: tuple[str, ...]
    reference: str
    metrics: tuple[str, ...] = ("auroc",)
    diseases: tuple[str, ...] = ("cad", "af", "dm")
    """Empty for all."""
    note: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    """Of methods, whose differences stand below those to `reference`."""


def _table(layout: _Layout, results: Results) -> Table:
    metrics = results.metrics
    known = metrics["metric"].isin(layout.metrics) & metrics["method"].isin(layout.methods)
    if layout.diseases:
        known &= metrics["column"].isin(layout.diseases) | (metrics["metric"] != "auroc")
    chosen = metrics[known & (metrics["split"] == results.split)]
    if chosen.empty:
        raise BadRun(
            f"the table '{layout.name}'",
            found=f"none of its methods on the split '{results.split}'",
            expected=f"metrics of {', '.join(layout.methods)}",
            remedy="run one of them",
        )
    chosen = chosen.assign(method=chosen["method"].astype("object"))
    chosen = chosen.sort_values("method", key=lambda names: names.map(layout.methods.index), kind="stable")
    published = [row for name in layout.methods for row in METHODS.get(name, ())]
    comparison = compare(chosen, split=results.split, oracle=results.oracle, published=published, shown=layout.metrics)
    if results.differences is not None:
        comparison = with_differences(comparison, results.differences, reference=layout.reference, pairs=layout.pairs)
    table = comparison_table(comparison)
    note = " ".join([table.note, *_notes(layout, comparison)])
    return replace(table, name=layout.name, title=layout.title, note=note)


def _notes(layout: _Layout, comparison: pd.DataFrame) -> list[str]:
    measured = comparison[comparison["origin"] == MEASURED]
    seeds = sorted(measured["seeds"].unique())
    absent = [name for name in layout.methods if name not in set(measured["method"])]
    return [
        f"Seeds: {seeds[0]}." if len(seeds) == 1 else f"Seeds: {seeds[0]} to {seeds[-1]}.",
        *([f"Not run here: {', '.join(absent)}."] if absent else []),
        *([layout.note] if layout.note else []),
    ]


def _by_column(table: Table, methods: Sequence[str], heading: str) -> Block:
    """The table's rows as columns."""
    cells = {row[0].text: row[1:] for block in table.blocks for row in block.rows}
    nothing = (Cell("–"),) * len(table.header)
    columns = [cells.get(method, nothing) for method in methods]
    return Block(heading, tuple((head, *(column[k] for column in columns)) for k, head in enumerate(table.header[1:])))
