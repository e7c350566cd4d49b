from cardiolens.tasks import TASKS, TaskKind


def test_the_group_holds_its_columns_in_the_papers_order():
    task = TASKS["wall_thickness"]
    assert (task.kind, task.label, len(task.columns)) == (TaskKind.REGRESSION, "WT", 17)
    assert (task.columns[0], task.columns[-1]) == ("wt_aha_1_mm", "wt_global_mm")
