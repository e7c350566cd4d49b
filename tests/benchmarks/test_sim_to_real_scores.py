import numpy as np
import pandas as pd
import pytest
import sim_to_real

RULES = ("sokolow_lyon", "cornell", "low_t", "low_t_over_qrs", "rr_irregularity", "age_years")


@pytest.fixture
def ecgs() -> pd.DataFrame:
    """Six cases of everything, then twelve normal ones; every other person is old."""
    ill = np.arange(18) < 6
    asked = ("hypertrophy", "infarction", "fibrillation", "flutter", "arrhythmia")
    age = np.where(np.arange(18) % 2 == 0, 70.0, 45.0)
    sound = {"normal": ~ill, "other_rhythm": ~ill, "sex": ["F", "M"] * 9, "age_years": age}
    return pd.DataFrame(dict.fromkeys(asked, ill) | sound)


@pytest.fixture
def scores(ecgs) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    good, useless = ecgs["hypertrophy"] * 1.5 + rng.normal(size=18), rng.normal(size=18)
    of_models = {score: pd.DataFrame({"good": good, "useless": useless}) for score in ("lvm_g", "mi", "scars", "af")}
    return of_models | {"rules": pd.DataFrame(dict.fromkeys(RULES, useless))}


def _twice(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows, rows], ignore_index=True)


def test_every_question_is_asked_at_both_ages_of_every_model_and_rule(ecgs, scores):
    table = sim_to_real.areas(ecgs, scores)
    expected = sum(2 * (2 + len(question.rules)) for question in sim_to_real.QUESTIONS)
    assert len(table) == expected
    assert set(table.loc[table["ages"] == "over 50", "cases"]) == {3}


def test_a_gain_is_the_paired_difference_to_the_rule_to_beat(ecgs, scores):
    # Twice as many, since six cases have no interval.
    ecgs, scores = _twice(ecgs), {name: _twice(shown) for name, shown in scores.items()}
    table = sim_to_real.areas(ecgs, scores).query("question == 'hypertrophy' and ages == 'all ages'").set_index("score")
    rule = table.loc["sokolow_lyon"]
    assert rule["gain"] == 0
    assert table.loc["good", "gain"] == pytest.approx(table.loc["good", "auc"] - rule["auc"])
    assert table.loc["good", "gain_low"] < table.loc["good", "gain"] < table.loc["good", "gain_high"]
    assert table.loc["useless", "gain"] == 0


def test_the_text_names_every_question_and_score(ecgs, scores):
    text = sim_to_real.as_text(sim_to_real.areas(ecgs, scores))
    for question in sim_to_real.QUESTIONS:
        assert f"### {question.name.capitalize()} (all ages: 6 against 12; over 50: 3 against 6)" in text
    assert text.count("| good |") == len(sim_to_real.QUESTIONS)
    assert "nan" not in text


def test_mass_is_shown_for_women_and_men_apart(ecgs, scores):
    scores["lvm_g"] = pd.DataFrame({"model": np.where(ecgs["sex"] == "F", 70.0, 100.0)})
    text = sim_to_real.mass_by_sex(ecgs, scores)
    assert "normal women (6)" in text
    assert "| model | 70 ± 0 | 100 ± 0 |" in text


def test_a_question_without_cases_is_left_out(ecgs, scores):
    text = sim_to_real.as_text(sim_to_real.areas(ecgs.assign(flutter=False), scores))
    assert "### Flutter" not in text
    assert "### Fibrillation" in text


def test_a_single_case_has_an_area_without_an_interval(ecgs, scores):
    one = ecgs.assign(flutter=[True] + [False] * 17)
    text = sim_to_real.as_text(sim_to_real.areas(one, scores))
    assert "### Flutter (all ages: 1 against 12; over 50: 1 against 6)" in text
    assert "nan" not in text
