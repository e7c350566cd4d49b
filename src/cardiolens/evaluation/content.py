"""What a report is made of: tables and arrays that other rooms wrote, and what was run to get them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Real

from cardiolens.types import RATE_HZ


@dataclass(frozen=True)
class Reconstruction:
    """One ECG, cleaned, before and after the masked autoencoder; `hidden` splits each lead into patches of equal length."""

    original: Float[np.ndarray, "12 time"]
    reconstructed: Float[np.ndarray, "12 time"]
    hidden: Bool[np.ndarray, "12 patch"]


@dataclass(frozen=True)
class SimilarityMaps:
    """Mid-phase MRI pictures and, at their size, the cosine (-1..1) of the ECG's projection with each place's."""

    pictures: Real[np.ndarray, "example height width"]
    similarity: Float[np.ndarray, "example height width"]


@dataclass(frozen=True)
class OneAnswer:
    """What a model says about one ECG.

    `answer` is a predictor's: source, notes, risks (name, label, probability, prevalence), phenotypes (name, column,
    group, value, unit), model, notice. `signal_mv` is the ECG in millivolts, leads in the standard order. `measured`
    holds the subject's own phenotypes by column, where an MRI gave them.
    """

    answer: Mapping[str, Any]
    signal_mv: Float[np.ndarray, "12 time"]
    rate_hz: float = RATE_HZ
    measured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportContent:
    """Everything a report shows. What is absent is left out of the report; nothing else is optional."""

    title: str
    predictions: pd.DataFrame
    detailed_method: str
    """The method whose phenotypes are plotted one by one; a method of `predictions`."""
    is_synthetic: bool
    """Whether models were trained on synthetic hearts: stated on top."""
    commands: tuple[str, ...]
    """What a reader types to get the same, in order."""
    environment: Mapping[str, Any]
    """Versions, hashes, seeds; may be nested."""
    next_steps: tuple[str, ...]
    """Commands or sentences on how to go on."""
    split: str = "test"
    """The split whose predictions are evaluated."""
    oracle: pd.DataFrame | None = None
    """Predictions of the true risk (`comparison.oracle_predictions`)."""
    subjects: pd.DataFrame | None = None
    """A cohort's table; only counts and means of it are shown."""
    curves: pd.DataFrame | None = None
    """Columns run, epoch, metric, value (`curves.learning_curves`)."""
    reconstruction: Reconstruction | None = None
    similarity: SimilarityMaps | None = None
    prediction: OneAnswer | None = None
