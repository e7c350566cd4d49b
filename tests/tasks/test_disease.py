from dataclasses import replace

import pytest

from cardiolens.configs import digest, from_json, to_json
from cardiolens.tasks import TASKS, Task, TaskKind
from cardiolens.tasks.disease import disease_task


def test_a_disease_is_classified_from_the_column_of_its_name():
    task = disease_task("stroke", "ST", "Stroke", icd10=("I63", "I64"))
    assert task == Task("stroke", TaskKind.CLASSIFICATION, ("stroke",), ("Stroke",), ("",), "ST")
    assert task.icd10 == ("I63", "I64")


def test_codes_of_a_disease_are_no_setting_of_training():
    task, other = (disease_task("stroke", "ST", "Stroke", icd10=(code,)) for code in ("I63", "I64"))
    assert digest(task) == digest(other)
    assert from_json(Task, to_json(task), source="config.json") == task


def test_a_changed_copy_of_a_task_keeps_its_codes():
    assert replace(TASKS["af"], label="atrial").icd10 == ("I48",)


@pytest.mark.parametrize("name", TASKS)
def test_diseases_have_codes_and_phenotypes_have_none(name):
    assert bool(TASKS[name].icd10) == (TASKS[name].kind is TaskKind.CLASSIFICATION)
