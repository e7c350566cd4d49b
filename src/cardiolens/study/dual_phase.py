"""The second paper's study: five models that differ in how much of the MRI their ECG encoder was shown.

Table and bars are of R2 and r of phenotypes and of AUC of six diseases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cardiolens.recipes import demo, paper
from cardiolens.study.contenders import DUAL_PHASE
from cardiolens.study.paper import PaperRecipes, grid_of, planned_pretraining, run_key, slug
from cardiolens.study.plan import PlannedRun, Study, Sweep, with_settings
from cardiolens.tasks import TASKS
from cardiolens.training.config import RunConfig

DUAL_PHASE_PART = "dual_phase"
DISEASES = ("cad", "af", "scd", "hf", "mi", "cardiomyopathy")


@dataclass(frozen=True)
class Target:
    """What all models are fine-tuned on alike."""

    name: str
    """Within keys."""
    config: RunConfig
    """Its name is replaced by the model's."""


def paper_targets() -> tuple[Target, ...]:
    """Both ventricles together, and each disease by itself from balanced examples."""
    volumes = replace(paper.finetune_phenotypes().method, tasks=(TASKS["lv"], TASKS["rv"]))
    one = paper.finetune()
    return (
        Target("ventricles", replace(paper.finetune_phenotypes(), method=volumes)),
        *(Target(name, replace(one, method=replace(one.method, tasks=(TASKS[name],)))) for name in DISEASES),
    )


def demo_targets() -> tuple[Target, ...]:
    """All phenotypes and diseases by one model, on everybody: a study of an hour instead of seven."""
    joint = demo.joint()
    tasks = (TASKS["phenotypes"], *(TASKS[name] for name in DISEASES))
    return (Target("everything", replace(joint, method=replace(joint.method, tasks=tasks))),)


def dual_phase_study(recipes: PaperRecipes, targets: tuple[Target, ...], *, name: str = "dual_phase") -> Study:
    """Every run of the second paper's comparison; a learning rate is chosen per model and target."""
    sweeps: list[Sweep] = []
    tuned: list[PlannedRun] = []
    for one in DUAL_PHASE:
        start = (one.start.key,) if one.start else ()
        for target in targets:
            key = f"{DUAL_PHASE_PART}-{target.name}"
            config = with_settings(replace(target.config, name=one.name), recipes.settings)
            runs = {seed: replace(config, training=replace(config.training, seed=seed)) for seed in recipes.other_seeds}
            base = PlannedRun("", runs[recipes.other_seeds[0]], start)
            sweep = Sweep(f"sweep/{key}/{slug(one.name)}", base, grid_of(recipes, config))
            sweeps.append(sweep)
            tuned += [
                PlannedRun(run_key(key, one.name, 1.0, seed), run, start, sweep.key, predicts=True)
                for seed, run in runs.items()
            ]
    pretraining, of_pretraining = planned_pretraining(DUAL_PHASE, recipes)
    return Study(name, (*pretraining, *tuned), (*of_pretraining, *sweeps))


def keys_of_dual_phase(study: Study) -> list[str]:
    """The runs of a larger study that the second paper's table shows."""
    return [run.key for run in study.runs if run.predicts and run.key.startswith(DUAL_PHASE_PART)]
