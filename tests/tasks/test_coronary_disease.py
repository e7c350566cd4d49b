from cardiolens.tasks import TASKS, TaskKind


def test_the_disease_is_classified_from_its_own_column():
    task = TASKS["cad"]
    assert (task.kind, task.columns, task.label, task.metric_name) == (TaskKind.CLASSIFICATION, ("cad",), "CAD", "auc")


def test_a_case_has_one_of_the_customary_codes():
    assert TASKS["cad"].icd10 == ("I20", "I21", "I22", "I23", "I24", "I25")
