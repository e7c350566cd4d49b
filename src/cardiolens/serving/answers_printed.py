"""Answers for people at a terminal: risks beside the prevalence, phenotypes by group, and what to know of both."""

from __future__ import annotations

from collections.abc import Sequence

from cardiolens.serving.answers import Answer, PhenotypeValue, Refusal

PREDICTED_VARY_LESS = "Predicted values vary less than measured ones, so nearly all lie within: that is no finding"
"""What has to stand beside a predicted value in a reference range of measured ones."""


def print_answers(answers: Sequence[Answer | Refusal]) -> None:
    """All of every answer; refusals are passed over."""
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    for answer in answers:
        if isinstance(answer, Refusal):
            continue
        console.print(f"\n[bold]{escape(answer.source)}[/bold]", highlight=False)
        if answer.risks:
            console.print(_risks(answer))
        if answer.phenotypes:
            console.print(_phenotypes(answer), highlight=False)
        for line, style in _lines(answer):
            console.print(escape(line), style=style, highlight=False)


def _risks(answer: Answer) -> object:
    from rich.table import Table

    risks = Table("risk", "probability (95 %)", f"prevalence ({answer.learned_from})", box=None, pad_edge=False)
    for risk in answer.risks:
        limits = "" if risk.low is None else f" ({risk.low:.1%} to {risk.high:.1%})"
        risks.add_row(risk.label, f"{risk.probability:.1%}{limits}", f"{risk.prevalence:.1%}")
    return risks


def _phenotypes(answer: Answer) -> object:
    from rich.columns import Columns
    from rich.table import Table
    from rich.text import Text

    values = Table("", "phenotypes", box=None, pad_edge=False, show_header=False)
    for group in dict.fromkeys(phenotype.group for phenotype in answer.phenotypes):
        shown = [
            Text(f"{p.name} {p.value:.{_digits(p)}f}{_reach(p)} {p.unit}{_outside(p)}", no_wrap=True)
            for p in answer.phenotypes
            if p.group == group
        ]
        values.add_row(group, Columns(shown, padding=(0, 3)))  # rich breaks lines at no-break spaces too
    return values


def _lines(answer: Answer) -> list[tuple[str, str]]:
    """What stands below the tables, each with its style."""
    lines = []
    if any(phenotype.low_80 is not None for phenotype in answer.phenotypes):
        lines.append((f"±: in 80 of 100 {answer.learned_from} the measured value lies within", "dim"))
    if any(_is_segmental_strain(phenotype) for phenotype in answer.phenotypes):
        lines.append(("strain by segment (AHA 1-16): differences within one heart mean nothing (docs/phenotypes.md)", "dim"))
    if answer.reference_for:
        said = f"↑ ↓: above or below what 95 of 100 {answer.reference_for} have. {PREDICTED_VARY_LESS}"
        lines.append((said, "dim"))
    if answer.reference_missing:
        lines.append((f"no reference range: {answer.reference_missing}", "dim"))
    if answer.recorder_statements:
        lines.append((f"the recorder's own reading: {'; '.join(answer.recorder_statements)}", "bold"))
    if answer.warning:
        lines.append((f"caution: {answer.warning}", "bold yellow"))
    if answer.quality_notes:
        lines.append((f"quality: {answer.quality}: {'; '.join(answer.quality_notes)}", "yellow"))
    lines += [(f"note: {note}", "dim") for note in answer.notes]
    return [*lines, (f"{answer.model}. {answer.notice}", "dim")]


def _digits(phenotype: PhenotypeValue) -> int:
    return 0 if _is_segmental_strain(phenotype) else 1


def _is_segmental_strain(phenotype: PhenotypeValue) -> bool:
    return phenotype.column.startswith(("ecc_aha", "err_aha"))


def _reach(phenotype: PhenotypeValue) -> str:
    if phenotype.low_80 is None:
        return ""
    return f" ± {(phenotype.high_80 - phenotype.low_80) / 2:.{_digits(phenotype)}f}"


def _outside(phenotype: PhenotypeValue) -> str:
    if phenotype.reference_low is None or phenotype.reference_low <= phenotype.value <= phenotype.reference_high:
        return ""
    return "↑" if phenotype.value > phenotype.reference_high else "↓"
