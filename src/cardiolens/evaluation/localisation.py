"""Numbers beside heat maps: whether a map lies on the heart, and whether it would be there without what was learnt.

A picture is cut to the heart, so a map that knows nothing still lies on it in part. Two measures, each with its chance, the
share of the picture that the heart takes up; and maps of other models or of other people's ECGs go through the same measures
and are subtracted subject by subject. Blood is bright, so an untrained model may point at nearly every heart or at none, as its
random signs have it: the mean of several draws belongs beside a trained one. What it is not: evidence that a map explains an
answer.

Sources: Zhang et al. 2016 (pointing game); Adebayo et al. 2018 (sanity checks); Efron & Tibshirani 1993.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
from einops import rearrange
from jaxtyping import Bool, Float, Shaped, UInt16
from scipy.stats import rankdata

from cardiolens.evaluation.bootstrap import RESAMPLES, resampled_counts
from cardiolens.imaging.views import resize_bilinear

CHANCE = "chance"
LOCALISATION_COLUMNS = ("measure", "maps", "minus", "value", "low", "high", "n")
SANITY_COLUMNS = ("randomised", "measure", "value", "low", "high", "draws", "n")
_ENLARGED_AT_ONCE = 256


def localisation(
    maps: Mapping[str, Float[np.ndarray, "... row column"]],
    inside: Bool[np.ndarray, "subject size size"],
    *,
    subjects: Shaped[np.ndarray, " subject"],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Every kind of maps and chance by both measures, then the first kind minus each other, with `LOCALISATION_COLUMNS`.

    `maps` hold cosines in cells of any size, row by row of the same pictures: those of the model first, then for instance
    those of exchanged ECGs, and of untrained models as (draw, subject, row, column), whose measures are averaged over draws.
    `inside` is the heart in the picture's frame. `minus` is empty where a row tells of one kind alone.

    `low` and `high` are limits of 95 % from `resamples` of subjects, who count once however many rows they have. `n` is the
    number of subjects whose maps have the measure: one that is nowhere positive has no share.
    """
    first, *others = maps
    area = inside.mean(axis=(1, 2))
    names, place = np.unique(subjects, return_inverse=True)
    counts = resampled_counts(len(names), resamples, rng)
    rows = []
    for measure, of_maps in (("inside_share", inside_share), ("pointing", pointing)):
        values = {kind: _over_draws(of_maps, cells, inside) for kind, cells in maps.items()} | {CHANCE: area}
        compared = [(kind, "", value) for kind, value in values.items()]
        compared += [(first, other, values[first] - values[other]) for other in (*others, CHANCE)]
        rows += [(measure, kind, minus, *_mean(_by_subject(value, place), counts)) for kind, minus, value in compared]
    return pd.DataFrame(rows, columns=list(LOCALISATION_COLUMNS))


def inside_share(
    maps: Float[np.ndarray, "subject row column"], inside: Bool[np.ndarray, "subject size size"]
) -> Float[np.ndarray, " subject"]:
    """Share of the positive similarity that lies inside; NaN where nothing is positive. A positive constant gives the area."""
    shares = np.full(len(maps), np.nan)
    for part, similarity in _enlarged(maps, inside.shape[1]):
        positive = np.clip(similarity, 0, None)
        whole = positive.sum(axis=(1, 2))
        np.divide((positive * inside[part]).sum(axis=(1, 2)), whole, out=shares[part], where=whole > 0)
    return shares


def pointing(
    maps: Float[np.ndarray, "subject row column"], inside: Bool[np.ndarray, "subject size size"]
) -> Float[np.ndarray, " subject"]:
    """1 where the map's maximum falls inside, 0 where it falls outside; of several maxima each counts for its part.

    No pixels of tolerance are given, unlike in Zhang et al.: the heart is large in these pictures.
    """
    hits = np.empty(len(maps))
    for part, similarity in _enlarged(maps, inside.shape[1]):
        highest = similarity == similarity.max(axis=(1, 2), keepdims=True)
        hits[part] = (highest & inside[part]).sum(axis=(1, 2)) / highest.sum(axis=(1, 2))
    return hits


def sanity(
    trained: Float[np.ndarray, "subject row column"],
    randomised: Mapping[str, Float[np.ndarray, "draw subject row column"]],
    *,
    subjects: Shaped[np.ndarray, " subject"],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """How much of the trained model's maps is left in those of models with random weights, with `SANITY_COLUMNS`.

    `randomised` holds by the name of what was randomised the maps of the same rows, from several draws of weights. Rows are
    `rank_correlation`, Spearman's between the two maps of a picture, and `magnitude`, its absolute value, since random weights
    may turn a map over. Both are means over draws and then subjects, with limits of 95 %. A map that stays near 1 does not
    depend on what was learnt and is worthless. Even maps that have nothing in common have some magnitude, the more so the
    smoother they are: `rank_correlation` of trained maps of one picture with those of others shows how much.
    """
    names, place = np.unique(subjects, return_inverse=True)
    counts = resampled_counts(len(names), resamples, rng)
    rows = []
    for what, draws in randomised.items():
        found = np.stack([rank_correlation(trained, one) for one in draws])
        for measure, values in (("rank_correlation", found), ("magnitude", np.abs(found))):
            value, low, high, n = _mean(_by_subject(values.mean(axis=0), place), counts)
            rows.append((what, measure, value, low, high, len(draws), n))
    return pd.DataFrame(rows, columns=list(SANITY_COLUMNS))


def rank_correlation(
    maps: Float[np.ndarray, "subject row column"], others: Float[np.ndarray, "subject row column"]
) -> Float[np.ndarray, " subject"]:
    """Spearman's correlation of two maps of the same picture, over their cells; NaN where one of them is constant."""
    one, other = (rankdata(rearrange(cells, "subject row column -> subject (row column)"), axis=1) for cells in (maps, others))
    one, other = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    spread = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    return np.divide((one * other).sum(axis=1), spread, out=np.full(len(maps), np.nan), where=spread > 0)


def _over_draws(
    of_maps: Callable[..., Float[np.ndarray, " subject"]],
    maps: Float[np.ndarray, "... row column"],
    inside: Bool[np.ndarray, "subject size size"],
) -> Float[np.ndarray, " subject"]:
    draws = maps if maps.ndim == 4 else maps[None]
    values = np.concatenate([of_maps(one, inside) for one in draws])
    return _by_subject(values, np.tile(np.arange(len(inside)), len(draws)))


def _enlarged(
    maps: Float[np.ndarray, "subject row column"], size: int
) -> Iterator[tuple[slice, Float[np.ndarray, "some size size"]]]:
    """Maps at the size of the pictures, a part of the subjects at a time."""
    for start in range(0, len(maps), _ENLARGED_AT_ONCE):
        part = slice(start, start + _ENLARGED_AT_ONCE)
        yield part, resize_bilinear(maps[part].astype(np.float64), size)


def _by_subject(values: Float[np.ndarray, " row"], place: Shaped[np.ndarray, " row"]) -> Float[np.ndarray, " subject"]:
    """The mean of each subject's known values; NaN for one without any."""
    known = ~np.isnan(values)
    sums, num = np.bincount(place, np.where(known, values, 0.0)), np.bincount(place, known)
    return np.divide(sums, num, out=np.full(len(sums), np.nan), where=num > 0)


def _mean(
    values: Float[np.ndarray, " subject"], counts: UInt16[np.ndarray, "sample subject"]
) -> tuple[float, float, float, int]:
    """The mean over subjects with a value, its limits, and how many they are; limits only where there are two or more."""
    known = ~np.isnan(values)
    n = int(known.sum())
    if n < 2:
        return (float(values[known].mean()) if n else np.nan), np.nan, np.nan, n
    weights = counts[:, known].astype(np.float64)
    held = weights.sum(axis=1)
    means = (weights[held > 0] @ values[known]) / held[held > 0]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values[known].mean()), float(low), float(high), n
