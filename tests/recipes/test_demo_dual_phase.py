import pytest

from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.recipes import demo, demo_dual_phase
from cardiolens.study.plan import with_settings
from cardiolens.training.train import train

RECIPES = (demo_dual_phase.slice, demo_dual_phase.cine, demo_dual_phase.stack, demo_dual_phase.dual_phase)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    out = tmp_path_factory.mktemp("volumes") / "cohort"
    return prepare_synthetic(out, subjects=14, seed=0, with_volumes=True, with_cine=True, grid=demo_dual_phase.GRID)


@pytest.mark.parametrize("recipe", RECIPES)
def test_each_branch_trains_on_a_cohort_with_volumes_and_cines(recipe, cohort, tmp_path):
    short = {"training.warmup_epochs": 0.0, "training.epochs": 1, "training.batch_size": 4}
    run = train(with_settings(recipe(), short), cohort, tmp_path / "run")
    assert run.is_done
    assert recipe().method.encoder == demo.mmcl().method.encoder
