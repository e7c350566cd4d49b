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
            "age_years": np.where(np.arange(n) < 5, np.nan, 60.0 + np.arange(n) % 10),
            "sex": ["F", "M"] * (n // 2),
            "ethnicity": ["White"] * (n - 3) + ["Black"] * 3,
            "cad": pd.array(([1] * 3 + [0] * 6 + [None]) * (n // 10), dtype="Float64"),
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
    assert rows["Coronary artery disease"][2] == ("30", "33.3 % · 10 unknown")
    assert rows["Age, years"][0][1] == "5 unknown"
    assert rows["Age, years"][1] == (f"{subjects['age_years'][70:].mean():.1f} ± {subjects['age_years'][70:].std():.1f}", "")
    assert rows["LVEF, %"][0] == ("55.0 ± 0.0", "")
    assert not set(subjects["subject"]) & set(as_text(table).split())


def test_a_count_of_a_few_is_not_shown():
    table = baseline_table(_subjects())
    assert _rows(table)["Black"] == [("0", ""), ("under 10", ""), ("under 10", "")]
    few = table.numbers[(table.numbers["what"] == "Black") & (table.numbers["split"] != "train")]
    assert few[["value", "events"]].isna().all().all()


def test_a_further_visit_counts_nobody_twice():
    subjects = _subjects()
    again = pd.concat([subjects, subjects.head(10)], ignore_index=True)
    assert _rows(baseline_table(again))["Subjects"] == [("70", ""), ("30", ""), ("100", "")]
