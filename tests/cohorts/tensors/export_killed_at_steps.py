"""As `killed_at_steps`, for an export of a cohort that was made before.

python export_killed_at_steps.py FOLDER STRIDE COHORT
"""

import sys
from functools import partial
from pathlib import Path

from killed_at_steps import build_again_and_again

from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.tensors.export_tensors import export_tensors


def build(cohort, out):
    export_tensors(cohort, out)


if __name__ == "__main__":
    build_again_and_again(Path(sys.argv[1]), int(sys.argv[2]), partial(build, Cohort.open(Path(sys.argv[3]))))
