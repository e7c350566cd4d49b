import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("killed_again_and_again.py")


@pytest.mark.timeout(1200)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which this system lacks")
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits_as_one_that_is_not(tmp_path):
    def weights(num_kills):
        folder = tmp_path / str(num_kills)
        done = subprocess.run(
            [sys.executable, str(PROGRAM), str(folder), str(num_kills)], capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, done.stderr
        return (folder / "model.safetensors").read_bytes(), (folder / "metrics.jsonl").read_text().count("\n")

    assert weights(15) == weights(0)
