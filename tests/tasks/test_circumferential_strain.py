from cardiolens.tasks import TASKS, TaskKind


def test_the_group_holds_its_columns_in_the_papers_order():
    task = TASKS["circumferential_strain"]
    assert (task.kind, task.label, len(task.columns)) == (TaskKind.REGRESSION, "Ecc", 17)
    assert (task.columns[0], task.columns[-1]) == ("ecc_aha_1_percent", "ecc_global_percent")
