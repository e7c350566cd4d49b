from cardiolens.tasks import TASKS, TaskKind


def test_the_disease_is_classified_from_its_own_column():
    task = TASKS["mi"]
    assert (task.kind, task.columns, task.label, task.metric_name) == (TaskKind.CLASSIFICATION, ("mi",), "MI", "auc")


def test_a_case_has_one_of_the_customary_codes():
    assert TASKS["mi"].icd10 == ("I21", "I22", "I23", "I241", "I252")
