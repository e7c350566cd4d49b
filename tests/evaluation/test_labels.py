from cardiolens.evaluation.labels import METRIC_LABELS, ColumnLabel, column_label
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
