"""A program, not a test: trains in child processes that it kills at random moments, until one gets to the end.

    python killed_again_and_again.py FOLDER NUM_KILLS

It imports everything once and forks, so that a kill costs milliseconds; it computes nothing itself.
"""

import os
import random
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path

import torch
from tiny import TinyBatches, TinyConfig, training_config

from cardiolens.progress import QuietProgress
from cardiolens.training.config import RunConfig
from cardiolens.training.loop import fit
from cardiolens.training.run import Run


def train(folder: Path) -> None:
    training = training_config(epochs=6, checkpoint_every_steps=3)
    run = Run.start_or_resume(folder, RunConfig("tiny", TinyConfig(), training), cohort="a cohort")
    if not run.is_done:
        method = run.config.method.build(seed=0)
        result = fit(method, TinyBatches(), TinyBatches(seed=1), training, run, progress=QuietProgress())
        run.finish(method.state_dict(), asdict(result))


def main(folder: Path, num_kills: int) -> None:
    moments = random.Random(0)
    kills = 0
    while True:
        child = os.fork()
        if child == 0:
            torch.set_num_threads(1)
            train(folder)
            os._exit(0)
        if kills < num_kills:
            time.sleep(moments.uniform(0.01, 0.1))
            os.kill(child, signal.SIGKILL)
            kills += 1
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            break
    print(kills)
    sys.exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
