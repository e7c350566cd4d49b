"""The first paper's study: its methods, fine-tuned alike on diseases and phenotypes, as runs. Sizes come from recipes.

Which runs a table or figure is made of stands in `PARTS`; the tables themselves are `evaluation`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cardiolens.methods.supervised_image import SupervisedImageConfig
from cardiolens.recipes import cmr, demo, demo_cmr, paper
from cardiolens.study.contenders import CONTENDERS, Contender, Pretraining
from cardiolens.study.plan import BASE_RATE, PlannedRun, Study, Sweep, with_settings
from cardiolens.tasks import TASKS, TaskKind
from cardiolens.training.config import RunConfig

SUPERVISED, MDM, MMCL_WITHOUT_MDM, MMCL, CMR = "Supervised", "MDM", "MMCL w/o MDM", "MMCL", "CMR supervised"
CMR_OF_MMCL = "CMR of MMCL"
LOW_DATA_METHODS = (SUPERVISED, MDM, MMCL_WITHOUT_MDM, MMCL)
PHENOTYPES = "phenotypes"
_ECG = ("Supervised", "SimCLR", "BYOL", "Barlow Twins", "CLOCS", "MDM", "MMCL w/o MDM", "MMCL")


@dataclass(frozen=True)
class Part:
    """What one table or figure needs."""

    methods: tuple[str, ...]
    diseases: bool = False
    phenotypes: bool = False
    few_labels: bool = False
    """Also runs on parts of the training sets."""
    tabular: bool = False
    pretraining: tuple[str, ...] = ()
    """Pre-training runs that it shows by themselves."""


PARTS: Mapping[str, Part] = {
    "table_1": Part((SUPERVISED, MMCL, CMR), diseases=True, tabular=True),
    "table_2": Part(_ECG, diseases=True),
    "table_3": Part(LOW_DATA_METHODS, diseases=True),
    "table_4": Part((*LOW_DATA_METHODS, CMR), phenotypes=True),
    "table_5": Part((CMR, "CMR SimCLR", "CMR of MMCL w/o MDM", CMR_OF_MMCL), diseases=True),
    "figure_4": Part((MMCL,), phenotypes=True),
    "figure_5": Part(LOW_DATA_METHODS, diseases=True, few_labels=True),
    "figure_6": Part((), pretraining=("mmcl_without_mdm", "mmcl")),
    "beyond": Part(
        (SUPERVISED, MMCL_WITHOUT_MDM, MMCL, *(one.name for one in CONTENDERS if one.beyond)), diseases=True, phenotypes=True
    ),
}
_WITH_PHENOTYPES = {method for part in PARTS.values() if part.phenotypes for method in part.methods}


@dataclass(frozen=True)
class PaperRecipes:
    """The settings of every step, at one size."""

    is_demo: bool
    """Whether pre-training is of the demo's sizes instead of the paper's."""
    disease: RunConfig
    """Fine-tuning on one disease from the ECG; its task is replaced."""
    phenotypes: RunConfig
    """Fine-tuning on phenotypes from the ECG."""
    cmr_disease: RunConfig
    cmr_phenotypes: RunConfig
    grid: Mapping[str, tuple[Any, ...]]
    """Settings of fine-tuning on the ECG that validation chooses, per method and target; see `grid_of`."""
    cmr_grid: Mapping[str, tuple[Any, ...]]
    """The same of fine-tuning on the MRI, whose rates lie elsewhere."""
    pretraining_grid: Mapping[str, Mapping[str, tuple[Any, ...]]] = field(default_factory=dict)
    """Settings of pre-training runs, by key, that their validation loss chooses."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """In which every run differs from its recipe."""
    diseases: tuple[str, ...] = ("cad", "af", "dm")
    phenotype_tasks: tuple[str, ...] = (PHENOTYPES,)
    """Fine-tuned one by one: all together, or group by group as in the paper."""
    seeds: tuple[int, ...] = paper.FINE_TUNING_SEEDS
    """Of fine-tuning; pre-training is run once."""
    other_seeds: tuple[int, ...] = paper.FINE_TUNING_SEEDS
    """Of few labels, of diseases from the MRI, and of what neither paper has."""
    few_labels: Mapping[float, Mapping[str, Any]] = field(default_factory=lambda: {0.1: {}, 0.01: {}})
    """Parts of the balanced training sets for the curves with few labels, and the settings in which those runs differ."""


def paper_sizes() -> PaperRecipes:
    """The paper's own settings: days on a GPU, on UK Biobank's 28,030 training pairs."""
    return PaperRecipes(
        is_demo=False,
        disease=paper.finetune(),
        phenotypes=_on_half(paper.finetune_phenotypes()),
        cmr_disease=cmr.supervised(),
        cmr_phenotypes=_on_half(cmr.supervised_phenotypes()),
        grid={BASE_RATE: paper.FINE_TUNING_SEARCH["training.base_lr"]},
        cmr_grid={"training.base_lr": paper.CONTRASTIVE_RATES},
        phenotype_tasks=("lv", "rv", "wall_thickness", "circumferential_strain", "radial_strain"),
    )


def with_whole_search(recipes: PaperRecipes) -> PaperRecipes:
    """The paper's whole search in place of learning rates alone: 648 runs per method and disease, 216 where only phenotypes
    are learned, and the learning rates of contrastive learning. Weeks on a GPU; from the MRI 108 and 36 runs, at the rates
    that were there before."""
    others = {name: values for name, values in paper.FINE_TUNING_SEARCH.items() if name != "training.base_lr"}
    rates = {"training.base_lr": paper.CONTRASTIVE_RATES}
    return replace(
        recipes,
        grid=others | {BASE_RATE: paper.FINE_TUNING_SEARCH["training.base_lr"]},
        cmr_grid=others | recipes.cmr_grid,
        pretraining_grid={"mmcl": rates, "mmcl_without_mdm": rates},
    )


def demo_sizes() -> PaperRecipes:
    """The demo's sizes: two hours on two cores for a few hundred subjects to a thousand, a day for `benchmarks/study.py`.

    Few labels are shown more often than many, as in the paper, where every run takes 400 epochs.
    """
    return PaperRecipes(
        is_demo=True,
        disease=demo.finetune(),
        phenotypes=_on_half(demo.finetune_phenotypes()),
        cmr_disease=demo_cmr.finetune(),
        cmr_phenotypes=_on_half(demo_cmr.finetune_phenotypes()),
        grid={"training.base_lr": (1e-3, 3e-4)},
        cmr_grid={"training.base_lr": (1e-3, 3e-4)},
        other_seeds=paper.FINE_TUNING_SEEDS[:3],
        few_labels={
            0.1: {"training.epochs": 60, "training.validate_every": 2},
            0.01: {"training.epochs": 200, "training.validate_every": 10},
        },
    )


def paper_study(recipes: PaperRecipes, *, name: str = "paper") -> Study:
    """Every run of Tables I to V, Figures 4 to 6 and of what goes beyond them, the tabular baseline included."""
    sweeps: list[Sweep] = []
    tuned: list[PlannedRun] = []
    for target in _targets(recipes):
        config = with_settings(target.config, recipes.settings)
        base = PlannedRun("", _seeded(config, recipes.seeds[0]), target.start)
        sweep = Sweep(f"sweep/{target.task}/{slug(target.method)}", base, grid_of(recipes, config))
        sweeps.append(sweep)
        few = recipes.few_labels if target.few_labels else {}
        for share, settings in {1.0: {}, **few}.items():
            tuned += [
                PlannedRun(
                    run_key(target.task, target.method, share, seed),
                    with_settings(_shared(_seeded(config, seed), share), settings),
                    target.start, sweep.key, predicts=True,
                )
                for seed in (target.seeds if share == 1 else recipes.other_seeds)
            ]  # fmt: skip
    pretraining, of_pretraining = planned_pretraining(CONTENDERS, recipes)
    return Study(name, (*pretraining, *tuned), (*of_pretraining, *sweeps), tabular=recipes.diseases)


def grid_of(recipes: PaperRecipes, config: RunConfig) -> dict[str, tuple[Any, ...]]:
    """What validation chooses among for one fine-tuning: the settings of its grid that do anything there."""
    grid = recipes.cmr_grid if isinstance(config.method, SupervisedImageConfig) else recipes.grid
    return {name: values for name, values in grid.items() if _has(config, name)}


def planned_pretraining(
    contenders: tuple[Contender, ...], recipes: PaperRecipes
) -> tuple[tuple[PlannedRun, ...], tuple[Sweep, ...]]:
    """The runs that contenders start from, each once and after those it starts from itself, and their sweeps."""
    found: dict[str, PlannedRun] = {}
    sweeps = []

    def plan(one: Pretraining) -> None:
        if one.key in found:
            return
        for other in one.start:
            plan(other)
        config = with_settings(one.demo() if recipes.is_demo else one.paper(), recipes.settings)
        run = PlannedRun(one.key, config, tuple(other.key for other in one.start))
        if one.key in recipes.pretraining_grid:
            sweep = Sweep(f"sweep/{one.key}", run, recipes.pretraining_grid[one.key], higher_is_better=False)
            sweeps.append(sweep)
            run = replace(run, sweep=sweep.key)
        found[one.key] = run

    for contender in contenders:
        if contender.start is not None:
            plan(contender.start)
    return tuple(found.values()), tuple(sweeps)


def run_key(target: str, method: str, share: float, seed: int) -> str:
    """`cad/mmcl/10%/seed-101`."""
    return f"{target}/{slug(method)}/{100 * share:g}%/seed-{seed}"


def share_of(key: str) -> float:
    """The part of the training set that a run with this key saw."""
    return float(key.split("/")[2].removesuffix("%")) / 100


def slug(method: str) -> str:
    """A method's name within a key."""
    return method.lower().replace("w/o", "without").replace(" + ", "-").replace(" ", "-")


def keys_of_part(study: Study, part: str) -> list[str]:
    """The runs that one table or figure shows, without what they build on.

    Raises:
        KeyError: there is no such part.
    """
    needed = PARTS[part]
    wanted = list(needed.pretraining)
    for run in study.runs:
        if not run.predicts or run.config.name not in needed.methods:
            continue
        is_disease = run.key.split("/")[0] in study.tabular
        if (needed.diseases if is_disease else needed.phenotypes) and (needed.few_labels or share_of(run.key) == 1):
            wanted.append(run.key)
    return wanted


@dataclass(frozen=True)
class _Target:
    """One method on one task."""

    method: str
    task: str
    config: RunConfig
    start: tuple[str, ...]
    seeds: tuple[int, ...]
    few_labels: bool


def _targets(recipes: PaperRecipes) -> Iterator[_Target]:
    """What some table or figure shows: diseases of every method, phenotypes of those that one of them holds."""
    for one in CONTENDERS:
        start = (one.start.key,) if one.start else ()
        few = one.name in LOW_DATA_METHODS
        seeds = recipes.other_seeds if one.sees_mri or one.beyond else recipes.seeds
        disease = recipes.cmr_disease if one.sees_mri else recipes.disease
        for task in recipes.diseases:
            yield _Target(one.name, task, _on(disease, one, task), start, seeds, few)
        if one.name not in _WITH_PHENOTYPES:
            continue
        phenotypes = recipes.cmr_phenotypes if one.sees_mri else recipes.phenotypes
        seeds = recipes.other_seeds if one.beyond else recipes.seeds
        for task in recipes.phenotype_tasks:
            yield _Target(one.name, task, _on(phenotypes, one, task), start, seeds, few_labels=False)


def _on(config: RunConfig, one: Contender, task: str) -> RunConfig:
    named = replace(config, name=one.name, method=replace(config.method, tasks=(TASKS[task],)))
    return with_settings(named, one.settings)


def _has(config: RunConfig, setting: str) -> bool:
    """Whether a dotted setting of fine-tuning does anything: that on the MRI has no layers whose rates could decay, and labels
    are smoothed where some task has classes."""
    if setting == "method.label_smoothing":
        return any(task.kind is TaskKind.CLASSIFICATION for task in config.method.tasks)
    place: Any = config
    for name in setting.split("."):
        if not hasattr(place, name):
            return setting == BASE_RATE
        place = getattr(place, name)
    return True


def _seeded(config: RunConfig, seed: int) -> RunConfig:
    return replace(config, training=replace(config.training, seed=seed))


def _shared(config: RunConfig, share: float) -> RunConfig:
    return config if share == 1 else replace(config, data=replace(config.data, share=share))


def _on_half(config: RunConfig) -> RunConfig:
    """As published: phenotypes are learned on half of the data."""
    return _shared(config, 0.5)
