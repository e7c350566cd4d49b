"""The model card: a bundle's description as Markdown, for whoever finds the folder without the program."""

from __future__ import annotations

from cardiolens.bundles.config import BundleConfig, HeadCard
from cardiolens.tasks import TaskKind


def model_card(config: BundleConfig) -> str:
    """What the model is, what it was trained on, how well it did and what it is not for. The same config, the same text."""
    sections = [
        f"# {config.name}",
        f"**{config.notice}**",
        f"## What it is\n\n{_what(config)}",
        f"## Training data\n\n{config.training_data}",
        "## Not for\n\n"
        "Diagnosis, treatment or any decision about a person. It is not a medical device, it has no clearance of any "
        "authority, and nobody has tested it for such use. Populations and devices other than those it was trained on may give "
        "wrong answers without any sign of it.",
        f"## Input\n\n{_input(config)}",
        f"## Output\n\n{_heads(config)}",
        f"## What its answers leave open\n\n{_open(config)}",
        *([f"## What an ECG can be compared with\n\n{_compared(config)}"] if config.shared_space is not None else []),
        f"## How well it did\n\n{_measurements(config)}",
        f"## Provenance\n\n{_provenance(config)}",
        f"## Licence\n\n{config.license}",
    ]
    return "\n\n".join(sections) + "\n"


def _what(config: BundleConfig) -> str:
    purpose = (
        "A neural network that reads a 12-lead ECG and estimates what a cardiac MRI would show, and the risk of some diseases."
        if config.heads
        else "The encoder of 12-lead ECGs of a neural network, without heads: it answers nothing before it is fine-tuned."
    )
    more = "".join(f", `{name}` (more tensors)" for name in config.files if name not in ("model.safetensors", "MODEL_CARD.md"))
    files = f"`model.safetensors` (tensors){more}, `config.json` (everything needed to use them) and this card"
    return f"{purpose} The files are {files}."


def _input(config: BundleConfig) -> str:
    contract = config.input
    cleaning = contract.cleaning
    groups = "standardised" if cleaning.standardise else "left in mV"
    return (
        f"{len(contract.leads)} leads in the order {', '.join(contract.leads)}, in mV, at {contract.rate_hz:g} Hz. "
        f"Cleaned with a clip at {cleaning.clip_sd:g} standard deviations and a baseline by asymmetric least squares "
        f"(smoothness {cleaning.smoothness:g}, asymmetry {cleaning.asymmetry:g}, {cleaning.iterations} iterations), "
        f"lead groups {groups}. An answer is the mean over windows of {contract.window} "
        "samples that cover the recording."
    )


def _heads(config: BundleConfig) -> str:
    if not config.heads:
        return "None: it has no heads."
    lines = ["| head | column | name | unit | scale |", "|---|---|---|---|---|"]
    lines += [row for card in config.heads for row in _head_rows(card)]
    return "\n".join(lines)


def _head_rows(card: HeadCard) -> list[str]:
    if card.kind is TaskKind.CLASSIFICATION:
        scales = [
            f"probability; slope {c.slope:.4g}, intercept {c.intercept:.4g}, prevalence {share:.2%}"
            for c, share in zip(card.calibration, card.prevalence, strict=True)
        ]
    else:
        scales = [f"mean {mean:.4g}, sd {sd:.4g}" for mean, sd in zip(card.mean, card.sd, strict=True)]
    columns = zip(card.columns, card.names, card.units, scales, strict=True)
    return [f"| {card.name} | {column} | {name} | {unit} | {scale} |" for column, name, unit, scale in columns]


def _open(config: BundleConfig) -> str:
    if not config.heads:
        return "Everything: it gives no answers."
    risks = any(one.variance is not None for card in config.heads for one in card.calibration)
    bands = [band for card in config.heads for band in card.bands]
    said = [
        "Risks come with the 95 % interval of the estimate (the error of the calibration" + _seeds(config) + ")."
        if risks
        else "Risks come without an interval.",
        f"Values come with split-conformal prediction intervals, calibrated on {min(band.subjects for band in bands)} "
        "subjects or more."
        if bands
        else "Values come without an interval.",
        "An ECG that is further from the training subjects than 99 % of "
        f"{config.applicability.subjects} validation subjects is marked."
        if config.applicability is not None
        else "It does not know when not to answer.",
    ]
    return " ".join(said)


def _compared(config: BundleConfig) -> str:
    card = config.shared_space
    said = (
        f"ECGs and MRI pictures lie in one space (`shared_space.safetensors`). Of {card.subjects} held-out ECGs "
        f"{card.recall_at_5:.1%} have their own MRI among the five most similar; its place is {card.median_rank:g} in the "
        f"median, where guessing gives {(card.subjects + 1) / 2:g}."
    )
    if config.bank is not None:
        said += (
            f" `bank.safetensors` holds {config.bank.hearts} hearts to compare with: pictures, ages, sexes and phenotypes. "
            f"{config.bank.origin}."
        )
    return said


def _seeds(config: BundleConfig) -> str:
    known = any(one.seed_sd is not None for card in config.heads for one in card.calibration)
    return " and the spread between fine-tunings" if known else "; the spread between fine-tunings is not known"


def _measurements(config: BundleConfig) -> str:
    if not config.measurements:
        return "Not measured."
    lines = ["| head | column | metric | value (95 % interval) | subjects | events | on |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| {m.head} | {m.column or 'mean'} | {m.metric} | {m.value:.3f} ({m.low:.3f} to {m.high:.3f}) | {m.subjects} | "
        f"{m.events or '-'} | {m.cohort} |"
        for m in config.measurements
    ]
    return "\n".join(lines)


def _provenance(config: BundleConfig) -> str:
    if not config.provenance:
        return "Not recorded."
    return "\n".join(f"- {key}: `{value}`" for key, value in sorted(config.provenance.items()))
