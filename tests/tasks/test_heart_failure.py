from cardiolens.tasks import TASKS, TaskKind


def test_the_disease_is_classified_from_its_own_column():
    task = TASKS["hf"]
    assert (task.kind, task.columns, task.label, task.metric_name) == (TaskKind.CLASSIFICATION, ("hf",), "HF", "auc")
