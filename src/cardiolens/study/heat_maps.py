"""Figure 6 and the numbers beside it: where ECGs find themselves in MRIs, by contrastive runs with and without MDM.

Maps are held against chance, against the ECGs of other people and against models with random weights; retrieval both ways
says whether the common space holds anything to be mapped.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int

from cardiolens.atomic import write_atomically
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.synthetic_masks import synthetic_masks
from cardiolens.cohorts.synthetic_scans import motion_smear
from cardiolens.evaluation.canvas import with_footer
from cardiolens.evaluation.content import figure_footer
from cardiolens.evaluation.localisation import localisation, sanity
from cardiolens.evaluation.similarity_figure import FigureSubject, choose_subjects, similarity_figure
from cardiolens.progress import QUIET, Progress
from cardiolens.training.pictures import MID_PHASE
from cardiolens.training.predict import first_visits
from cardiolens.training.run import Run
from cardiolens.training.similarity import (
    exchanged,
    finished_contrastive,
    local_similarity,
    project,
    randomised,
    retrieval,
)

MOST_SUBJECTS = 500
"""Of whom maps and retrieval are computed unless asked otherwise: enough for intervals of a few hundredths."""
_DRAWS = 3
"""Of random weights."""
_SEED = 2023


def write_heat_maps(
    runs: Mapping[str, Path],
    cohort: Cohort,
    split: str,
    out: Path,
    *,
    most: int = MOST_SUBJECTS,
    progress: Progress = QUIET,
) -> list[Path]:
    """Write `figure_6_heat_maps.png`, and as CSV `retrieval` and, where masks can be had, `localisation` and `sanity`.

    `runs` are folders of finished contrastive runs by the name of their model, the main one last. Of the split's subjects with
    an MRI the first `most` count.

    Raises:
        BadRun: a run is not done or of another method.
        BadOption: fewer than four subjects of the split have an MRI.
    """
    rows = first_visits(cohort, split, images=True)[:most]
    methods = {name: finished_contrastive(Run.open(place)) for name, place in runs.items()}
    maps = {name: local_similarity(method, cohort, rows, progress=progress) for name, method in methods.items()}
    found = pd.concat(
        [retrieval(project(method, cohort, rows, progress=progress)).assign(model=name) for name, method in methods.items()],
        ignore_index=True,
    )
    written = [_write_csv(out / "retrieval.csv", found)]
    hearts = synthetic_masks(cohort, rows, progress=progress)[:, MID_PHASE] > 0 if cohort.is_synthetic else None
    if hearts is not None:
        tables = []
        for name, method in methods.items():
            rng = np.random.default_rng(_SEED)
            others = local_similarity(method, cohort, rows, ecg_rows=exchanged(rows, rng)).picture
            untrained = np.stack(
                [local_similarity(randomised(method, seed=seed), cohort, rows).picture for seed in range(_DRAWS)]
            )
            subjects = maps[name].subjects
            held = {"trained": maps[name].picture, "ECG of another": others, "untrained": untrained}
            numbers = localisation(held, hearts, subjects=subjects, rng=rng)
            same = sanity(maps[name].picture, {"all weights": untrained}, subjects=subjects, rng=rng)
            tables.append((numbers.assign(model=name), same.assign(model=name)))
        written += [
            _write_csv(out / f"{what}.csv", pd.concat(parts, ignore_index=True))
            for what, parts in zip(("localisation", "sanity"), zip(*tables, strict=True), strict=True)
        ]
    window = methods[list(methods)[-1]].config.encoder.num_samples
    shown = []
    for name, row in _subjects_to_show(cohort, rows).items():
        k = int(np.flatnonzero(rows == row)[0])
        shown.append(
            FigureSubject(
                name, cohort.cmr[row, MID_PHASE], {model: of.picture[k] for model, of in maps.items()},
                None if hearts is None else hearts[k], maps[list(maps)[-1]].ecg[k],
                np.asarray(cohort.ecg[row, :, :window], np.float32),
            )
        )  # fmt: skip
    footer = figure_footer(trained_on_synthetic=cohort.is_synthetic, about_synthetic=cohort.is_synthetic)
    return [*written, write_atomically(out / "figure_6_heat_maps.png", with_footer(similarity_figure(shown), footer))]


def _subjects_to_show(cohort: Cohort, rows: Int[np.ndarray, " row"]) -> dict[str, int]:
    if cohort.is_synthetic:
        return choose_subjects(cohort.subjects, cohort.cmr, rows, smear=motion_smear(cohort, rows))
    return {f"test subject {number}": int(row) for number, row in enumerate(rows[:4], start=1)}


def _write_csv(path: Path, table: pd.DataFrame) -> Path:
    return write_atomically(path, table.to_csv(index=False, lineterminator="\n").encode())
