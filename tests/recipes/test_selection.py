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


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["--training.epochs", "abc"], "--training.epochs: found abc; expected a whole number; mend the value"),
        (["--training.epochs=abc"], "--training.epochs: found abc; expected a whole number; mend the value"),
        (["--training.base_lr", "x y"], "found x y; expected a number; mend the value"),
        (["--training.epochs"], "--training.epochs: found no value; "),
        (["--training.precision", "abc"], "--training.precision: found abc; expected fp32, bf16; mend the value"),
        (["--training.betas", "0.9", "x"], "--training.betas: found 0.9 x; expected 2 numbers; mend the value"),
        (["--training.drop-last", "maybe"], "found maybe after a setting that takes no value; .*--no-NAME"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else "",
)
def test_a_value_that_does_not_fit_is_one_line_in_our_words(settings, said):
    with pytest.raises(BadOption, match=said) as caught:
        select("demo.mdm", settings)
    assert not [word for word in ("\n", "helptext", "literal", "Argument") if word in str(caught.value)]


def test_a_setting_of_the_recipe_that_has_to_change_too_is_named():
    with pytest.raises(
        BadOption, match=r"found 3\.0 in the recipe, which .* --training\.epochs; .*--training\.warmup-epochs VALUE"
    ):
        select("demo.mmcl", ["--training.epochs", "2"])
    assert select("demo.mmcl", ["--training.epochs", "2", "--training.warmup-epochs", "1"]).training.epochs == 2
    with pytest.raises(BadOption, match=r"training\.epochs: found 0; expected 1 or more; change this setting"):
        select("demo.mmcl", ["--training.epochs", "0"])


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


def test_diseases_and_phenotypes_are_suggested_first(tiny_cohort):
    with pytest.raises(BadOption, match=r"no column nosuch.*choose among ") as caught:
        aimed_at(select("demo.finetune"), tiny_cohort, ["nosuch"])
    first = caught.value.remedy.removeprefix("choose among ").split(", ")
    assert {"cad", "af", "dm"} <= set(first)
    assert "lvedv_ml" in first
    assert "age_years" not in first
