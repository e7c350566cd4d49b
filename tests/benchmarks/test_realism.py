import numpy as np
import pandas as pd
import pytest
import realism

from cardiolens.synthetic.generator import make_subject


def normal_waves(seed: int, count: int, *, shift: float = 0.0) -> pd.DataFrame:
    drawn = np.random.default_rng(seed).normal(0.5, 0.2, (count, len(realism.COLUMNS)))
    drawn[:, realism.COLUMNS.index("S V5")] += shift
    return pd.DataFrame(drawn, columns=realism.COLUMNS)


@pytest.fixture(autouse=True)
def one_repeat(monkeypatch):
    monkeypatch.setattr(realism, "REPEATS", 1)
    monkeypatch.setattr(realism, "TREES", 25)


def test_what_is_drawn_alike_cannot_be_told_apart_and_a_shift_is_found_and_named():
    real = normal_waves(0, 30)
    alike = realism.compare(real, normal_waves(1, 120))
    shifted = realism.compare(real, normal_waves(1, 120, shift=-1.0))
    for name in alike.areas:
        assert 0.3 < alike.areas[name].value < 0.7
        assert shifted.areas[name].value > 0.9
    assert shifted.give_aways.index[0] == "S V5"
    assert shifted.give_aways.loc["S V5", "shift_sd"] == pytest.approx(-5, abs=1.5)


def test_waves_are_those_of_the_recording_in_mv():
    made = make_subject(seed=realism.SEED, index=0, with_mri=False).recording
    measured = realism.waves([made])
    assert list(measured) == realism.COLUMNS
    assert 0.1 < measured.loc[0, "R V5"] < 4
    assert measured.loc[0, "S V2"] < 0


def test_healthy_people_have_no_block_scar_or_fibrillation():
    found = realism.healthy_subjects(3)
    assert len({made.index for made in found}) == 3
    for made in found:
        assert made.covariates["age_years"] < realism.YOUNGER_THAN
        assert not any(made.latents[name] for name in ("lbbb", "rbbb", "lafb", "in_af_while_recorded", "scar_lad"))
