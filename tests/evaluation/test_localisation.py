import numpy as np
import pytest
from scipy.stats import spearmanr

from cardiolens.evaluation import localisation as localisation_module
from cardiolens.evaluation.localisation import (
    CHANCE,
    LOCALISATION_COLUMNS,
    SANITY_COLUMNS,
    inside_share,
    localisation,
    pointing,
    rank_correlation,
    sanity,
)

SIZE = 32


def _names(count: int) -> np.ndarray:
    return np.array([f"{number:012x}" for number in range(count)])


def _quarter(count: int) -> np.ndarray:
    """A heart in the upper left quarter."""
    inside = np.zeros((count, SIZE, SIZE), bool)
    inside[:, : SIZE // 2, : SIZE // 2] = True
    return inside


def _peak(row: int, column: int) -> np.ndarray:
    cells = np.full((4, 4), -0.5)
    cells[row, column] = 0.9
    return cells


def test_a_map_inside_has_all_its_share_and_points_there_one_outside_neither():
    maps = np.stack([_peak(0, 0), _peak(3, 3)])
    np.testing.assert_allclose(inside_share(maps, _quarter(2)), [1, 0])
    np.testing.assert_array_equal(pointing(maps, _quarter(2)), [1, 0])


def test_a_map_across_the_border_has_the_share_that_lies_inside():
    at_full_size = np.zeros((1, SIZE, SIZE))
    at_full_size[0, 4, 4] = 0.3
    at_full_size[0, 20, 20] = 0.1
    at_full_size[0, 30, 30] = -1.0
    assert inside_share(at_full_size, _quarter(1))[0] == pytest.approx(0.75)


def test_a_map_that_knows_nothing_is_at_chance_by_both_measures():
    constant = np.full((1, 4, 4), 0.2)
    assert inside_share(constant, _quarter(1))[0] == pytest.approx(0.25)
    assert pointing(constant, _quarter(1))[0] == pytest.approx(0.25)


def test_a_map_without_anything_positive_has_no_share_but_points_somewhere():
    maps = np.stack([_peak(0, 0) - 1, _peak(0, 0)])
    np.testing.assert_array_equal(np.isnan(inside_share(maps, _quarter(2))), [True, False])
    np.testing.assert_array_equal(pointing(maps, _quarter(2)), [1, 1])


def test_how_many_maps_are_enlarged_at_once_does_not_matter(monkeypatch):
    maps = np.random.default_rng(0).uniform(-1, 1, (7, 5, 5)).astype(np.float32)
    together = inside_share(maps, _quarter(7)), pointing(maps, _quarter(7))
    monkeypatch.setattr(localisation_module, "_ENLARGED_AT_ONCE", 3)
    np.testing.assert_array_equal(inside_share(maps, _quarter(7)), together[0])
    np.testing.assert_array_equal(pointing(maps, _quarter(7)), together[1])


def test_the_table_holds_every_kind_and_the_first_minus_each_other():
    rng = np.random.default_rng(0)
    trained = np.stack([_peak(0, 0) if k % 5 else _peak(3, 3) for k in range(40)])
    untrained = np.stack([_peak(*rng.integers(0, 4, 2)) for _ in range(40)])
    kinds = {"trained": trained, "untrained": untrained}
    table = localisation(kinds, _quarter(40), subjects=_names(40), rng=rng)
    assert tuple(table.columns) == LOCALISATION_COLUMNS
    there = table.set_index(["measure", "maps", "minus"])
    for measure in ("inside_share", "pointing"):
        own, other = there.loc[(measure, "trained", "")], there.loc[(measure, "untrained", "")]
        assert own["value"] == pytest.approx(0.8)
        assert own["low"] < 0.8 < own["high"]
        assert (there.loc[(measure, CHANCE, ""), ["value", "low", "high"]] == 0.25).all()
        over_chance = there.loc[(measure, "trained", CHANCE)]
        assert over_chance["value"] == pytest.approx(0.55)
        assert over_chance["low"] > 0.3
        difference = there.loc[(measure, "trained", "untrained")]
        assert difference["value"] == pytest.approx(own["value"] - other["value"])
        assert difference["low"] > 0
    assert (table["n"] == 40).all()


def test_the_interval_is_as_wide_as_the_standard_error_says():
    maps = np.stack([_peak(0, 0) if k % 2 else _peak(3, 3) for k in range(200)])
    table = localisation({"trained": maps}, _quarter(200), subjects=_names(200), rng=np.random.default_rng(0))
    row = table[(table["measure"] == "pointing") & (table["maps"] == "trained") & (table["minus"] == "")].iloc[0]
    assert row["high"] - row["low"] == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(200), rel=0.1)


def test_a_subject_with_several_rows_counts_once():
    maps = np.stack([_peak(3, 3), _peak(3, 3), _peak(3, 3), _peak(0, 0)])
    subjects = np.array(["a", "a", "a", "b"])
    table = localisation({"trained": maps}, _quarter(4), subjects=subjects, rng=np.random.default_rng(0))
    own = table[(table["maps"] == "trained") & (table["minus"] == "")]
    assert own["value"].tolist() == pytest.approx([0.5, 0.5])
    assert own["n"].tolist() == [2, 2]


def test_draws_of_untrained_models_count_by_their_mean():
    on, off = np.stack([_peak(0, 0)] * 6), np.stack([_peak(3, 3)] * 6)
    kinds = {"trained": on, "untrained": np.stack([on, off, off, off - 1])}
    there = localisation(kinds, _quarter(6), subjects=_names(6), rng=np.random.default_rng(0)).set_index(
        ["measure", "maps", "minus"]
    )
    assert there.loc[("pointing", "untrained", ""), "value"] == pytest.approx(1 / 4)
    assert there.loc[("inside_share", "untrained", ""), "value"] == pytest.approx(1 / 3), "of those that have one"
    assert there.loc[("pointing", "trained", "untrained"), "value"] == pytest.approx(3 / 4)


def test_kinds_without_a_share_are_nan_and_not_zero():
    kinds = {"trained": np.stack([_peak(0, 0)] * 3), "untrained": np.full((3, 4, 4), -0.1)}
    table = localisation(kinds, _quarter(3), subjects=_names(3), rng=np.random.default_rng(0))
    there = table.set_index(["measure", "maps", "minus"])
    for row in (("inside_share", "untrained", ""), ("inside_share", "trained", "untrained")):
        assert np.isnan(there.loc[row, ["value", "low", "high"]].astype(float)).all()
        assert there.loc[row, "n"] == 0


def test_the_rank_correlation_is_spearmans_cell_by_cell():
    maps, others = np.random.default_rng(1).uniform(-1, 1, (2, 4, 6, 6)).round(1)
    expected = [spearmanr(one.ravel(), other.ravel()).statistic for one, other in zip(maps, others, strict=True)]
    np.testing.assert_allclose(rank_correlation(maps, others), expected)
    np.testing.assert_allclose(rank_correlation(maps, np.exp(3 * maps)), 1)
    assert np.isnan(rank_correlation(maps[:1], np.ones((1, 6, 6))))[0]


def test_a_map_that_survives_random_weights_is_told_from_one_that_does_not():
    rng = np.random.default_rng(2)
    trained = rng.uniform(-1, 1, (50, 7, 7))
    randomised = {
        "survives": np.stack([trained, -trained, trained, -trained]),
        "does not": rng.uniform(-1, 1, (4, 50, 7, 7)),
    }
    table = sanity(trained, randomised, subjects=_names(50), rng=rng)
    assert tuple(table.columns) == SANITY_COLUMNS
    there = table.set_index(["randomised", "measure"])
    assert there.loc[("survives", "magnitude"), "value"] == pytest.approx(1)
    assert there.loc[("survives", "rank_correlation"), "value"] == pytest.approx(0), "half of the draws turn it over"
    for measure in ("rank_correlation", "magnitude"):
        assert there.loc[("does not", measure), "high"] < 0.2
    assert (table["draws"] == 4).all()
    assert (table["n"] == 50).all()
