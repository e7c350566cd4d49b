import numpy as np
import pytest
import torch
from published_folder import noise

from cardiolens.cohorts.tensors.file_names import PhenotypeFiles, phenotype_names
from cardiolens.cohorts.tensors.phenotype_columns import (
    POSITIONS,
    STANDARDISED_COLUMNS,
    read_phenotypes,
    read_scale,
    scale_file,
)
from cardiolens.errors import BadInput
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS, PHENOTYPES


@pytest.fixture
def files(tmp_path):
    (tmp_path / "labelsOneHot").mkdir()
    files = PhenotypeFiles(*(tmp_path / name for name in phenotype_names("train")))
    torch.save(noise(0, 2), files.ecgs)
    torch.save(torch.arange(150.0).reshape(2, 75), files.values)
    torch.save(torch.ones(2, 75), files.mask)
    return files


def test_the_five_groups_stand_where_the_published_bounds_say():
    bounds = {"LV": (0, 6), "RV": (6, 10), "WT": (24, 41), "Ecc": (41, 58), "Err": (58, 75)}
    for group, (first, end) in bounds.items():
        assert [place for place, p in zip(POSITIONS, PHENOTYPES, strict=True) if p.group == group] == list(range(first, end))


def test_no_standardised_column_bears_a_unit_or_the_name_of_another():
    assert len(set(STANDARDISED_COLUMNS)) == 61
    assert not set(STANDARDISED_COLUMNS) & set(PHENOTYPE_COLUMNS)
    assert STANDARDISED_COLUMNS[:5] == ("lvedv_z", "lvesv_z", "lvsv_z", "lvef_z", "lvco_z")
    assert all(column.split("_")[-2] not in {"ml", "percent", "g", "mm", "min"} for column in STANDARDISED_COLUMNS)


def test_masked_values_are_unknown_even_where_they_are_numbers(files):
    mask = torch.ones(2, 75, dtype=torch.bool)
    mask[1, 24] = False
    torch.save(mask, files.mask)
    values = torch.arange(150.0).reshape(2, 75)
    values[1, 24] = torch.inf
    torch.save(values, files.values)
    read = read_phenotypes(files)
    assert read[0].tolist() == [float(place) for place in POSITIONS]
    assert np.isnan(read[1, 10])
    assert np.isfinite(np.delete(read[1], 10)).all()


@pytest.mark.parametrize(
    ("part", "stored", "found"),
    [
        ("values", torch.zeros(2, 61), "61 columns; expected 75 or more"),
        ("values", torch.zeros(3, 75), "expected .*3, 75.*, as the values"),
        ("values", torch.full((2, 75), torch.nan), "122 values that are not finite where the mask is 1"),
        ("values", torch.zeros(150), r"numbers of shape \(150,\)"),
        ("mask", torch.ones(2, 61), r"a mask of shape \(2, 61\)"),
        ("mask", torch.full((2, 75), 0.5), "numbers other than 0 and 1"),
        ("ecgs", noise(0, 3), "2 rows; expected 3, as many as ECGs in"),
    ],
)
def test_tables_that_do_not_fit_are_refused(files, part, stored, found):
    torch.save(stored, getattr(files, part))
    with pytest.raises(BadInput, match=found):
        read_phenotypes(files)


def test_a_scale_comes_back_to_the_last_bit_and_names_the_units(tmp_path):
    (tmp_path / "scale.csv").write_bytes(scale_file([("lvedv_ml", 0.1 + 0.2, 1 / 3)]))
    scale = read_scale(tmp_path / "scale.csv")
    assert (scale.mean[0], scale.sd[0]) == (0.1 + 0.2, 1 / 3)
    assert scale.columns == ("lvedv_ml", *STANDARDISED_COLUMNS[1:])
    assert scale.values(np.ones(61))["lvesv_z"] == 1.0
    assert read_scale(None).columns == STANDARDISED_COLUMNS


@pytest.mark.parametrize(
    "lines",
    ["column,mean", "column,mean,sd\nlvedv_ml,1,0", "column,mean,sd\nlvedv_ml,1,nan", "column,mean,sd\nlvedv,1,2",
     "column,mean,sd\nlvedv_ml,1,2\nlvedv_ml,1,2", "column,mean,sd\nlvedv_ml,1", "column,mean,sd\nlvedv_ml,x,1", ""],
)  # fmt: skip
def test_a_scale_that_cannot_be_meant_is_refused(tmp_path, lines):
    (tmp_path / "phenotype_scale.csv").write_text(lines)
    with pytest.raises(BadInput, match=r"^phenotype_scale.csv: found (another first line|the line)"):
        read_scale(tmp_path / "phenotype_scale.csv")
