from cardiolens.tasks import TASKS, TaskKind


def test_the_group_holds_its_columns_in_the_papers_order():
    task = TASKS["lv"]
    assert (task.kind, task.label, len(task.columns)) == (TaskKind.REGRESSION, "LV", 6)
    assert (task.columns[0], task.columns[-1]) == ("lvedv_ml", "lvm_g")
