"""How far an ECG is from those a model learned from: beyond what nearly all of these reach, its answer is a guess.

Two distances are taken: of what the model makes of the ECG (the vector that its heads read), and of the ECG's voltage, which
cleaning takes away before the model looks. Both are Mahalanobis's, with a covariance shrunk towards a sphere so that
directions in which nobody differed do not decide. The larger one counts, each in units of its own threshold.

Sources: Mahalanobis 1936; Ledoit & Wolf 2004; Lee et al. 2018, who use it to tell foreign inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

NEIGHBOURHOOD_PARTS = ("mean", "spread", "whitening")
"""Fields of `Neighbourhood`, under which a bundle stores them."""
EMBEDDING, VOLTAGE = "embedding", "voltage"
KEPT = 0.99
"""Share of held-out subjects of the same population who are to be answered without a mark."""


@dataclass(frozen=True)
class Neighbourhood:
    """Where the training subjects lie."""

    mean: Float[np.ndarray, " feature"]
    spread: Float[np.ndarray, " feature"]
    """Standard deviations, above zero."""
    whitening: Float[np.ndarray, "feature feature"]
    """Turns standardised features into directions of unit variance."""

    def distance(self, features: Float[np.ndarray, "subject feature"]) -> Float[np.ndarray, " subject"]:
        """About one for a training subject: the root of the mean squared deviation over directions."""
        return np.sqrt(((((features - self.mean) / self.spread) @ self.whitening) ** 2).mean(axis=1))


def features_of(
    embedding: Float[np.ndarray, "subject width"], scale_mv: Float[np.ndarray, "subject group"]
) -> dict[str, Float[np.ndarray, "subject feature"]]:
    """What distances are taken of, by name: the embedding, and the logarithm of the millivolts that cleaning divided each lead
    group by; NaN where nobody noted them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        voltage = np.log(scale_mv.astype(np.float64))
    return {EMBEDDING: embedding.astype(np.float64), VOLTAGE: np.where(np.isfinite(voltage), voltage, np.nan)}


def remoteness(
    places: Mapping[str, Neighbourhood],
    thresholds: Mapping[str, float],
    features: Mapping[str, Float[np.ndarray, "subject feature"]],
) -> Float[np.ndarray, " subject"]:
    """The larger of the distances in units of their thresholds: above one for 1 of 100 people like those it was set on.

    A subject whose voltage nobody noted is judged by the embedding alone.
    """
    ratios = [places[name].distance(features[name]) / thresholds[name] for name in places]
    return np.fmax.reduce(ratios)


def thresholds_of(distances: Mapping[str, Float[np.ndarray, " subject"]], *, kept: float = KEPT) -> dict[str, float]:
    """Thresholds by name that together are passed by no more than 1 - `kept` of the subjects whose distances these are."""
    each = {name: quantile_of(of, kept=kept) for name, of in distances.items()}
    # Two limits at once would mark nearly twice as many.
    widened = quantile_of(np.fmax.reduce([distances[name] / each[name] for name in distances]), kept=kept)
    return {name: threshold * widened for name, threshold in each.items()}


def neighbourhood(features: Float[np.ndarray, "subject feature"]) -> Neighbourhood:
    """Fitted on training subjects with whole features, of whom there should be more than a few; in half precision, as a bundle
    stores it."""
    from sklearn.covariance import LedoitWolf

    features = features[np.isfinite(features).all(axis=1)]
    mean = features.mean(axis=0)
    # In units of each feature's own spread, since shrinkage towards a sphere treats all alike. A feature that is the same for
    # everybody gets a small one, so that whoever has another value stands out.
    spread = np.maximum(features.std(axis=0), 1e-3)
    covariance = LedoitWolf(assume_centered=True).fit((features - mean) / spread).covariance_
    variance, direction = np.linalg.eigh(covariance)
    whitening = direction / np.sqrt(np.maximum(variance, 1e-6 * variance.max()))
    return Neighbourhood(*(part.astype(np.float16).astype(np.float64) for part in (mean, spread, whitening)))


def quantile_of(distances: Float[np.ndarray, " subject"], *, kept: float) -> float:
    """The distance that `kept` of the subjects do not pass: the ceil((n + 1) * kept)-th smallest known one, or the largest."""
    known = np.sort(distances[np.isfinite(distances)])
    return float(known[min(int(np.ceil((len(known) + 1) * kept)), len(known)) - 1])
