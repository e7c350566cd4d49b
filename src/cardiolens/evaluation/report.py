"""A report as one HTML file that needs nothing beside it, with every number as CSV and every figure as PNG next to it.

No participant is named: predictions with anything like a participant's number are refused, and texts that come from
outside have such numbers and folder names replaced.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from cardiolens.atomic import write_atomically
from cardiolens.errors import BadRun
from cardiolens.evaluation import figures, pictures
from cardiolens.evaluation.answers import answer_figures, answer_table, risk_rows
from cardiolens.evaluation.comparison import PUBLISHED, compare, comparison_table
from cardiolens.evaluation.content import ReportContent
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.predictions import check_predictions
from cardiolens.evaluation.published import MDM, MMCL, SUPERVISED
from cardiolens.evaluation.rendering import Table, as_csv, as_html
from cardiolens.evaluation.tables import cohort_table, disease_table, phenotype_table
from cardiolens.privacy import hide_participants

_LARGEST_BYTES = 10_000_000
_FOLDERS = re.compile(r"(?<![\w.~)\]}<-])~?/(?:[^\s/'\"]+/)*(?=[^\s/'\"])")
_DIGEST = re.compile(r"[0-9a-f]{12,}")


@dataclass(frozen=True)
class Figure:
    """One picture of the report; `caption` says what to see in it."""

    name: str
    caption: str
    png: bytes

    @property
    def uri(self) -> str:
        """The picture itself as an address, so that the page loads nothing."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


def write_report(out: Path, content: ReportContent) -> Path:
    """Write `out/index.html`, `out/tables/*.csv` and `out/figures/*.png`; returns the path of the page.

    Raises:
        BadRun: the predictions are no predictions, do not cover the split or the detailed method, or name participants.
        NoSpace: the disk is full.
    """
    predictions = check_predictions(content.predictions, source="predictions of the report")
    _refuse_unknown_method(content.detailed_method, predictions)
    metrics = evaluate(predictions)
    comparison = compare(metrics, split=content.split, oracle=content.oracle)
    tables = {table.name: table for table in _tables(content, metrics, comparison)}
    drawn = {figure.name: figure for figure in _figures(content, predictions, comparison)}
    page = _page(content, tables, drawn).encode()
    assert len(page) < _LARGEST_BYTES, f"a report of {len(page):,} bytes"
    for folder in ("tables", "figures"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    write_atomically(out / "tables" / "metrics.csv", metrics.to_csv(index=False, lineterminator="\n").encode())
    for name, table in tables.items():
        write_atomically(out / "tables" / f"{name}.csv", as_csv(table).encode())
    for name, figure in drawn.items():
        write_atomically(out / "figures" / f"{name}.png", figure.png)
    return write_atomically(out / "index.html", page)


def without_places(text: str) -> str:
    """`text` without participants' numbers and without the folders of absolute paths; digests stay whole."""
    shown = " ".join(word if _DIGEST.fullmatch(word) else hide_participants(word) for word in text.split(" "))
    return _FOLDERS.sub("", shown)


def _refuse_unknown_method(method: str, predictions: pd.DataFrame) -> None:
    known = list(predictions["method"].cat.categories)
    if method not in known:
        raise BadRun(
            "predictions of the report",
            found=f"no method '{method}'",
            expected=f"one of {', '.join(known)}",
            remedy="name one of them",
        )


def _tables(content: ReportContent, metrics: pd.DataFrame, comparison: pd.DataFrame) -> Iterator[Table]:
    yield comparison_table(comparison)
    here = metrics[metrics["split"] == content.split]
    if (here["metric"] == "auroc").any():
        yield disease_table(metrics, split=content.split)
    for method in here.loc[here["metric"] == "r", "method"].unique():
        yield phenotype_table(metrics, method=method, split=content.split)
    if content.subjects is not None:
        yield cohort_table(content.subjects)
    if content.prediction is not None:
        yield answer_table(content.prediction, figures.cohort_moments(content.predictions))


def _figures(content: ReportContent, predictions: pd.DataFrame, comparison: pd.DataFrame) -> Iterator[Figure]:
    few = comparison[
        (comparison["origin"] != PUBLISHED) | comparison["method"].isin([m.method for m in (SUPERVISED, MDM, MMCL)])
    ]
    yield Figure(
        "methods",
        "Methods with their 95 % intervals. Two methods whose intervals overlap widely are not shown to differ.",
        figures.method_intervals(few),
    )
    detailed = predictions[(predictions["method"] == content.detailed_method) & (predictions["split"] == content.split)]
    known = detailed.dropna(subset="target")
    seed = int(detailed["seed"].min()) if len(detailed) else 0
    if known["column"].isin(figures.SCATTER_COLUMNS).any():
        yield Figure(
            "scatter",
            f"{content.detailed_method}, seed {seed}: predicted against measured. Dashed: identity. Solid: regression line; "
            "it is flatter than identity because a prediction from incomplete evidence stays nearer to the mean.",
            figures.scatter(predictions, method=content.detailed_method, seed=seed, split=content.split),
        )
    if content.reconstruction is not None:
        found = content.reconstruction
        yield Figure(
            "reconstruction",
            "Masked data modelling: grey stretches were hidden from the model, which filled them in from the rest.",
            pictures.reconstruction(found.original, found.reconstructed, found.hidden),
        )
    if content.similarity is not None:
        yield Figure(
            "similarity",
            "Multimodal contrastive learning: where in the MRI the image's local projection agrees (red) or disagrees (blue) "
            "with the projection of the same subject's ECG.",
            pictures.similarity_maps(content.similarity.pictures, content.similarity.similarity),
        )
    if content.curves is not None and not content.curves.empty:
        yield Figure("training", "Training, one line per run.", figures.training_curves(content.curves))
    if content.prediction is not None:
        for name, caption, png in answer_figures(content.prediction, figures.cohort_moments(predictions)):
            yield Figure(name, caption, png)


def _page(content: ReportContent, tables: Mapping[str, Table], drawn: Mapping[str, Figure]) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["plain"] = without_places
    environment.globals["as_html"] = as_html
    folder = files("cardiolens.evaluation") / "templates"
    template = environment.from_string((folder / "report.html").read_text(encoding="utf-8"))
    return template.render(
        content=content,
        tables=tables,
        figures=drawn,
        style=(folder / "report.css").read_text(encoding="utf-8"),
        phenotypes=[table for name, table in tables.items() if name.startswith("phenotypes_")],
        environment=list(_flat(content.environment)),
        answer=content.prediction.answer if content.prediction is not None else {},
        risks=risk_rows(content.prediction.answer) if content.prediction is not None else [],
        num_predictions=len(content.predictions),
    )


def _flat(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name} · ")
        else:
            yield name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
