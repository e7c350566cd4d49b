"""What the ECG adds to what is known without it, and how new diagnoses come over time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from cardiolens.errors import BadCohort
from cardiolens.evaluation.added_value import added_value as added_value_numbers
from cardiolens.evaluation.added_value_table import added_value_table
from cardiolens.evaluation.calibration import FEWEST_EVENTS
from cardiolens.evaluation.charge_af import charge_af, charge_af_predictions, missing_columns
from cardiolens.evaluation.combination import DiseaseModels, Methods, disease_models, mean_log_odds
from cardiolens.evaluation.concordance_table import concordance_table, concordances
from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.metrics import class_columns
from cardiolens.evaluation.rendering import numbers_only
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.section import Figure, Folded, Part, Section, Text
from cardiolens.evaluation.survival import FollowUp, follow_up
from cardiolens.evaluation.survival_figure import numbers_by_tertile, risk_by_tertile
from cardiolens.evaluation.tabular import METHOD as TABULAR

_AF = ("af_incident_5y", "af")
"""CHARGE-AF foretells new atrial fibrillation; where only the disease as such is known it is asked about that."""
_PREVALENT = (
    "CHARGE-AF was made to foretell new atrial fibrillation within five years, among people without it. Here it is held "
    "against {column}, which counts atrial fibrillation that was known or present at the ECG as well: its AUC says how "
    "it ranks these people and does not judge the score at its own task, while an ECG may show the arrhythmia itself"
)
_VALIDATION = ("select", "calibrate")


def added_value(evidence: Evidence) -> Section | None:
    """ECG, tabular model, clinical score and their combinations; nothing where there is no tabular model to add to."""
    if TABULAR not in evidence.compared:
        return None
    known = evidence.predictions
    classes = known["column"].isin(class_columns(known))
    chosen = known[(classes & known["method"].isin(evidence.compared)).to_numpy()]
    score, notes = _clinical_score(evidence, chosen)
    table = chosen if score is None else pd.concat([chosen.astype({"method": "str", "run": "str"}), score], ignore_index=True)
    log_odds = mean_log_odds(_plain(table), splits=(*_VALIDATION, evidence.split))
    methods = Methods(evidence.detailed)
    asked = {"fit_splits": _VALIDATION, "test_split": evidence.split}
    numbers = added_value_numbers(log_odds, methods, **asked)
    words = (
        f"{evidence.detailed} alone, beside what age, sex, weight and height tell (Tabular), and both together. Where the "
        "columns of a clinical score are known it is there too. Reclassification (NRI) is left out: it can rise by chance."
    )
    parts: list[Part] = [Text(words), added_value_table(numbers, notes=notes)]
    parts += _over_time(evidence, disease_models(log_odds, methods, **asked), methods)
    return Section("added_value", "Added value", "What does the ECG add?", tuple(parts))


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype(dict.fromkeys(("run", "method", "task", "column", "split", "subject"), "str"))


def _clinical_score(evidence: Evidence, predictions: pd.DataFrame) -> tuple[pd.DataFrame | None, tuple[str, ...]]:
    """CHARGE-AF as Predictions about the column of atrial fibrillation, and what it was made of."""
    column = next((name for name in _AF if name in set(predictions["column"].unique())), None)
    people, own = evidence.people, evidence.content.subjects
    if column is None or people is None or missing_columns(people) or missing_columns(own):
        return None, ()
    found, notes = [], ()
    for split in (*_VALIDATION, evidence.split):
        whose = people if split == evidence.split else own
        asked = predictions[((predictions["split"] == split) & (predictions["column"] == column)).to_numpy()][
            "subject"
        ].unique()
        rows = whose.drop_duplicates("subject")
        rows = rows[rows["subject"].isin(asked)]
        if rows.empty:
            continue
        try:
            score = charge_af(rows)
        except BadCohort as error:
            return None, (f"CHARGE-AF left out: {error.found}",)
        found.append(charge_af_predictions(rows, score, column, column, split))
        notes = score.notes if split == evidence.split else notes
    if found and column != _AF[0]:
        notes = (_PREVALENT.format(column=column), *notes)
    return pd.concat(found, ignore_index=True) if found else None, notes


def _over_time(evidence: Evidence, diseases: list[DiseaseModels], methods: Methods) -> Iterator[Part]:
    people, found_c, points = evidence.people, [], []
    for disease in diseases if people is not None else ():
        found = follow_up(people, disease.column)
        here = _joined(people, found, disease)
        if here is None or here[1].sum() < FEWEST_EVENTS:
            continue
        place, event, days = here
        found_c.append(concordances(disease, methods, place, days, event))
        score = disease.log_odds[(evidence.detailed,)]
        label = column_label(disease.column)
        caption = (
            f"{label.name}: new diagnoses in thirds of {evidence.detailed}'s risk, with 95 % bands; below, who is still under "
            f"observation. {found.note}. Death ends observation here and is no event."
        )
        png = risk_by_tertile(score[place], days, event, title=label.name)
        yield Figure(f"over_time_{disease.column}", caption, png)
        points.append(numbers_by_tertile(score[place], days, event).assign(column=disease.column))
    if found_c:
        curves = numbers_only(
            pd.concat(points, ignore_index=True), name="over_time", title="New diagnoses by third of the risk"
        )
        yield Folded("The points of the curves", (curves,))
        yield concordance_table(pd.concat(found_c, ignore_index=True))
    else:
        yield Text("Time to diagnosis is not shown: the cohort has no dates, or fewer than ten new diagnoses.", note=True)


def _joined(people: pd.DataFrame, found: FollowUp, disease: DiseaseModels) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Places in the disease's models, events and days of those who have both scores and follow-up."""
    if not len(found.row):
        return None
    subjects = people["subject"].to_numpy()[found.row]
    of_subject = {subject: place for place, subject in enumerate(disease.subject)}
    known = np.array([subject in of_subject for subject in subjects], bool)
    place = np.array([of_subject[subject] for subject in subjects[known]], np.int64)
    return (place, found.event[known], found.days[known]) if len(place) else None
