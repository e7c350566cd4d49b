import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

PROGRAM = Path(__file__).with_name("killed_together.py")
METHODS = PROGRAM.parent.parent / "methods"
WALL_CLOCK = {"seconds", "examples_per_second"}


@pytest.mark.timeout(1200)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this system lacks")
def test_two_processes_that_are_killed_again_and_again_end_with_the_bits_of_two_that_are_not(tmp_path):
    def found(num_kills):
        folder = tmp_path / str(num_kills)
        done = subprocess.run(
            [sys.executable, str(PROGRAM), str(folder), str(num_kills)],
            capture_output=True, text=True, timeout=900,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(METHODS), os.environ.get("PYTHONPATH", "")])},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return pickle.loads((folder / "found.pickle").read_bytes())

    (weights, metrics), (undisturbed, expected) = found(12), found(0)
    assert all(torch.equal(weights[name], weight) for name, weight in undisturbed.items())
    for line, whole in zip(metrics, expected, strict=True):
        assert {k: v for k, v in line.items() if k not in WALL_CLOCK} == {k: v for k, v in whole.items() if k not in WALL_CLOCK}
