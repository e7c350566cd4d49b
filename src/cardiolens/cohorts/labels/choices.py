"""What a user can choose about labels, and its record in a cohort."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cardiolens.cohorts.labels.code_sets import CODE_SETS, CodeSet
from cardiolens.cohorts.labels.labels import LabelRules


@dataclass(frozen=True)
class LabelChoices:
    """How labels are made of codes."""

    code_set: CodeSet = field(default_factory=lambda: CODE_SETS["customary"])
    rules: LabelRules = field(default_factory=LabelRules)

    def describe(self) -> dict[str, Any]:
        """Which codes make which disease, in plain values."""
        diseases = {disease.name: {"codes": list(disease.codes), "exact": disease.exact} for disease in self.code_set.diseases}
        return {"code_set": self.code_set.name, "diseases": diseases, "horizon_years": self.rules.horizon_years}
