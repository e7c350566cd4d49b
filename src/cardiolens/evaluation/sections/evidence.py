"""What the sections of one report are made from; each thing is computed once, when the first section asks for it."""

from __future__ import annotations

import zlib
from functools import cached_property

import numpy as np
import pandas as pd

from cardiolens.errors import BadRun
from cardiolens.evaluation.comparison import compare, with_differences
from cardiolens.evaluation.content import ReportContent
from cardiolens.evaluation.coverage import Covered, covered_by_bands
from cardiolens.evaluation.dense import Answers, dense_answers
from cardiolens.evaluation.differences import differences, shared_subjects
from cardiolens.evaluation.labels import counted
from cardiolens.evaluation.metrics import class_columns, evaluate
from cardiolens.evaluation.predictions import check_predictions
from cardiolens.evaluation.risks import Risks, calibrated_risks
from cardiolens.evaluation.tabular import METHOD as TABULAR

_SEED = 2023


class Evidence:
    """The content of a report and everything that follows from it.

    Raises:
        BadRun: the predictions are no predictions, do not cover the split or the detailed method, name participants, or
            have subjects in two splits.
    """

    def __init__(self, content: ReportContent) -> None:
        self.content = content
        self.predictions = check_predictions(content.predictions, source="predictions of the report")
        _refuse_unknown_method(content.detailed_method, self.predictions)
        refuse_leakage(self.predictions, content.subjects)

    @property
    def split(self) -> str:
        return self.content.split

    @property
    def detailed(self) -> str:
        return self.content.detailed_method

    @property
    def people(self) -> pd.DataFrame | None:
        """The table of the subjects that were asked about, with their covariates."""
        return self.content.subjects if self.content.asked is None else self.content.asked

    @property
    def compared(self) -> tuple[str, ...]:
        """The detailed method, and the tabular baseline where it was run."""
        has_tabular = TABULAR in set(self.predictions["method"].cat.categories)
        return (self.detailed, TABULAR) if has_tabular and self.detailed != TABULAR else (self.detailed,)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """`metrics.evaluate` on the split that is reported."""
        if self.split not in self.predictions["split"].cat.categories:
            raise BadRun(
                "predictions of the report",
                found=f"the splits {', '.join(self.predictions['split'].cat.categories)}",
                expected=f"predictions on the split '{self.split}'",
                remedy="predict that split first",
            )
        return evaluate(self.predictions, split=self.split) if self.content.metrics is None else self.content.metrics

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """`comparison.compare` of all methods, and how each differs from the detailed one on shared subjects."""
        found = compare(self.metrics, split=self.split, oracle=self.content.oracle)
        here = self.predictions[(self.predictions["split"] == self.split).to_numpy()]
        if here["method"].nunique() < 2 or not (here["method"] == self.detailed).any():
            return found
        paired = differences(
            shared_subjects(here), reference=self.detailed, split=self.split, rng=self.rng("paired differences")
        )
        return with_differences(found, paired, reference=self.detailed)

    @cached_property
    def risks(self) -> list[Risks]:
        """Calibrated risks of every method; empty where nobody was asked about the calibration subjects."""
        return calibrated_risks(self.predictions, split=self.split)

    @cached_property
    def risks_compared(self) -> list[Risks]:
        """Those of `compared`, by disease and then in their order."""
        columns = dict.fromkeys(one.column for one in self.risks)
        return [
            one
            for column in columns
            for method in self.compared
            for one in self.risks
            if (one.column, one.method) == (column, method)
        ]

    @cached_property
    def phenotype_answers(self) -> dict[str, Answers]:
        """By split, what the detailed method says about columns of values."""
        is_value = ~self.predictions["column"].isin(class_columns(self.predictions)).to_numpy()
        mine = is_value & (self.predictions["method"] == self.detailed).to_numpy()
        splits = self.predictions["split"].cat.categories
        found = {split: dense_answers(self.predictions, split=split, chosen=mine) for split in splits}
        return {split: answers[self.detailed] for split, answers in found.items() if self.detailed in answers}

    @cached_property
    def covered(self) -> Covered | None:
        """Whether prediction intervals of the detailed method hold the truth; None where validation was not asked about."""
        found = self.phenotype_answers
        if not {self.split, "select", "calibrate"} <= set(found):
            return None
        asked, select, calibrate = (found[split] for split in (self.split, "select", "calibrate"))
        columns = [c for c in asked.columns if all(one.answers(c) for one in (asked, select, calibrate))]
        return covered_by_bands(asked, select, calibrate, columns) if columns else None

    def rng(self, what: str) -> np.random.Generator:
        """Random numbers of their own for each use, so that no section changes another."""
        return np.random.default_rng([_SEED, zlib.crc32(what.encode())])


def refuse_leakage(checked: pd.DataFrame, subjects: pd.DataFrame | None) -> None:
    """Refuse subjects who stand in two splits, in the predictions or between these and the cohort.

    Raises:
        BadRun: somebody does; every number would be too good.
    """
    pairs = checked[["subject", "split"]].drop_duplicates()
    twice = pairs.loc[pairs["subject"].duplicated(keep=False), "split"].unique()
    if len(twice):
        raise _leaked(f"subjects in several splits: {', '.join(sorted(map(str, twice)))}")
    if subjects is None:
        return
    of_cohort = subjects.drop_duplicates("subject").set_index("subject")["split"].astype(str)
    known = pairs.assign(cohort=pairs["subject"].astype(str).map(of_cohort)).dropna(subset="cohort")
    # People of another cohort may all be asked about; people of this one only in the split that is theirs.
    wrong = known[(known["split"].astype(str) != known["cohort"])]
    if not wrong.empty:
        split, cohort = wrong.iloc[0][["split", "cohort"]]
        raise _leaked(f"{counted(len(wrong), 'subject')} of the cohort's split '{cohort}' asked about as '{split}'")


def _leaked(found: str) -> BadRun:
    return BadRun(
        "predictions of the report",
        found=found,
        expected="every subject in one split",
        remedy="predict again from the cohort that was trained on; what leaked would make every number too good",
    )


def _refuse_unknown_method(method: str, predictions: pd.DataFrame) -> None:
    known = list(predictions["method"].cat.categories)
    if method not in known:
        raise BadRun(
            "predictions of the report",
            found=f"no method '{method}'",
            expected=f"one of {', '.join(known)}",
            remedy="name one of them",
        )
