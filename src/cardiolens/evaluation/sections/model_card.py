"""What the model is, what it was made from, what it is for and what it is not for."""

from __future__ import annotations

from collections.abc import Iterator

from cardiolens.evaluation.labels import column_label
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.made import flat
from cardiolens.evaluation.sections.section import Folded, Section, Terms
from cardiolens.notice import NOTICE

_INPUT = "a resting 12-lead ECG of ten seconds, cleaned as in training; other rates are resampled and said so"
_NOT_FOR = (
    "diagnosis, triage or treatment of anybody; ECGs under exercise, with pacing, of children, or fewer than twelve leads; "
    "populations unlike the cohort"
)


def model_card(evidence: Evidence) -> Section:
    """The card, also written as `model_card.md` beside the page."""
    facts = tuple(_facts(evidence))
    settings = tuple(flat(evidence.content.model))
    folded = (Folded("All settings of the model", (Terms(settings),)),) if settings else ()
    return Section("model_card", "Model card", "Model card", (Terms(facts), *folded))


def as_markdown(section: Section, title: str) -> str:
    """The card as a Markdown file."""
    terms = next(part for part in section.parts if isinstance(part, Terms))
    lines = [f"# Model card: {title}", "", *(f"- **{name}**: {meaning}" for name, meaning in terms.entries)]
    return "\n".join(lines) + "\n"


def _facts(evidence: Evidence) -> Iterator[tuple[str, str]]:
    content = evidence.content
    yield "Model", evidence.detailed
    yield "Input", _INPUT
    yield "Output", _output(evidence)
    if content.subjects is not None:
        trained = int((content.subjects.drop_duplicates("subject")["split"] == "train").sum())
        kind = "synthetic hearts" if content.is_synthetic else "people"
        yield "Trained on", f"{trained:,} {kind} of the training split"
    yield "Measured on", f"{evidence.metrics['n'].max():,} subjects, split “{evidence.split}”"
    yield "Meant for", "research on what an ECG tells about the structure of the heart"
    yield "Not meant for", _NOT_FOR
    yield "Limits", _limits(evidence)
    yield (
        "Bad input",
        "refused with one line that says why; quality, changes to the signal and applicability come with each answer",
    )
    yield "Notice", NOTICE


def _output(evidence: Evidence) -> str:
    here = evidence.metrics[evidence.metrics["method"] == evidence.detailed]
    diseases = here.loc[here["metric"] == "auroc", "column"].unique()
    num_values = int((here["metric"] == "r").sum() / max(1, here["seed"].nunique()))
    parts = [f"risk of {', '.join(column_label(c).name.lower() for c in diseases)}"] if len(diseases) else []
    parts += [f"{num_values} MRI phenotypes in their units"] if num_values else []
    return "; ".join(parts)


def _limits(evidence: Evidence) -> str:
    limits = ["intervals speak of other subjects of the same cohort, not of another hospital"]
    if evidence.content.is_synthetic:
        limits.insert(0, "learned from simulated hearts: how well it works on people is not shown here")
    people = evidence.people
    if people is None or "ethnicity" not in people:
        limits.append("ethnicity is not known, so nothing is said about it")
    if not evidence.risks:
        limits.append("risks are not calibrated here")
    return "; ".join(limits)
