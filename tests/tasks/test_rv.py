from cardiolens.tasks import TASKS, TaskKind


def test_the_group_holds_its_columns_in_the_papers_order():
    task = TASKS["rv"]
    assert (task.kind, task.label, len(task.columns)) == (TaskKind.REGRESSION, "RV", 4)
    assert (task.columns[0], task.columns[-1]) == ("rvedv_ml", "rvef_percent")
