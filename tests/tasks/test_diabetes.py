from cardiolens.tasks import TASKS, TaskKind


def test_the_disease_is_classified_from_its_own_column():
    task = TASKS["dm"]
    assert (task.kind, task.columns, task.label, task.metric_name) == (TaskKind.CLASSIFICATION, ("dm",), "DM", "auc")


def test_a_case_has_one_of_the_customary_codes():
    assert TASKS["dm"].icd10 == ("E10", "E11", "E12", "E13", "E14")
