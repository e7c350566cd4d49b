"""Who is in the study: from what was found to who was asked, and what these people are like in each split."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from cardiolens.evaluation.baseline import baseline_table
from cardiolens.evaluation.disclosure import FEWEST
from cardiolens.evaluation.flow import FlowStep, flow_figure, flow_table
from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.section import Figure, Folded, Section, Text

_NUMBERS = re.compile(r"\d+(?:\.\d+)?")
_LEAD = re.compile(r"\blead (?:III|II|I|aV[RLF]|V[1-6])\b")
_FOUND = re.compile(r"found (.*?); expected", re.DOTALL)


def cohort(evidence: Evidence) -> Section | None:
    """Flow and baseline table; nothing without the cohort's table."""
    subjects = evidence.content.subjects
    if subjects is None:
        return None
    steps = list(_steps(evidence))
    caption = "From what was found to who was asked. Boxes at the right left the study there, with the reason."
    parts = [
        Figure("flow", caption, flow_figure(steps)),
        Folded("The flow as a table", (flow_table(steps),)),
        baseline_table(subjects),
    ]
    if evidence.content.asked is not None:
        other = baseline_table(evidence.content.asked.assign(split="asked"))
        note = "All results below are of other people than those of the cohort above: a cohort of their own."
        parts += [Text(note), other.renamed("baseline_asked", "Subjects that were asked about")]
    return Section("cohort", "Cohort", "Cohort", tuple(parts))


def _steps(evidence: Evidence) -> Iterator[FlowStep]:
    content, subjects = evidence.content, evidence.content.subjects
    for what, count in content.flow:
        yield FlowStep(what, count)
    rows, people = len(subjects), subjects["subject"].nunique()
    refused = _by_reason(content.refused, "ecg")
    if not content.flow:
        yield FlowStep("visits with an ECG", rows + sum(refused.values()))
    yield FlowStep("ECGs that could be used", rows, refused)
    yield FlowStep("subjects", people, {"further visits of the same subjects": rows - people} if rows > people else {})
    if "has_cmr" in subjects:
        with_mri = int(subjects["has_cmr"].sum())
        without = _by_reason(content.refused, "cmr")
        if absent := rows - with_mri - sum(without.values()):
            without["no MRI"] = absent
        yield FlowStep("of them with an MRI", with_mri, {f"ECG kept; {reason}": n for reason, n in without.items() if n > 0})
    first = subjects.drop_duplicates("subject")
    trained = int((first["split"] == "train").sum())
    note = _balanced_sets(evidence)
    yield FlowStep("subjects to train on", trained, {"held out for validation and test": people - trained}, note)
    asked = evidence.predictions[(evidence.predictions["split"] == evidence.split).to_numpy()]
    who = f"subjects asked about (split “{evidence.split}”)" if content.asked is None else "other people, who were asked about"
    yield FlowStep(who, asked["subject"].nunique(), follows=False)


def _balanced_sets(evidence: Evidence) -> str:
    """On how many subjects each disease was fine-tuned, half of them ill; nothing where the detailed run took everybody."""
    content = evidence.content
    if not content.model.get("data", {}).get("balanced"):
        return ""
    # Half of a balanced set are cases.
    sets = [
        f"{column_label(column).short} {sizes['all']:,}"
        if sizes["all"] >= 2 * FEWEST
        else f"{column_label(column).short} under {2 * FEWEST}"
        for column, sizes in content.training_sets.items()
        if "all" in sizes and column in evidence.predictions["column"].cat.categories
    ]
    return f"balanced sets for fine-tuning: {', '.join(sets)}" if sets else ""


def _by_reason(refused: pd.DataFrame | None, part: str) -> dict[str, int]:
    """How many were refused for what, in words without numbers and leads, the most frequent first."""
    if refused is None or refused.empty:
        return {}
    reasons = refused.loc[refused["part"] == part, "reason"].map(_in_short)
    return {str(reason): int(count) for reason, count in reasons.value_counts().items()}


def _in_short(reason: str) -> str:
    found = _FOUND.search(reason)
    short = found.group(1) if found else reason
    return _NUMBERS.sub("…", _LEAD.sub("a lead", short))[:90]
