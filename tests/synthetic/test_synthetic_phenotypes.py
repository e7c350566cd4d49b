"""The 61 columns are one heart, and lie within plausible limits."""

import numpy as np


def test_volumes_and_rates_agree_with_each_other(many):
    p = many.phenotypes
    np.testing.assert_allclose(p["lvsv_ml"], p["lvedv_ml"] - p["lvesv_ml"])
    np.testing.assert_allclose(p["lvef_percent"], 100 * p["lvsv_ml"] / p["lvedv_ml"])
    np.testing.assert_allclose(p["lvco_l_per_min"], p["lvsv_ml"] * many.hearts.heart_rate_bpm / 1000)
    np.testing.assert_allclose(p["rvsv_ml"], p["rvedv_ml"] - p["rvesv_ml"])


def test_both_ventricles_eject_about_the_same(many):
    ratio = many.phenotypes["lvsv_ml"] / many.phenotypes["rvsv_ml"]
    assert abs(ratio.mean() - 1) < 0.02
    assert ratio.std() < 0.06


def test_every_value_lies_within_plausible_limits(many):
    limits = {
        "lvedv_ml": (40, 500),
        "lvef_percent": (8, 85),
        "lvm_g": (25, 350),
        "lvco_l_per_min": (1.5, 15),
        "rvedv_ml": (40, 500),
        "rvef_percent": (8, 85),
        "wt_global_mm": (3, 16),
        "ecc_global_percent": (-40, -3),
        "err_global_percent": (3, 120),
    }
    for column, (low, high) in limits.items():
        outside = (many.phenotypes[column] < low) | (many.phenotypes[column] > high)
        assert outside.mean() < 0.002, column
    assert all(np.isfinite(values).all() for values in many.phenotypes.values())
