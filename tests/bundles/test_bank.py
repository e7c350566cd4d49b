import numpy as np
import pytest
import torch

from cardiolens.bundles.bank import ReferenceBank


@pytest.fixture
def bank():
    rng = np.random.default_rng(0)
    projection = rng.normal(size=(5, 4))
    return ReferenceBank(
        tuple(f"synthetic heart {k}" for k in range(5)),
        projection / np.linalg.norm(projection, axis=1, keepdims=True),
        rng.integers(0, 256, (5, 3, 8, 8)).astype(np.uint8),
        ("age_years", "lvef_percent"),
        np.where(rng.random((5, 2)) < 0.2, np.nan, rng.normal(60, 5, (5, 2))),
    )


def test_it_comes_back_from_its_tensors(bank):
    again = ReferenceBank.from_tensors(bank.tensors(), bank.columns)
    assert (again.names, again.columns) == (bank.names, bank.columns)
    np.testing.assert_array_equal(again.pictures, bank.pictures)
    np.testing.assert_allclose(again.values, bank.values, rtol=1e-3)
    np.testing.assert_allclose(again.projection, bank.projection, atol=1e-3)


def test_unknown_values_survive_half_precision(bank):
    stored = {name: t.half().float() if t.is_floating_point() else t for name, t in bank.tensors().items()}
    assert (np.isnan(ReferenceBank.from_tensors(stored, bank.columns).values) == np.isnan(bank.values)).all()


def test_the_nearest_are_those_of_the_highest_cosine(bank):
    ecgs = bank.projection[[3, 1]] + 0.01
    rows, cosines = bank.nearest(ecgs, count=3)
    assert rows[:, 0].tolist() == [3, 1]
    assert (np.diff(cosines, axis=1) <= 0).all()
    np.testing.assert_allclose(cosines, np.sort(ecgs @ bank.projection.T, axis=1)[:, ::-1][:, :3])


@pytest.mark.parametrize("broken", ["names", "pictures", "values", "projection"])
def test_tensors_of_different_hearts_are_refused(bank, broken):
    stored = bank.tensors() | {broken: bank.tensors()[broken][:-1]}
    with pytest.raises(ValueError, match="same hearts"):
        ReferenceBank.from_tensors(stored, bank.columns)
    with pytest.raises(ValueError, match="a bank has"):
        ReferenceBank.from_tensors(bank.tensors() | {"more": torch.zeros(5)}, bank.columns)
