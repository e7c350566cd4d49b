import pytest

from cardiolens.evaluation.published import (
    ALL_PUBLISHED,
    CMR_OF_MMCL_WITHOUT_MDM,
    MAIN_PUBLISHED,
    MMCL,
    SUPERVISED,
)


def test_the_rows_give_the_gains_that_the_paper_announces():
    risk = max(MMCL.auroc[d][0] / SUPERVISED.auroc[d][0] - 1 for d in MMCL.auroc)
    phenotypes = max(MMCL.mean_r[g] / SUPERVISED.mean_r[g] - 1 for g in MMCL.mean_r)
    assert risk == pytest.approx(0.1219, abs=5e-5)
    assert phenotypes == pytest.approx(0.2759, abs=5e-5)


def test_values_are_fractions_under_the_names_of_columns_and_groups():
    for row in ALL_PUBLISHED:
        assert set(row.auroc) in (set(), {"cad", "af", "dm"}, {"cad", "af"})
        assert set(row.mean_r) in (set(), {"LV", "RV", "WT", "Ecc", "Err"})
        assert all(0.5 < mean < 1 and sd < 0.03 for mean, sd in row.auroc.values())
    assert all(row in ALL_PUBLISHED for row in MAIN_PUBLISHED)


def test_of_the_mri_encoders_only_what_is_certain_is_there():
    assert CMR_OF_MMCL_WITHOUT_MDM.auroc == {"cad": (0.7437, 0.0069), "af": (0.7713, 0.0042)}
    assert [row.method for row in ALL_PUBLISHED if set(row.auroc) == {"cad", "af"}] == [CMR_OF_MMCL_WITHOUT_MDM.method]
