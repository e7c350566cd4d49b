"""What the shipped bundle must have been made from: asked by the script that trains it and by the test that watches it."""

from __future__ import annotations

from typing import Any

from cardiolens.configs import to_json
from cardiolens.recipes import shipped

GENERATOR = (
    "cardiolens.synthetic",
    "cardiolens.signals.cleaning",
    "cardiolens.signals.baseline_kernel",
    "cardiolens.imaging.views",
)
"""Everything that decides what the training cohort looks like."""


def shipped_sources() -> dict[str, Any]:
    """The arguments of `bundles.provenance.provenance` and `outdated` for the shipped bundle."""
    steps = (shipped.mdm(), shipped.mmcl(), shipped.joint())
    recipe = {"subjects": shipped.SUBJECTS, "seed": shipped.SEED, "steps": [to_json(step) for step in steps]}
    return {"modules": GENERATOR, "recipe": recipe}
