import numpy as np
import pandas as pd
import pytest

from cardiolens.errors import BadRun
from cardiolens.evaluation.predictions import (
    COLUMNS,
    check_predictions,
    concat_predictions,
    looks_like_participants,
    read_predictions,
    write_predictions,
)


def test_what_is_written_is_read_again(predictions, tmp_path):
    table = predictions()
    read = read_predictions(write_predictions(table, tmp_path / "run" / "predictions.parquet"))
    assert tuple(read.columns) == COLUMNS
    pd.testing.assert_frame_equal(read.astype({"subject": "object"}), check_predictions(table).astype({"subject": "object"}))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["predictions.parquet"]


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda t: t.drop(columns="seed"), "no column seed"),
        (lambda t: t.assign(eid=1), "unknown column eid"),
        (lambda t: t.head(0), "no rows"),
        (lambda t: t.assign(score=np.nan), "scores that are not finite"),
        (lambda t: t.assign(target=np.inf), "infinite targets"),
        (lambda t: t.assign(score="high"), "'score' of type"),
        (lambda t: t.assign(seed=0.5), "'seed' of type float64"),
        (lambda t: t.assign(method=None), "entries of 'method' that are no text"),
        (lambda t: t.assign(task=3), "entries of 'task' that are no text"),
        (lambda t: pd.concat([t, t]), "two rows for the same method"),
        (lambda t: pd.concat([t, t[["seed"]]], axis=1), "a column twice"),
        (lambda t: t.assign(subject="1234567"), "participants' numbers"),
        (lambda t: t.assign(subject="ukb_1234567_0"), "participants' numbers"),
    ],
)
def test_a_table_that_is_none_is_refused_in_one_line(predictions, spoil, found):
    with pytest.raises(BadRun) as refusal:
        check_predictions(spoil(predictions()), source="somewhere.parquet")
    assert found in str(refusal.value)
    assert str(refusal.value).startswith("somewhere.parquet: ")
    assert "\n" not in str(refusal.value)
    assert "1234567" not in str(refusal.value)


def test_a_hash_with_seven_digits_in_a_row_is_no_participant():
    assert not looks_like_participants(["a1234567beef", "12345678"])
    assert looks_like_participants(["a1234567beef", "1234567"])


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing", None])
def test_a_file_that_is_not_whole_is_refused(tmp_path, content):
    path = tmp_path / "predictions.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadRun, match=r"predictions\.parquet: found (no such file|a file that is not whole parquet)"):
        read_predictions(path)


def test_another_schema_version_is_refused(predictions, tmp_path):
    predictions().to_parquet(tmp_path / "foreign.parquet")
    with pytest.raises(BadRun, match="schema version none"):
        read_predictions(tmp_path / "foreign.parquet")


def test_tables_of_different_runs_become_one(predictions):
    whole = concat_predictions([predictions(methods=("MDM",)), predictions(methods=("MMCL",))])
    assert list(whole["method"].cat.categories) == ["MDM", "MMCL"]
    with pytest.raises(BadRun, match="two rows"):
        concat_predictions([predictions(), predictions()])
