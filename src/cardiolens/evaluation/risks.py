"""Risks as probabilities: scores calibrated on subjects that chose nothing else, and a threshold chosen on others.

Balanced training sets distort probabilities, so no score is shown as a risk before it went through here. For each method,
column and seed the map is fitted on the split `calibrate` and the threshold chosen on `select`; `test` is only asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from cardiolens.evaluation.calibration import CalibrationMap, fit_calibration
from cardiolens.evaluation.dense import Answers, dense_answers
from cardiolens.evaluation.metrics import class_columns

CALIBRATE, SELECT = "calibrate", "select"


@dataclass(frozen=True)
class Risks:
    """What one method says about one disease, for the subjects whose status is known."""

    method: str
    column: str
    seeds: tuple[int, ...]
    subjects: tuple[str, ...]
    probability: Float[np.ndarray, "seed subject"]
    positive: Bool[np.ndarray, " subject"]
    threshold: Float[np.ndarray, " seed"]
    """Youden's: where sensitivity plus specificity was highest on `select`; NaN without cases there."""
    maps: tuple[CalibrationMap, ...]
    """One per seed."""

    @property
    def mean(self) -> Float[np.ndarray, " subject"]:
        """Mean of the seeds' probabilities."""
        return self.probability.mean(axis=0)


def calibrated_risks(checked: pd.DataFrame, *, split: str = "test") -> list[Risks]:
    """The risks on `split` of every method and column of classes that was asked about `calibrate` too, in table order.

    Raises:
        BadRun: as `dense_answers`.
    """
    classes = checked["column"].isin(class_columns(checked)).to_numpy()
    held_out, chosen, asked = (dense_answers(checked, split=name, chosen=classes) for name in (CALIBRATE, SELECT, split))
    return [
        risks
        for method, answers in asked.items()
        if method in held_out
        for column in answers.columns
        if (risks := _risks(answers, held_out[method], chosen.get(method), column)) is not None
    ]


def youden_threshold(probability: Float[np.ndarray, " subject"], positive: Bool[np.ndarray, " subject"]) -> float:
    """The probability from which on a subject counts as positive, with the highest sensitivity plus specificity.

    The middle between the two neighbouring probabilities, so that it does not hang on one subject's last digit; NaN where
    one class is missing (Youden 1950).
    """
    if not positive.any() or positive.all():
        return np.nan
    order = np.argsort(-probability, kind="stable")
    sorted_probability, sorted_positive = probability[order], positive[order]
    last_of_ties = np.flatnonzero(np.append(np.diff(sorted_probability) != 0, True))
    sensitivity = np.cumsum(sorted_positive)[last_of_ties] / positive.sum()
    false_positives = np.cumsum(~sorted_positive)[last_of_ties] / (~positive).sum()
    best = last_of_ties[int(np.argmax(sensitivity - false_positives))]
    following = sorted_probability[min(best + 1, len(order) - 1)]
    return float((sorted_probability[best] + following) / 2)


def _risks(asked: Answers, held_out: Answers, chosen: Answers | None, column: str) -> Risks | None:
    if not (asked.answers(column) and held_out.answers(column)):
        return None
    scores, target = asked.of(column)
    known = ~np.isnan(target) & ~np.isnan(scores).any(axis=0)
    of_seed = _by_seed(held_out, column)
    seeds = asked.answering_seeds(column)
    if not known.any() or not set(seeds) <= set(of_seed):
        return None
    maps = tuple(fit_calibration(*of_seed[seed]) for seed in seeds)
    choosing = _by_seed(chosen, column) if chosen is not None and chosen.answers(column) else {}
    thresholds = [
        youden_threshold(one.probability(choosing[seed][0]), choosing[seed][1]) if seed in choosing else np.nan
        for seed, one in zip(seeds, maps, strict=True)
    ]
    return Risks(
        method=asked.method,
        column=column,
        seeds=seeds,
        subjects=tuple(np.array(asked.subjects, dtype=object)[known]),
        probability=np.stack([one.probability(row[known]) for one, row in zip(maps, scores, strict=True)]),
        positive=target[known] == 1,
        threshold=np.array(thresholds),
        maps=maps,
    )


def _by_seed(answers: Answers, column: str) -> dict[int, tuple[Float[np.ndarray, " subject"], Bool[np.ndarray, " subject"]]]:
    """Scores and labels of the subjects whose status is known, of every seed that answers."""
    scores, target = answers.of(column)
    found = {}
    for seed, score in zip(answers.answering_seeds(column), scores, strict=True):
        known = ~np.isnan(target) & ~np.isnan(score)
        if known.any():
            found[seed] = score[known], target[known] == 1
    return found
