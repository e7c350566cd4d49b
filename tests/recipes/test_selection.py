import pytest

from cardiolens.configs import from_json, to_json
from cardiolens.errors import BadOption
from cardiolens.recipes.selection import aimed_at, describe_recipes, recipes, select
from cardiolens.training.config import Precision, RunConfig


@pytest.mark.parametrize("name", sorted(recipes()))
def test_every_recipe_survives_the_way_to_json_and_promises_something(name):
    config = select(name)
    assert from_json(RunConfig, to_json(config), source="config.json") == config
    assert name in describe_recipes()
    assert len(recipes()[name].__doc__) > 20


def test_single_settings_are_overridden_and_the_rest_stays():
    config = select("demo.mdm", ["--training.epochs", "7", "--method.hidden-ratio", "0.5", "--training.precision", "fp32"])
    assert (config.training.epochs, config.method.hidden_ratio, config.training.precision) == (7, 0.5, Precision.FP32)
    assert config.training.batch_size == select("demo.mdm").training.batch_size


def test_a_misspelt_recipe_is_answered_with_its_neighbours():
    with pytest.raises(BadOption, match=r"paper\.mmd.*paper\.mdm"):
        select("paper.mmd")


def test_a_misspelt_setting_is_answered_with_its_neighbours():
    with pytest.raises(BadOption, match=r"--training\.epoch;.*--training\.epochs") as caught:
        select("demo.mdm", ["--training.epoch", "3"])
    assert "\n" not in str(caught.value)


def test_a_value_that_does_not_fit_is_one_line():
    with pytest.raises(BadOption, match="abc") as caught:
        select("demo.mdm", ["--training.epochs", "abc"])
    assert "\n" not in str(caught.value)


def test_fine_tuning_aims_at_tasks_and_at_any_label_column(tiny_cohort):
    config = aimed_at(select("demo.finetune"), tiny_cohort, ["af", "heart_rate_bpm"])
    assert config.method.columns == ("af", "heart_rate_bpm")
    assert not config.data.balanced
    assert aimed_at(select("demo.finetune"), tiny_cohort, ["dm"]).data.balanced


def test_pre_training_has_no_target(tiny_cohort):
    with pytest.raises(BadOption, match="fine-tunes"):
        aimed_at(select("demo.mdm"), tiny_cohort, ["cad"])


def test_an_unknown_label_column_is_refused_by_name(tiny_cohort):
    with pytest.raises(BadOption, match=r"lvmm_g.*lvm_g"):
        aimed_at(select("demo.finetune"), tiny_cohort, ["lvmm_g"])
