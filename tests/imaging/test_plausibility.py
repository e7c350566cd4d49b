import math
from dataclasses import replace

import numpy as np
import pytest

from cardiolens.imaging.phases import Phases
from cardiolens.imaging.phenotype_table import PHENOTYPES
from cardiolens.imaging.plausibility import flag_phases, flag_values, plausible_range

USUAL = {"LVEDV": 148, "LVESV": 60, "LVSV": 88, "LVEF": 59, "LVCO": 5.4, "LVM": 86, "RVEDV": 160, "RVESV": 75, "RVSV": 85,
         "RVEF": 53}  # fmt: skip
BY_GROUP = {"WT": 5.7, "Ecc": -22.0, "Err": 45.0}


def usual():
    return {p.column: float(USUAL[p.name] if p.name in USUAL else BY_GROUP[p.group]) for p in PHENOTYPES}


def test_a_usual_heart_raises_no_flag():
    assert flag_values(usual(), heart_rate_bpm=62.0) == {}


@pytest.mark.parametrize(
    ("column", "value"),
    [("lvedv_ml", 39.0), ("lvef_percent", 90.0), ("lvm_g", 351.0), ("rvef_percent", 5.0), ("wt_aha_3_mm", 1.9),
     ("wt_global_mm", 16.5), ("ecc_aha_16_percent", 0.0), ("ecc_aha_2_percent", -44.0),
     ("err_aha_5_percent", 152.0), ("err_aha_5_percent", 0.0), ("ecc_global_percent", -2.0), ("err_global_percent", 130.0)],
)  # fmt: skip
def test_a_value_out_of_range_is_flagged_with_the_value_and_the_range(column, value):
    flags = flag_values(usual() | {column: value})
    assert list(flags) == [column]
    assert f"{value:.1f}" in flags[column]
    assert " is outside " in flags[column]


def test_ends_of_a_range_are_inside():
    for phenotype in PHENOTYPES:
        for end in plausible_range(phenotype):
            if math.isfinite(end) and phenotype.name not in ("LVSV", "RVSV"):
                assert phenotype.column not in flag_values({phenotype.column: end})


def test_missing_values_raise_no_flag():
    assert flag_values(dict.fromkeys(usual(), math.nan)) == {}
    assert flag_values({}) == {}


@pytest.mark.parametrize(("left", "right", "flagged"), [(60, 100, False), (59, 100, True), (160, 100, False), (161, 100, True)])
def test_stroke_volumes_that_differ_too_much_are_flagged(left, right, flagged):
    flags = flag_values(usual() | {"lvsv_ml": float(left), "rvsv_ml": float(right)})
    assert ("sv_ratio" in flags) == flagged


@pytest.mark.parametrize("rate", [1.2, 150.0])
def test_a_heart_rate_out_of_range_is_flagged(rate):
    assert "heart_rate_bpm" in flag_values(usual(), heart_rate_bpm=rate)


def beat(ed=0):
    curve = 100 + 45 * np.cos(2 * np.pi * (np.arange(25) - ed) / 25)
    return Phases(ed, int(curve.argmin()), (ed + 6) % 25, curve, {})


@pytest.mark.parametrize(("ed", "flagged"), [(0, False), (3, False), (4, True), (22, False), (21, True)])
def test_end_diastole_far_from_the_trigger_is_flagged_round_the_cycle(ed, flagged):
    assert ("ed" in flag_phases(beat(ed))) == flagged


def test_a_volume_that_jumps_at_end_systole_is_flagged():
    phases = beat()
    torn = phases.lv_ml.copy()
    torn[5] = 30.0
    flags = flag_phases(replace(phases, es=5, lv_ml=torn))
    assert list(flags) == ["es"]
    assert "jumps at phase 5" in flags["es"]
    assert flag_phases(phases) == {}


def test_two_phases_alone_cannot_jump():
    assert flag_phases(Phases(0, 1, 0, np.array([150.0, 60.0]), {})) == {}
    alone = np.full(25, np.nan)
    alone[[0, 9]] = 150.0, 60.0
    assert flag_phases(Phases(0, 9, 4, alone, {})) == {}
