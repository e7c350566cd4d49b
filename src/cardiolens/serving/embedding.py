"""The encoder as a transformer of scikit-learn: ECGs in, a matrix for any classifier, regression or clustering out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from einops import rearrange
from jaxtyping import Float32
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from cardiolens.errors import BadInput
from cardiolens.serving.embedding_model import EmbeddingModel, embedding_names
from cardiolens.serving.intake import Intake, ReadyEcg, in_batches
from cardiolens.signals.quality import refuse_short
from cardiolens.types import LEADS, RATE_HZ, Recording


class EcgEmbedder(TransformerMixin, BaseEstimator):
    """ECGs to embeddings, shape (ecg, width), float32; nothing is learnt, so `fit` may be left out.

    `X` is one of
    - an array (ecg, 12, time) in millivolts, leads in the order of `types.LEADS`;
    - the same as (ecg, 12 * time), lead after lead, as scikit-learn's own tools and data frames want it;
    - a list, array or series of file paths, `Recording`s or arrays (12, time), each of its own length.

    Every ECG goes the way of `Predictor`: the input contract (5 s or more, quality, 500 Hz), then cleaning. One that would be
    refused there raises here, since a row cannot be left out of `X` without `y`; drop it first (`cardiolens inspect` or
    `embed` name it). An embedding is the same to 1e-6 whatever stands beside it in `X`, and equals that of `cardiolens embed`.

    The weights are read when they are first needed and are no part of the object: copies and pickles hold the settings alone,
    and `model` must exist where they are used.

    Parameters:
        model: a bundle's folder or name on the hub; None is the one that ships, trained on synthetic hearts alone.
        batch_size: how many ECGs are held at a time while they are prepared; it changes no number.
        rate_hz: samples per second and lead of arrays; files and recordings say their own.

    Fitted on arrays it has `n_features_in_` = 12 * time and takes arrays of that length alone; lists are not bound by it.
    """

    # Without annotations: scikit-learn wants anything taken here and looked at in `fit`, also where types are checked.
    def __init__(self, model=None, *, batch_size=64, rate_hz=RATE_HZ) -> None:
        self.model = model
        self.batch_size = batch_size
        self.rate_hz = rate_hz

    def fit(self, X: object, y: object = None) -> EcgEmbedder:
        """Look at settings, bundle and shape; `y` is ignored.

        Raises:
            ValueError: arrays that are not 12 leads of 5 s or more, or a setting outside its range.
            BadBundle: `model` is no whole bundle.
        """
        self._ecgs(X, reset=True)
        self.width_ = self._model().width
        return self

    def transform(self, X: object) -> Float32[np.ndarray, "ecg width"]:
        """One row per ECG.

        Raises:
            ValueError: as for `fit`, or an ECG does not meet the input contract; it is named.
            BadBundle: `model` is no whole bundle.
        """
        ecgs, model = self._ecgs(X, reset=False), self._model()
        intake = model.intake()

        def prepare(place: int) -> ReadyEcg:
            try:
                return self._ready(intake, self._named(ecgs[place], place))
            except BadInput as error:
                raise ValueError(str(error)) from error

        return np.concatenate([model.embed(batch) for batch in in_batches(range(len(ecgs)), prepare, size=self.batch_size)])

    def get_feature_names_out(self, input_features: Iterable[str] | None = None) -> np.ndarray:
        """`embedding_0` and on, as the columns of `cardiolens embed`.

        Raises:
            NotFittedError: `fit` was not called, so the width is not known.
            ValueError: `input_features` are others than those that were fitted on.
        """
        check_is_fitted(self, "width_")
        given = None if input_features is None else list(input_features)
        if given is not None and given != list(getattr(self, "feature_names_in_", given)):
            raise ValueError("input_features is not equal to feature_names_in_")
        if given is not None and len(given) != getattr(self, "n_features_in_", len(given)):
            raise ValueError(
                f"input_features should have length equal to n_features_in_, {self.n_features_in_}; got {len(given)}"
            )
        return np.array(embedding_names(self.width_), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True  # few missing samples are none to cleaning; many are refused
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _model(self) -> EmbeddingModel:
        return EmbeddingModel.from_pretrained(self.model)

    def _ready(self, intake: Intake, ecg: Path | str | Recording) -> ReadyEcg:
        return intake.any(ecg)

    def _named(self, ecg: Path | str | Recording | np.ndarray, place: int) -> Path | str | Recording:
        """An array as a recording that is called by its place, for messages."""
        if isinstance(ecg, str | Path | Recording):
            return ecg
        return Recording(np.asarray(ecg, np.float32), LEADS, float(self.rate_hz), source=f"X[{place}]")

    def _ecgs(self, X: Any, *, reset: bool) -> list[Any]:
        """Files, recordings and arrays (12, time), as they were given."""
        if not self.batch_size >= 1 or not 0 < self.rate_hz < np.inf:
            raise ValueError(f"batch_size 1 or more and rate_hz above 0 are expected, found {self.batch_size}, {self.rate_hz}")
        if isinstance(X, str | Path):
            raise ValueError("one path is given where a list of ECGs is expected: write [path]")
        if (listed := _listed(X)) is not None:
            return listed
        if getattr(X, "ndim", 2) == 3:
            if X.shape[1] != len(LEADS):
                raise ValueError(f"arrays of shape (ecg, {len(LEADS)} leads, time) are expected, found {tuple(X.shape)}")
            X = rearrange(np.asarray(X), "ecg lead time -> ecg (lead time)")
        flat = validate_data(self, X, reset=reset, dtype=np.float32, ensure_all_finite=False)
        return self._unfolded(flat)

    def _unfolded(self, flat: Float32[np.ndarray, "ecg feature"]) -> list[Any]:
        if flat.shape[1] % len(LEADS):
            raise ValueError(
                f"rows of {len(LEADS)} leads, one after the other, are expected; found n_features = {flat.shape[1]}, "
                f"no multiple of {len(LEADS)}; give an array (ecg, {len(LEADS)}, time)"
            )
        ecgs = list(rearrange(flat, "ecg (lead time) -> ecg lead time", lead=len(LEADS)))
        try:
            refuse_short(self._named(ecgs[0], 0))
        except BadInput as error:
            raise ValueError(str(error)) from error
        return ecgs


def _listed(X: Any) -> list[Any] | None:
    """The items of a one-dimensional collection of ECGs, or of a table of one column; None where X is something else."""
    if getattr(X, "ndim", 1) == 2 and X.shape[1] == 1 and (column := np.asarray(X)).dtype.kind in "OU":
        X = column[:, 0]
    if isinstance(X, bytes) or getattr(X, "ndim", 1) != 1 or not isinstance(X, Iterable):
        return None
    items = list(X)
    whole = all(isinstance(item, str | Path | Recording) or getattr(item, "ndim", 0) == 2 for item in items)
    return items if items and whole else None
