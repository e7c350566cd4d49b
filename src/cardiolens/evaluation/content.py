"""What a report is made of: tables and arrays that other rooms wrote, and what was run to get them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Real

from cardiolens.evaluation.rendering import Table
from cardiolens.notice import NOTICE
from cardiolens.types import RATE_HZ


def figure_footer(*, trained_on_synthetic: bool, about_synthetic: bool) -> str:
    """The line at the foot of every figure: whose data it shows, and what it may be used for."""
    if about_synthetic:
        shown = "Synthetic hearts, not people."
    else:
        shown = "Recorded data; the model learned from synthetic hearts." if trained_on_synthetic else "Recorded data."
    return f"{shown} {NOTICE}"


def measured_in_words(*, about_synthetic: bool) -> str:
    """What a predicted phenotype is compared with."""
    return "value of the synthetic heart" if about_synthetic else "measured on MRI"


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
    metrics: pd.DataFrame | None = None
    """`metrics.evaluate` of the predictions on `split`, where it was computed already."""
    split: str = "test"
    """The split whose predictions are evaluated."""
    oracle: pd.DataFrame | None = None
    """Predictions of the true risk (`comparison.oracle_predictions`)."""
    subjects: pd.DataFrame | None = None
    """The table of the cohort that was trained on; only counts and means of it are shown."""
    asked: pd.DataFrame | None = None
    """The table of the cohort that was asked about, where that is another one."""
    asked_is_synthetic: bool = False
    """Whether the hearts of `asked` are simulated."""
    flow: tuple[tuple[str, int], ...] = ()
    """Counts with what they are of, from the files that were found to the rows that are stored (`cohort.json`)."""
    refused: pd.DataFrame | None = None
    """Columns part (ecg or cmr) and reason, one row each (`refused.csv`)."""
    training_sets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Size of every balanced training set by column: "all" and its named parts."""
    tables: tuple[Table, ...] = ()
    """A study's own tables, shown in the place of the comparison of all methods."""
    figures: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    """A study's own figures: caption and PNG by name, with the footer of `figure_footer`."""
    heat_maps: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    """Figures of what pre-training learned: caption and PNG by name, with the footer of `figure_footer`."""
    heat_map_tables: tuple[Table, ...] = ()
    """What such maps are worth, in numbers."""
    model: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the detailed method; may be nested."""
    notes: tuple[str, ...] = ()
    """What a reader has to know about how it was made, such as what was left out."""
    curves: pd.DataFrame | None = None
    """Columns run, epoch, metric, value (`curves.learning_curves`)."""
    reconstruction: Reconstruction | None = None
    similarity: SimilarityMaps | None = None
    prediction: OneAnswer | None = None

    @property
    def about_synthetic(self) -> bool:
        """Whether those who were asked about are simulated."""
        return self.is_synthetic if self.asked is None else self.asked_is_synthetic

    @property
    def footer(self) -> str:
        """Of every figure."""
        return figure_footer(trained_on_synthetic=self.is_synthetic, about_synthetic=self.about_synthetic)

    @property
    def measured(self) -> str:
        """What phenotypes are compared with."""
        return measured_in_words(about_synthetic=self.about_synthetic)
