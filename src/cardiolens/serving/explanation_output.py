"""An explanation as a picture, as plain values for a service, and as a page of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import UInt8

from cardiolens.bundles.config import BundleConfig
from cardiolens.evaluation.pages import data_uri, environment, style, template_text
from cardiolens.evaluation.pictures import similarity_maps
from cardiolens.evaluation.saliency_figure import SaliencyShown, saliency_figure
from cardiolens.imaging.phenotype_table import PHENOTYPES
from cardiolens.imaging.views import resize_bilinear
from cardiolens.notice import NOTICE
from cardiolens.serving.explanation import Explanation, LookAlike, PlacesMap, Saliency
from cardiolens.signals.beat_stretches import STRETCHES_MS
from cardiolens.types import LEADS

_TOLD = ("lvedv_ml", "lvef_percent", "lvm_g", "rvedv_ml", "rvef_percent", "wt_global_mm")
_NAMES = {phenotype.column: (phenotype.name, phenotype.unit) for phenotype in PHENOTYPES}
_END_DIASTOLE = 2
"""Of the three phases of a picture."""


def saliency_png(explanation: Explanation) -> bytes:
    """The figure of leads and times."""
    saliency = explanation.saliency
    shown = SaliencyShown(
        f"{saliency.target.name} {value_in_words(explanation)}: what moves it",
        saliency.target.unit_of_shares,
        explanation.ecg.recording.signal_mv,
        saliency.of_waves,
        saliency.of_leads,
        saliency.of_voltage,
        NOTICE,
    )
    return saliency_figure(shown)


def explanation_json(explanation: Explanation) -> dict[str, Any]:
    """Plain values with pictures as data URIs: the answer, what carries it, and hearts that resemble it."""
    saliency = explanation.saliency
    return {
        "answer": explanation.answer.to_json(),
        "target": saliency.target.column,
        "name": saliency.target.name,
        "unit": saliency.target.unit,
        "unit_of_shares": saliency.target.unit_of_shares,
        "value": saliency.answer,
        "of_leads": dict(zip(LEADS, saliency.of_leads.tolist(), strict=True)),
        "stretches_ms": STRETCHES_MS,
        "of_waves": dict(zip(LEADS, saliency.of_waves.tolist(), strict=True)),
        "of_voltage": saliency.of_voltage,
        "saliency": data_uri(saliency_png(explanation)),
        "saliency_words": saliency_in_words(saliency),
        "look_alikes": [look_alike_json(one) for one in explanation.lookalikes],
        "places": None if explanation.places is None else data_uri(places_png(explanation.places)),
        "notice": explanation.answer.notice,
    }


def explanation_html(explanation: Explanation, config: BundleConfig) -> str:
    """A page of its own, without any network."""
    told, saliency = explanation_json(explanation), explanation.saliency
    return (
        environment()
        .from_string(template_text("explanation.html"))
        .render(
            target=saliency.target.name,
            value=value_in_words(explanation),
            source=explanation.answer.source,
            model=explanation.answer.model,
            notice=explanation.answer.notice,
            warning=explanation.answer.warning,
            quality_notes=explanation.answer.quality_notes,
            saliency=told["saliency"],
            saliency_words=told["saliency_words"],
            places=told["places"],
            alike=told["look_alikes"],
            worth=worth_of(config),
            style=style(),
        )
    )


def value_in_words(explanation: Explanation) -> str:
    """The answer with its unit; of a disease the calibrated risk."""
    target = explanation.saliency.target
    risks = {risk.name: risk.probability for risk in explanation.answer.risks}
    if target.column in risks:
        return f"{risks[target.column]:.1%}"
    return f"{explanation.saliency.answer:.3g} {target.unit}"


def saliency_in_words(saliency: Saliency) -> str:
    """The leads that move an answer most, for those who do not see the picture."""
    sums = saliency.of_leads
    strongest = np.argsort(-np.abs(sums))[:3]
    parts = [f"{LEADS[k]} {_signed(sums[k])}" for k in strongest]
    unit = saliency.target.unit_of_shares
    of_voltage = f"; the voltage as a whole adds {_signed(saliency.of_voltage)}" if saliency.of_voltage else ""
    return f"Of the leads most is added by {', '.join(parts)} {unit}{of_voltage}{f' {unit}' if of_voltage else ''}."


def look_alike_json(one: LookAlike) -> dict[str, Any]:
    """Plain values of one heart; its picture shows the middle slice at end-diastole."""
    return {
        "name": one.name,
        "cosine": one.cosine,
        "words": _heart_in_words(one),
        "values": one.values,
        "picture": data_uri(_grey_png(one.picture[_END_DIASTOLE])),
    }


def places_png(places: PlacesMap) -> bytes:
    """The MRI, and the map over it."""
    middle = places.picture[1]
    shown = resize_bilinear(places.cosines[None].astype(np.float64), middle.shape[0])
    return similarity_maps(middle[None], shown)


def worth_of(config: BundleConfig) -> str:
    """How well ECGs find their own MRI in the shared space, in words; empty for a bundle without one."""
    card = config.shared_space
    if card is None:
        return ""
    return (
        f"How much that is worth: of {card.subjects} held-out ECGs {card.recall_at_5:.1%} had their own MRI among the five "
        f"nearest; guessing finds it for {5 / card.subjects:.1%} (5 of {card.subjects}). "
        f"Its place was {card.median_rank:g} in the median, where guessing gives {(card.subjects + 1) / 2:g}."
    )


def _signed(share: float) -> str:
    return f"{'+' if share > 0 else '−'}{abs(share):.3g}"


def _heart_in_words(one: LookAlike) -> str:
    male, age = one.values.get("male"), one.values.get("age_years")
    person = [{1.0: "man", 0.0: "woman"}.get(male, "")] if male is not None else []
    person += [f"{age:.0f} years"] if age is not None else []
    parts = [", ".join(filter(None, person))] if person else []
    for column in _TOLD:
        if column in one.values:
            name, unit = _NAMES[column]
            parts.append(f"{name} {one.values[column]:.0f} {unit}" if unit != "mm" else f"{name} {one.values[column]:.1f} mm")
    return "; ".join(parts)


def _grey_png(picture: UInt8[np.ndarray, "height width"]) -> bytes:
    import io

    from PIL import Image

    stored = io.BytesIO()
    Image.fromarray(picture).resize((picture.shape[1] * 3, picture.shape[0] * 3), Image.Resampling.BICUBIC).save(stored, "PNG")
    return stored.getvalue()
