import numpy as np
import pytest
from scipy.stats import binom

from cardiolens.evaluation.applicability import (
    EMBEDDING,
    VOLTAGE,
    features_of,
    neighbourhood,
    remoteness,
    thresholds_of,
)


def drawn(rng: np.random.Generator, n: int, *, shift: float = 0.0, gain: float = 1.0) -> dict[str, np.ndarray]:
    """Embeddings that vary in five of twenty directions, and three voltages that go together."""
    basis = np.random.default_rng(0).normal(size=(5, 20))
    embedding = rng.normal(size=(n, 5)) @ basis + 0.05 * rng.normal(size=(n, 20)) + shift * np.eye(20)[0]
    scale = gain * np.exp(0.25 * rng.normal(size=(n, 1)) + 0.05 * rng.normal(size=(n, 3))) * 0.4
    return features_of(embedding, scale)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(1)
    train, validation = drawn(rng, 2000), drawn(rng, 600)
    places = {name: neighbourhood(train[name]) for name in train}
    return places, thresholds_of({name: place.distance(validation[name]) for name, place in places.items()})


def test_99_of_100_people_of_the_same_kind_are_kept(fitted):
    passed = remoteness(*fitted, drawn(np.random.default_rng(2), 5000)) > 1
    # The threshold itself is of 600 people: its own error comes on top.
    assert binom.ppf(0.001, 5000, 0.004) <= passed.sum() <= binom.ppf(0.999, 5000, 0.02)


def test_another_voltage_and_a_direction_in_which_nobody_differed_are_found(fitted):
    rng = np.random.default_rng(3)
    own, louder, elsewhere = (remoteness(*fitted, drawn(rng, 300, **how)) for how in ({}, {"gain": 5.0}, {"shift": 1.0}))
    assert (louder > 1).mean() > 0.95
    assert (elsewhere > 1).mean() > 0.95
    assert np.median(own) < 0.8


def test_whose_voltage_nobody_noted_is_judged_by_the_embedding_alone(fitted):
    features = drawn(np.random.default_rng(4), 50)
    unknown = features | {VOLTAGE: np.full((50, 3), np.nan)}
    places, thresholds = fitted
    expected = places[EMBEDDING].distance(features[EMBEDDING]) / thresholds[EMBEDDING]
    assert remoteness(places, thresholds, unknown) == pytest.approx(expected)


def test_distances_are_mahalanobis_where_there_is_much_to_learn_from():
    rng = np.random.default_rng(5)
    features = rng.normal(size=(50_000, 3)) @ np.array([[2.0, 0.5, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 0.2]])
    asked = features[:20]
    inverse = np.linalg.inv(np.cov(features.T))
    centred = asked - features.mean(axis=0)
    expected = np.sqrt(np.einsum("sf,fg,sg->s", centred, inverse, centred) / 3)
    assert neighbourhood(features).distance(asked) == pytest.approx(expected, rel=0.02, abs=0.01)
