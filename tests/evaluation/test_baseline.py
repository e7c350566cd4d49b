import numpy as np
import pandas as pd

from cardiolens.evaluation.baseline import baseline_table
from cardiolens.evaluation.rendering import as_text


def _subjects(n: int = 100) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject": [f"{k:012x}" for k in range(n)],
            "split": ["train"] * (7 * n // 10) + ["test"] * (3 * n // 10),
            "has_cmr": [True] * (n - 10) + [False] * 10,
            "age_years": np.where(np.arange(n) < 12, np.nan, 60.0 + np.arange(n) % 10),
            "sex": ["F", "M"] * (n // 2),
            "ethnicity": ["White"] * (n - 3) + ["Black"] * 3,
            "cad": pd.array(([1] * 4 + [0] * 6) * (n // 10), dtype="Float64"),
            "lvef_percent": 55.0,
        }
    )


def _rows(table) -> dict[str, list[tuple[str, str]]]:
    return {row[0].text: [(cell.text, cell.detail) for cell in row[1:]] for block in table.blocks for row in block.rows}


def test_people_are_counted_by_split_with_what_is_unknown_and_without_naming_anybody():
    subjects = _subjects()
    table = baseline_table(subjects)
    rows = _rows(table)
    assert [cell.text for cell in table.header] == ["", "train", "test", "all"]
    assert rows["Subjects"] == [("70", ""), ("30", ""), ("100", "")]
    assert rows["With MRI"][1] == ("20", "66.7 %")
    assert rows["Coronary artery disease"][2] == ("40", "40.0 %")
    assert rows["Age, years"][0][1] == "12 unknown"
    assert rows["Age, years"][1] == (f"{subjects['age_years'][70:].mean():.1f} ± {subjects['age_years'][70:].std():.1f}", "")
    assert rows["LVEF, %"][0] == ("55.0 ± 0.0", "")
    assert not set(subjects["subject"]) & set(as_text(table).split())


def _shown(numbers: pd.DataFrame, what: str, count: str) -> pd.Series:
    return numbers[numbers["what"] == what].set_index("split")[count]


def test_a_count_of_a_few_does_not_follow_from_the_other_splits():
    subjects = _subjects(200).assign(split=["train"] * 120 + ["select"] * 20 + ["calibrate"] * 20 + ["test"] * 40)
    subjects["cad"] = [1.0] * 30 + [0.0] * 90 + [1.0] * 4 + [0.0] * 16 + [0.0] * 10 + [1.0] * 10 + [0.0] * 20 + [1.0] * 20
    table = baseline_table(subjects)
    assert [cell[0] for cell in _rows(table)["Coronary artery disease"]] == ["30", "not shown", "not shown", "20", "64"]
    few = table.numbers[(table.numbers["what"] == "Coronary artery disease") & (table.numbers["kind"] == "few")]
    assert few[["value", "low", "high", "events", "n", "missing"]].isna().all(axis=None)


def test_nearly_all_is_a_few_of_the_others():
    subjects = _subjects(100).assign(sex=["F"] * 65 + ["M"] * 5 + ["F", "M"] * 15)
    assert [cell[0] for cell in _rows(baseline_table(subjects))["Women"]] == ["not shown", "not shown", "80"]


def test_how_many_are_unknown_follows_from_no_share():
    subjects = _subjects(100)
    subjects.loc[[3, 8, 90], "cad"] = None
    numbers = baseline_table(subjects).numbers
    assert _shown(numbers, "Coronary artery disease", "missing").isna().all()
    assert _shown(numbers, "Coronary artery disease", "events").tolist() == [27, 11, 38]
    assert numbers.loc[numbers["what"] == "Coronary artery disease", ["value", "low", "high", "n"]].isna().all(axis=None)


def test_a_mean_of_a_few_is_not_shown():
    subjects = _subjects(100)
    subjects.loc[75:, "age_years"] = np.nan
    numbers = baseline_table(subjects).numbers
    assert _shown(numbers, "Age, years", "value").isna().tolist() == [True, True, False]


def test_a_rare_ethnicity_does_not_follow_from_the_others():
    subjects = _subjects(200)
    subjects["ethnicity"] = ["White"] * 120 + ["Asian"] * 20 + ["White"] * 30 + ["Asian"] * 27 + ["Black"] * 3
    rows = _rows(baseline_table(subjects))
    assert rows["White"][:2] == [("120", "85.7 %"), ("30", "50.0 %")]
    assert {rows[level][0][0] for level in ("Asian", "Black")} == {"not shown"}
    assert {rows[level][2][0] for level in ("Asian", "Black")} == {"not shown"}
    assert _rows(baseline_table(_subjects()))["Black"] == [("not shown", "")] * 3


def test_a_further_visit_counts_nobody_twice():
    subjects = _subjects()
    again = pd.concat([subjects, subjects.head(10)], ignore_index=True)
    assert _rows(baseline_table(again))["Subjects"] == [("70", ""), ("30", ""), ("100", "")]
