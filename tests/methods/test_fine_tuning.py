import pytest

from cardiolens.errors import BadOption
from cardiolens.methods.fine_tuning import FineTuning, FineTuningConfig
from cardiolens.methods.supervised import Supervised, SupervisedConfig
from cardiolens.methods.supervised_image import SupervisedImage, SupervisedImageConfig
from cardiolens.tasks import TASKS


@pytest.mark.parametrize("config", [SupervisedConfig, SupervisedImageConfig])
def test_both_ways_of_fine_tuning_share_tasks_and_their_checks(config):
    assert issubclass(config, FineTuningConfig)
    made = config(tasks=(TASKS["cad"], TASKS["lv"]))
    assert made.columns == (*TASKS["cad"].columns, *TASKS["lv"].columns)
    assert [head.binary for head in made.heads] == [True, False]
    with pytest.raises(BadOption, match="at least one task"):
        config(tasks=())
    with pytest.raises(BadOption, match="weights for af"):
        config(tasks=(TASKS["cad"],), task_weights={"af": 2.0})


def test_both_methods_are_fine_tuning():
    assert issubclass(Supervised, FineTuning)
    assert issubclass(SupervisedImage, FineTuning)
