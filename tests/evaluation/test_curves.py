import json

import pytest

from cardiolens.errors import BadRun
from cardiolens.evaluation.curves import learning_curves


def test_curves_hold_the_numbers_of_training_and_selection(tmp_path):
    lines = [
        {"epoch": 1, "step": 4, "lr": 0.1, "train_loss": 2.0, "select_cad_auc": None, "seconds": 3.0},
        {"epoch": 2, "step": 8, "lr": 0.1, "train_loss": 1.5, "select_cad_auc": 0.7, "seconds": 3.0},
    ]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"epoch": 3, "train_l')
    found = learning_curves({"MMCL": path})
    assert found.to_dict("records") == [
        {"run": "MMCL", "epoch": 1, "metric": "train_loss", "value": 2.0},
        {"run": "MMCL", "epoch": 2, "metric": "train_loss", "value": 1.5},
        {"run": "MMCL", "epoch": 2, "metric": "select_cad_auc", "value": 0.7},
    ]


@pytest.mark.parametrize("content", [None, "no json\n", "[1]\n", '{"loss": 1}\n'])
def test_a_file_that_is_no_log_is_refused(tmp_path, content):
    path = tmp_path / "metrics.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BadRun, match=r"^metrics\.jsonl: found "):
        learning_curves({"MMCL": path})
