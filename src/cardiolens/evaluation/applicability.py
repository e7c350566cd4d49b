"""How far an ECG is from those a model learned from: beyond what nearly all of these reach, its answer is a guess.

Distances are Mahalanobis's, of what the model makes of an ECG (the vector that its heads read) and of the ECG's voltage, with a
covariance shrunk towards a sphere so that directions in which nobody differed do not decide.

Sources: Mahalanobis 1936; Ledoit & Wolf 2004; Lee et al. 2018, who use it to tell foreign inputs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

NEIGHBOURHOOD_PARTS = ("mean", "spread", "whitening")
"""Fields of `Neighbourhood`, under which a bundle stores them."""
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
) -> Float[np.ndarray, "subject feature"]:
    """What distances are taken of: the embedding, and the logarithm of the millivolts that cleaning divided each lead group by.

    A scale that nobody noted is that of nobody: the subject is left without it (0, as one millivolt).
    """
    known = np.where(np.isfinite(scale_mv) & (scale_mv > 0), scale_mv, 1.0)
    return np.concatenate([embedding, np.log(known)], axis=1).astype(np.float64)


def neighbourhood(features: Float[np.ndarray, "subject feature"]) -> Neighbourhood:
    """Fitted on training subjects, of whom there should be more than a few; in half precision, as a bundle stores it."""
    from sklearn.covariance import LedoitWolf

    mean = features.mean(axis=0)
    # In units of each feature's own spread, since shrinkage towards a sphere treats all alike. A feature that is the same for
    # everybody gets a small one, so that whoever has another value stands out.
    spread = np.maximum(features.std(axis=0), 1e-3)
    covariance = LedoitWolf(assume_centered=True).fit((features - mean) / spread).covariance_
    variance, direction = np.linalg.eigh(covariance)
    whitening = direction / np.sqrt(np.maximum(variance, 1e-6 * variance.max()))
    return Neighbourhood(*(part.astype(np.float16).astype(np.float64) for part in (mean, spread, whitening)))


def threshold_of(distances: Float[np.ndarray, " subject"], *, kept: float = KEPT) -> float:
    """The distance that `kept` of held-out subjects do not pass: the ceil((n + 1) * kept)-th smallest, or the largest."""
    rank = min(int(np.ceil((len(distances) + 1) * kept)), len(distances))
    return float(np.sort(distances)[rank - 1])
