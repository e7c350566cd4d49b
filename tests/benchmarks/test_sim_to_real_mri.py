from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import sim_to_real_mri as benchmark


def test_the_halves_share_nobody_and_leave_nobody_out(shared_data):
    looked_at, left_alone = ({path.stem for path, _ in benchmark.chosen_patients(final=final)} for final in (False, True))
    assert len(looked_at) == len(left_alone) == 12
    assert not looked_at & left_alone


def test_the_experts_own_masks_score_full_marks(shared_data):
    patient, row = benchmark.chosen_patients(final=False)[0]
    perfect = SimpleNamespace(segment=lambda cine: cine.masks)
    scores = benchmark.score(perfect, patient, row)
    assert {scores[name] for name in scores if name.startswith("dice_")} == {1.0}
    assert scores["lvef_found"] == scores["lvef_wanted"] == pytest.approx(row.LVEF, abs=0.1)
    assert scores["lvedv_found"] == pytest.approx(row.LVEDV_ml, rel=0.02)
    assert scores["mass_found"] == pytest.approx(row.LVM_g, rel=0.02)


def test_a_correlation_between_groups_does_not_count_within_them():
    groups = np.repeat(["low", "high"], 20)
    noise = np.random.default_rng(0).normal(0, 1, (2, 40))
    level = np.where(groups == "low", 20.0, 60.0)
    table = pd.DataFrame({"group": groups, "ef_found": level + noise[0] + 2, "ef_wanted": level + noise[1]})
    agreement = benchmark.agreement(table, "ef")
    assert agreement["r"] > 0.98
    assert abs(agreement["r_within_groups"]) < 0.4
    assert agreement["bias"] == pytest.approx(2, abs=0.5)


def test_patients_without_spacing_take_no_part_in_millilitres():
    table = pd.DataFrame({"group": ["a"] * 4, "edv_found": [1.0, 2, 3, np.nan], "edv_wanted": [1.0, 2, 3, np.nan]})
    assert benchmark.agreement(table, "edv")["mean_absolute_error"] == 0
