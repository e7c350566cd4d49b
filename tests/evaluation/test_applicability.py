import numpy as np
import pytest
from scipy.stats import binom

from cardiolens.evaluation.applicability import (
    EMBEDDING,
    IN_WORDS,
    LEAD_RELATIONS,
    VOLTAGE,
    WAVES,
    farthest,
    features_of,
    neighbourhood,
    remoteness,
    thresholds_of,
)
from cardiolens.signals.character import Character


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
    passed = farthest(remoteness(*fitted, drawn(np.random.default_rng(2), 5000))) > 1
    # The threshold itself is of 600 people: its own error comes on top.
    assert binom.ppf(0.001, 5000, 0.004) <= passed.sum() <= binom.ppf(0.999, 5000, 0.02)


def test_another_voltage_and_a_direction_in_which_nobody_differed_are_found(fitted):
    rng = np.random.default_rng(3)
    own, louder, elsewhere = (
        farthest(remoteness(*fitted, drawn(rng, 300, **how))) for how in ({}, {"gain": 5.0}, {"shift": 1.0})
    )
    assert (louder > 1).mean() > 0.95
    assert (elsewhere > 1).mean() > 0.95
    assert np.median(own) < 0.8


def test_whose_voltage_nobody_noted_is_judged_by_the_embedding_alone(fitted):
    features = drawn(np.random.default_rng(4), 50)
    unknown = features | {VOLTAGE: np.full((50, 3), np.nan)}
    places, thresholds = fitted
    expected = places[EMBEDDING].distance(features[EMBEDDING]) / thresholds[EMBEDDING]
    assert farthest(remoteness(places, thresholds, unknown)) == pytest.approx(expected)


def test_distances_are_mahalanobis_where_there_is_much_to_learn_from():
    rng = np.random.default_rng(5)
    features = rng.normal(size=(50_000, 3)) @ np.array([[2.0, 0.5, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 0.2]])
    asked = features[:20]
    inverse = np.linalg.inv(np.cov(features.T))
    centred = asked - features.mean(axis=0)
    expected = np.sqrt(np.einsum("sf,fg,sg->s", centred, inverse, centred) / 3)
    assert neighbourhood(features).distance(asked) == pytest.approx(expected, rel=0.02, abs=0.01)


def test_what_characters_say_stands_beside_embedding_and_voltage():
    characters = [Character(np.full(4, k), np.full(8, 10 * k), np.full(22, 100 * k)) for k in (1.0, 2.0)]
    found = features_of(np.zeros((2, 3)), np.ones((2, 3)), characters)
    assert list(found) == [EMBEDDING, VOLTAGE, WAVES, LEAD_RELATIONS] == list(IN_WORDS)
    assert found[WAVES][1].tolist() == [2.0] * 4 + [20.0] * 8
    assert found[LEAD_RELATIONS][1].tolist() == [200.0] * 22


def test_between_two_islands_nobody_lives():
    rng = np.random.default_rng(6)
    islands = np.concatenate([rng.normal(-10, 1, (600, 2)), rng.normal(10, 1, (600, 2))])
    place, centred = neighbourhood(rng.permutation(islands), islands=True), neighbourhood(islands)
    between, own = np.array([[0.0, 0.0]]), np.array([[10.0, 10.0]])
    assert place.distance(between)[0] > 10 * place.distance(own)[0]
    assert centred.distance(between)[0] < centred.distance(own)[0]
    assert np.isnan(place.distance(np.array([[np.nan, 0.0]]))[0])


def test_the_fifth_nearest_counts():
    points = np.arange(40.0)[:, None]
    place = neighbourhood(points, islands=True)
    scale = place.whitening[0, 0] / place.spread[0]
    assert place.distance(np.array([[20.0]]))[0] == pytest.approx(2 * scale, rel=2e-2)
