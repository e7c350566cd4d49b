from cardiolens.tasks import TASKS, TaskKind


def test_the_disease_is_classified_from_its_own_column():
    task = TASKS["hf"]
    assert (task.kind, task.columns, task.label, task.metric_name) == (TaskKind.CLASSIFICATION, ("hf",), "HF", "auc")


def test_a_case_has_one_of_the_customary_codes():
    assert TASKS["hf"].icd10 == ("I50", "I110", "I130", "I132")
