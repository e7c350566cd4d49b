"""The table of published values is complete and consistent in itself."""

import numpy as np
import pytest

from cardiolens.synthetic import published
from cardiolens.synthetic.published import MEANS, NORMAL_AMPLITUDES_MV, Sex
from cardiolens.types import LEADS

BANDS = (
    *published.LATENT_BANDS,
    *published.CORRELATION_BANDS,
    *published.ECG_BANDS,
    *published.MRI_BANDS,
    published.AF_WHILE_RECORDED,
    published.MEAN_WALL,
)


def test_every_value_names_its_source():
    assert all(row.source for row in (*MEANS, *BANDS))
    assert all(source for _, source in published.PREVALENCES.values())


def test_no_quantity_is_listed_twice_for_one_sex():
    keys = [(row.column, row.sex) for row in MEANS]
    assert len(keys) == len(set(keys))
    assert len({band.key for band in BANDS}) == len(BANDS)


def test_a_quantity_is_given_for_both_sexes_together_or_for_each():
    for column in {row.column for row in MEANS}:
        sexes = {row.sex for row in MEANS if row.column == column}
        assert sexes in ({Sex.BOTH}, {Sex.WOMEN, Sex.MEN}), column


def test_a_mean_may_miss_by_a_quarter_of_its_standard_deviation():
    (row,) = (row for row in MEANS if row.column == "lvedv_ml" and row.sex is Sex.MEN)
    assert row.tolerance == pytest.approx(8.0)


def test_bands_are_the_right_way_round():
    assert all(band.low <= band.high for band in BANDS)


def test_published_hearts_agree_with_each_other():
    """Stroke volume is ejection fraction times volume, within what rounding and spread allow."""
    for sex in (Sex.WOMEN, Sex.MEN):
        mean = {row.column: row.mean for row in MEANS if row.sex is sex}
        assert mean["lvsv_ml"] == pytest.approx(mean["lvedv_ml"] * mean["lvef_percent"] / 100, rel=0.03)


def test_amplitudes_cover_the_twelve_leads():
    assert tuple(NORMAL_AMPLITUDES_MV) == tuple(published.ALL_AMPLITUDES_MV) == LEADS


def test_r_waves_are_positive_s_waves_negative_and_spreads_positive():
    for r, s, _ in NORMAL_AMPLITUDES_MV.values():
        assert r > 0 > s
    spreads = np.array([[sd for _, sd in waves] for waves in published.ALL_AMPLITUDES_MV.values()])
    assert (spreads > 0).all()


def test_published_amplitudes_equal_the_table_they_were_taken_from(shared_data):
    import pandas as pd

    table = pd.read_csv(shared_data / "ecg" / "ptbxl2100_wave_amplitudes_mV.csv").set_index(["lead", "wave"])
    for lead, waves in published.ALL_AMPLITUDES_MV.items():
        for wave, (median, sd) in zip(published.WAVES, waves, strict=True):
            assert (median, sd) == (table.loc[(lead, wave), "p50"], table.loc[(lead, wave), "sd_mV"])
