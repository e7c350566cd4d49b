"""One request's ECG, from bytes to what it asked for. Runs on a worker thread; keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cardiolens.errors import BadInput, UnknownFormat
from cardiolens.evaluation.ecg_paper import ecg_paper
from cardiolens.formats.collection import read_input
from cardiolens.serving.answers import Answer, Refusal
from cardiolens.serving.explanation import Explainer
from cardiolens.serving.explanation_output import explanation_json, worth_of
from cardiolens.serving.held_files import held_inputs
from cardiolens.serving.intake import Intake, ReadyEcg
from cardiolens.serving.page.fields import in_fields, problem
from cardiolens.serving.prediction_table import as_csv

Uploads = Sequence[tuple[str, bytes]]
"""Files by name, in the order in which they came; several may have one name."""

_AT_ONCE = 32


class Unanswerable(Exception):
    """Why a request has no answer, with its HTTP status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


@dataclass(frozen=True)
class Service:
    """What the page's requests are answered from."""

    explainer: Explainer
    most_ecgs: int

    def predict(self, files: Uploads, intake: Intake) -> Answer:
        """The answer for one ECG."""
        return self.explainer.predictor.answer([_one(files, intake)])[0]

    def paper(self, files: Uploads, intake: Intake) -> bytes:
        """PNG of one ECG on paper."""
        recording = _one(files, intake).recording
        return ecg_paper(recording.signal_mv, rate_hz=recording.rate_hz, absent=recording.absent_leads, dpi=110)

    def explain(self, files: Uploads, intake: Intake, target: str) -> dict[str, Any]:
        """What carries one answer about one ECG."""
        try:
            chosen = self.explainer.target(target)
        except BadInput as error:
            raise Unanswerable(422, problem(error)) from error
        found = explanation_json(self.explainer.explain(_one(files, intake), chosen))
        del found["answer"]
        return found | {"worth": worth_of(self.explainer.config)}

    def batch(self, files: Uploads, intake: Intake) -> list[Answer | Refusal]:
        """One answer or refusal per ECG in the files, which may be zip archives."""
        with held_inputs(files) as inputs:
            if len(inputs) > self.most_ecgs:
                raise Unanswerable(413, f"{len(inputs)} ECGs; at most {self.most_ecgs} at once")
            found: list[Answer | Refusal] = []
            for first in range(0, len(inputs), _AT_ONCE):
                batch = [intake.file(one) for one in inputs[first : first + _AT_ONCE]]
                found += map(_in_fields, self.explainer.predictor.answer(batch))
        return found

    def table(self, files: Uploads, intake: Intake) -> str:
        """`batch` as CSV."""
        return as_csv(self.batch(files, intake))


def _in_fields(one: Answer | Refusal) -> Answer | Refusal:
    return replace(one, reason=in_fields(one.reason, one.source)) if isinstance(one, Refusal) else one


def _one(files: Uploads, intake: Intake) -> ReadyEcg:
    with held_inputs(files) as inputs:
        if len(inputs) != 1:
            found = f"{len(inputs)} ECGs" if inputs else "no ECG"
            raise Unanswerable(422, f"{found}; send one (several go to /v1/batch)")
        try:
            return intake.recording(read_input(inputs[0], intake.declared))
        except UnknownFormat as error:
            raise Unanswerable(415, problem(error)) from error
        except BadInput as error:
            raise Unanswerable(422, problem(error)) from error
