import pytest

from cardiolens.evaluation.paper_tables import METHODS
from cardiolens.evaluation.published import (
    ALL_PUBLISHED,
    CMR_OF_MMCL_WITHOUT_MDM,
    MAIN_PUBLISHED,
    MMCL,
    SUPERVISED,
)

TRANSCRIPT = """
|                    |                           | CAD         | AF          | DM          | LV  | RV  | WT  | Ecc | Err |
| Supervised         | ECG, supervised ViT       | 66.90+-0.47 | 69.76+-2.13 | 67.35+-0.76 | .56 | .58 | .54 | .29 | .30 |
| SimCLR             | ECG, SimCLR               | 66.03+-0.99 | 67.95+-0.59 | 68.73+-0.47 |     |     |     |     |     |
| CLOCS              | ECG, CLOCS                | 67.30+-0.46 | 67.33+-0.32 | 68.68+-0.37 |     |     |     |     |     |
| BYOL               | ECG, BYOL                 | 67.59+-0.28 | 69.76+-0.52 | 67.70+-0.26 |     |     |     |     |     |
| Barlow Twins       | ECG, Barlow Twins         | 68.11+-0.54 | 67.42+-0.72 | 69.58+-0.02 |     |     |     |     |     |
| MDM                | ECG, MDM                  | 71.71+-0.36 | 72.32+-0.73 | 73.15+-0.39 | .62 | .64 | .60 | .36 | .36 |
| MMCL w/o MDM       | ECG, MMCL without MDM     | 70.36+-0.51 | 72.41+-0.52 | 73.40+-0.48 | .58 | .60 | .57 | .32 | .33 |
| MMCL               | ECG, MDM and MMCL         | 73.00+-0.30 | 74.11+-0.53 | 75.56+-0.16 | .63 | .65 | .61 | .37 | .38 |
| Tabular            | Tabular, XGBoost          | 71.97+-0.14 | 72.22+-0.00 | 72.53+-0.15 |     |     |     |     |     |
| CMR supervised     | CMR, supervised ResNet-50 | 71.88+-0.64 | 73.11+-0.64 | 74.24+-0.50 |     |     |     |     |     |
| CMR supervised     | CMR, reference of Table IV |            |             |             | .84 | .85 | .78 | .64 | .66 |
| CMR of MMCL w/o MDM | CMR, MMCL without MDM    | 74.37+-0.69 | 77.13+-0.42 |             |     |     |     |     |     |
"""
"""The tables of arXiv 2308.05764v1 copied a second time, by hand, so that a digit mistyped in one place is seen: a method's
name in our tables, that of the published row, AUC of diseases in percent with its deviation, mean r of groups."""


def test_every_digit_is_that_of_the_paper_and_stands_beside_its_method():
    (_, _, *columns), *lines = ([cell.strip() for cell in line.split("|")[1:-1]] for line in TRANSCRIPT.strip().splitlines())
    copied = {(name, label): dict(zip(columns, cells, strict=True)) for name, label, *cells in lines}
    found = {}
    for name, rows in METHODS.items():
        for row in rows:
            auroc = {disease.upper(): f"{100 * mean:.2f}+-{100 * sd:.2f}" for disease, (mean, sd) in row.auroc.items()}
            mean_r = {group: f"{r:.2f}".removeprefix("0") for group, r in row.mean_r.items()}
            found[name, row.method] = dict.fromkeys(columns, "") | auroc | mean_r
    assert found == copied
    assert {label for _, label in copied} == {row.method for row in ALL_PUBLISHED}


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
