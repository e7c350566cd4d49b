import math

import numpy as np
import pytest

from cardiolens.imaging.phases import choose_phases
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.imaging.ventricles import VENTRICULAR_COLUMNS, measure_ventricles

SPACING_MM = (10.0, 2.0, 1.5)
VOXEL_ML = 0.03


def measure(pixels, *, slices=6, heart_rate_bpm=60.0):
    """`pixels` per slice and phase: left cavity, wall, right cavity."""
    masks = np.zeros((len(pixels), slices + 1, 6, 8), dtype=np.uint8)
    for phase, counts in enumerate(pixels):
        masks[phase, :slices].reshape(slices, -1)[:, : sum(counts)] = np.repeat([1, 2, 3], counts)
    phases = choose_phases(masks, spacing_mm=SPACING_MM, source="scan")
    return measure_ventricles(masks, phases, spacing_mm=SPACING_MM, heart_rate_bpm=heart_rate_bpm)


def test_the_columns_are_the_first_ten_of_the_61():
    assert PHENOTYPE_COLUMNS[:10] == VENTRICULAR_COLUMNS


def test_pixels_are_summed_with_the_spacing_of_the_slices():
    found = measure([(20, 10, 15), (12, 13, 9), (8, 14, 8)], heart_rate_bpm=75.0)
    assert found.reasons == {}
    ml = 6 * VOXEL_ML
    expected = [20 * ml, 8 * ml, 12 * ml, 60, 12 * ml * 0.075, 10 * ml * 1.05, 15 * ml, 8 * ml, 7 * ml, 100 * 7 / 15]
    assert list(found.by_column().values()) == pytest.approx(expected)


def test_the_right_ventricle_is_measured_in_the_phases_of_the_left_one():
    found = measure([(20, 10, 15), (12, 13, 17), (8, 14, 9), (10, 10, 5)])
    assert found.rvedv_ml == pytest.approx(15 * 6 * VOXEL_ML)
    assert found.rvesv_ml == pytest.approx(9 * 6 * VOXEL_ML)


def missing(found):
    return {column for column, value in found.by_column().items() if math.isnan(value)}


@pytest.mark.parametrize("rate", [None, math.nan, 0.0, math.inf])
def test_without_a_heart_rate_only_the_output_is_missing(rate):
    found = measure([(20, 10, 15), (8, 14, 8)], heart_rate_bpm=rate)
    assert missing(found) == {"lvco_l_per_min"}
    assert found.reasons == {"lvco_l_per_min": "no heart rate"}


def test_of_one_phase_there_are_end_diastolic_volumes_and_mass():
    found = measure([(20, 10, 15)])
    assert missing(found) == set(VENTRICULAR_COLUMNS) - {"lvedv_ml", "lvm_g", "rvedv_ml"}
    assert set(found.reasons.values()) == {"one phase alone has masks"}
    assert set(found.reasons) == missing(found)


def test_masks_without_a_right_ventricle_give_the_left_one():
    found = measure([(20, 10, 0), (8, 14, 0)])
    assert missing(found) == {column for column in VENTRICULAR_COLUMNS if column.startswith("rv")}
    assert found.reasons["rvef_percent"] == "no right cavity in the masks of phase 0"


def test_masks_without_a_wall_give_no_mass():
    found = measure([(20, 0, 15), (8, 0, 8)])
    assert missing(found) == {"lvm_g"}


@pytest.mark.parametrize(("slices", "words"), [(1, "1 slice with left ventricle"), (4, "4 slices with left ventricle")])
def test_a_part_of_the_heart_has_no_volumes(slices, words):
    found = measure([(20, 10, 15), (8, 14, 8)], slices=slices)
    assert missing(found) == set(VENTRICULAR_COLUMNS) == set(found.reasons)
    assert all(reason.startswith(words) for reason in found.reasons.values())
