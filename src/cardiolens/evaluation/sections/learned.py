"""What pre-training learned: a reconstruction, similarity maps, and how the losses fell."""

from __future__ import annotations

from collections.abc import Iterator

from cardiolens.evaluation import figures, pictures
from cardiolens.evaluation.rendering import numbers_only
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.section import Figure, Folded, Part, Section


def learned(evidence: Evidence) -> Section | None:
    """Pictures of both steps of pre-training and the learning curves, as far as they are there."""
    parts = tuple(_parts(evidence))
    return Section("learned", "What was learned", "What was learned", parts) if parts else None


def _parts(evidence: Evidence) -> Iterator[Part]:
    content = evidence.content
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
    for name, (caption, png) in content.heat_maps.items():
        yield Figure(name, caption, png, has_footer=True)
    yield from content.heat_map_tables
    if content.curves is not None and not content.curves.empty:
        yield Figure("training", "Training, one line per run.", figures.training_curves(content.curves))
        points = numbers_only(content.curves, name="training", title="Training by run and epoch")
        yield Folded("The points of the curves", (points,))
