import pandas as pd
import pytest

from cardiolens.evaluation.labels import METRIC_LABELS, ColumnLabel, column_label, counted, interval_in_words, split_in_words
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.risk_metrics import RISK_METRICS
from cardiolens.imaging.phenotype_table import PHENOTYPES


def test_columns_are_called_as_in_the_paper():
    assert column_label("cad") == ColumnLabel("CAD", "Coronary artery disease")
    assert column_label("lvef_percent") == ColumnLabel("LVEF", "LVEF", "%", "LV")
    assert column_label("gout") == ColumnLabel("gout", "gout")
    assert all(column_label(p.column).unit == p.unit for p in PHENOTYPES)


def test_every_metric_has_a_name(predictions):
    found = evaluate(predictions(values=tuple(p.column for p in PHENOTYPES), subjects=20, methods=("MDM",)))
    assert {*found["metric"], *RISK_METRICS, "coverage_80", "coverage_95"} == set(METRIC_LABELS)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"low": -0.5, "high": 0.25, "n": 40, "events": 20}, "(−0.50 to 0.25)"),
        ({"low": None, "high": None, "n": 40, "events": 9}, "(too few for an interval)"),
        ({"low": None, "high": None, "n": 40, "events": 31}, "(too few for an interval)"),
        ({"low": None, "high": None, "n": 40, "events": 20}, ""),
        ({"low": None, "high": None, "n": 9, "events": pd.NA}, "(too few for an interval)"),
        ({"low": None, "high": None, "n": 10}, ""),
        ({"low": None, "high": None, "n": pd.NA, "events": pd.NA}, ""),
    ],
)
def test_an_interval_or_why_there_is_none_in_words(row, words):
    assert interval_in_words(pd.Series(row, dtype=object), 2) == words


def test_a_split_is_named_in_words():
    assert split_in_words("test") == "test subjects"
    assert split_in_words("all") == "everybody of the cohort that was asked about"
    assert split_in_words("select") == "subjects of “select”"


def test_one_is_not_counted_in_the_plural():
    assert (counted(1, "case"), counted(0, "case"), counted(1200, "case")) == ("1 case", "0 cases", "1,200 cases")
