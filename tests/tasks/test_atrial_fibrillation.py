from cardiolens.tasks import TASKS, TaskKind


def test_the_disease_is_classified_from_its_own_column():
    task = TASKS["af"]
    assert (task.kind, task.columns, task.label, task.metric_name) == (TaskKind.CLASSIFICATION, ("af",), "AF", "auc")


def test_a_case_has_one_of_the_customary_codes():
    assert TASKS["af"].icd10 == ("I48",)
