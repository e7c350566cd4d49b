"""How far an ECG is from those a model learned from: beyond what nearly all of these reach, its answer is a guess.

Distances are taken of what the model makes of the ECG (the vector that its heads read), of its voltage, which cleaning takes
away before the model looks, and of its character: rhythm, frequencies, how its leads lie to each other. A network can map
foreign signals to familiar places; the signal itself tells them then. Each distance is Mahalanobis's, with a covariance shrunk
towards a sphere so that directions in which nobody differed do not decide; of rhythm and frequencies together it is that to the
fifth nearest training ECG, since sinus rhythm, fibrillation and blocks are islands with nobody between. The largest counts, in
units of its threshold.

Sources: Mahalanobis 1936; Ledoit & Wolf 2004; Lee et al. 2018 and Sun et al. 2022, who use either to tell foreign inputs.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cardiolens.signals.character import Character

NEIGHBOURHOOD_PARTS = ("mean", "spread", "whitening")
"""Fields of `Neighbourhood`, under which a bundle stores them."""
POINTS = "points"
"""A field that only some neighbourhoods have."""
EMBEDDING, VOLTAGE, WAVES, LEAD_RELATIONS = "embedding", "voltage", "waves", "leads"
IN_WORDS = {
    EMBEDDING: "shape",
    VOLTAGE: "voltage",
    WAVES: "rate, rhythm or frequencies",
    LEAD_RELATIONS: "leads' relation to each other",
}
"""What an ECG that is far away is said to be unlike the others in."""
KEPT = 0.99
"""Share of held-out subjects of the same population who are to be answered without a mark."""


_NEIGHBOUR = 5
_MOST_POINTS = 2000


@dataclass(frozen=True)
class Neighbourhood:
    """Where the training subjects lie."""

    mean: Float[np.ndarray, " feature"]
    spread: Float[np.ndarray, " feature"]
    """Standard deviations, above zero."""
    whitening: Float[np.ndarray, "feature feature"]
    """Turns standardised features into directions of unit variance."""
    points: Float[np.ndarray, "point feature"] | None = None
    """Training subjects there, where the distance is that to the fifth nearest of them; None where it is that to the centre."""

    def distance(self, features: Float[np.ndarray, "subject feature"]) -> Float[np.ndarray, " subject"]:
        """Root of the mean square over directions of unit variance: about one from the centre, less from a neighbour."""
        there = ((features - self.mean) / self.spread) @ self.whitening
        if self.points is None:
            return np.sqrt((there**2).mean(axis=1))
        found = np.full(len(there), np.nan)
        known = np.isfinite(there).all(axis=1)
        nearest = self._tree.query(there[known], k=[min(_NEIGHBOUR, len(self.points))])[0][:, 0]
        found[known] = nearest / np.sqrt(there.shape[1])
        return found

    @functools.cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.points)


def features_of(
    embedding: Float[np.ndarray, "subject width"],
    scale_mv: Float[np.ndarray, "subject group"],
    characters: Sequence[Character] = (),
) -> dict[str, Float[np.ndarray, "subject feature"]]:
    """What distances are taken of, by name: the embedding; the logarithm of the millivolts that cleaning divided each lead
    group by, NaN where nobody noted them; and what the ECGs' characters say of waves and leads, where these are given."""
    with np.errstate(divide="ignore", invalid="ignore"):
        voltage = np.log(scale_mv.astype(np.float64))
    found = {EMBEDDING: embedding.astype(np.float64), VOLTAGE: np.where(np.isfinite(voltage), voltage, np.nan)}
    if characters:
        found[WAVES] = np.stack([np.concatenate([one.rhythm, one.frequencies]) for one in characters])
        found[LEAD_RELATIONS] = np.stack([one.leads for one in characters])
    return found


def remoteness(
    places: Mapping[str, Neighbourhood],
    thresholds: Mapping[str, float],
    features: Mapping[str, Float[np.ndarray, "subject feature"]],
) -> dict[str, Float[np.ndarray, " subject"]]:
    """Each distance in units of its threshold: for 1 of 100 people like those these were set on, one of them is above one.

    NaN where it is not known, as of a voltage that nobody noted: the others decide then (`farthest`).
    """
    return {name: places[name].distance(features[name]) / thresholds[name] for name in places if name in features}


def farthest(ratios: Mapping[str, Float[np.ndarray, " subject"]]) -> Float[np.ndarray, " subject"]:
    """The largest known of several distances."""
    return np.fmax.reduce(list(ratios.values()))


def thresholds_of(distances: Mapping[str, Float[np.ndarray, " subject"]], *, kept: float = KEPT) -> dict[str, float]:
    """Thresholds by name that together are passed by no more than 1 - `kept` of the subjects whose distances these are."""
    each = {name: quantile_of(of, kept=kept) for name, of in distances.items()}
    # Two limits at once would mark nearly twice as many.
    widened = quantile_of(farthest({name: distances[name] / each[name] for name in distances}), kept=kept)
    return {name: threshold * widened for name, threshold in each.items()}


def neighbourhood(features: Float[np.ndarray, "subject feature"], *, islands: bool = False) -> Neighbourhood:
    """Fitted on training subjects with whole features, of whom there should be more than a few; in half precision, as a bundle
    stores it. With `islands` distances are to the nearest of them."""
    from sklearn.covariance import LedoitWolf

    features = features[np.isfinite(features).all(axis=1)]
    mean = features.mean(axis=0)
    # In units of each feature's own spread, since shrinkage towards a sphere treats all alike. A feature that is the same for
    # everybody gets a small one, so that whoever has another value stands out.
    spread = np.maximum(features.std(axis=0), 1e-3)
    covariance = LedoitWolf(assume_centered=True).fit((features - mean) / spread).covariance_
    variance, direction = np.linalg.eigh(covariance)
    whitening = direction / np.sqrt(np.maximum(variance, 1e-6 * variance.max()))
    mean, spread, whitening = (_half(part) for part in (mean, spread, whitening))
    if not islands:
        return Neighbourhood(mean, spread, whitening)
    return Neighbourhood(mean, spread, whitening, _half((((features - mean) / spread) @ whitening)[:_MOST_POINTS]))


def _half(part: np.ndarray) -> np.ndarray:
    return part.astype(np.float16).astype(np.float64)


def quantile_of(distances: Float[np.ndarray, " subject"], *, kept: float) -> float:
    """The distance that `kept` of the subjects do not pass: the ceil((n + 1) * kept)-th smallest known one, or the largest."""
    known = np.sort(distances[np.isfinite(distances)])
    return float(known[min(int(np.ceil((len(known) + 1) * kept)), len(known)) - 1])
