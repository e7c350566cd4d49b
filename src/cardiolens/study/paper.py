"""The paper's study: its methods, fine-tuned alike on diseases and phenotypes, as runs. Sizes come from recipes.

Which runs a table or figure is made of stands in `PARTS`; the tables themselves are `evaluation`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cardiolens.recipes import cmr, demo, demo_baselines, demo_cmr, paper, paper_baselines
from cardiolens.study.plan import PlannedRun, Study, Sweep, with_settings
from cardiolens.tasks import TASKS, Task
from cardiolens.training.config import RunConfig

SUPERVISED, MDM, MMCL, MMCL_WITHOUT_MDM = "Supervised", "MDM", "MMCL", "MMCL w/o MDM"
CMR, CMR_SIMCLR, CMR_OF_MMCL, CMR_OF_MMCL_WITHOUT_MDM = "CMR supervised", "CMR SimCLR", "CMR of MMCL", "CMR of MMCL w/o MDM"
ECG_STARTS: Mapping[str, str] = {
    SUPERVISED: "", "SimCLR": "simclr", "BYOL": "byol", "Barlow Twins": "barlow_twins", "CLOCS": "clocs", MDM: "mdm",
    MMCL_WITHOUT_MDM: "mmcl_without_mdm", MMCL: "mmcl",
}  # fmt: skip
"""The ECG methods and what each is fine-tuned from."""
CMR_STARTS: Mapping[str, str] = {
    CMR: "", CMR_SIMCLR: "image_simclr", CMR_OF_MMCL_WITHOUT_MDM: "mmcl_without_mdm", CMR_OF_MMCL: "mmcl",
}  # fmt: skip
"""The methods that see the MRI itself."""
_STARTS_OF_PRETRAINING: Mapping[str, tuple[str, ...]] = {
    "mmcl": ("image_simclr", "mdm"),
    "mmcl_without_mdm": ("image_simclr",),
}
_BASE_RATES = paper.FINE_TUNING_SEARCH["training.base_lr"]
LOW_DATA_METHODS = (SUPERVISED, MDM, MMCL_WITHOUT_MDM, MMCL)
PHENOTYPES = "phenotypes"


@dataclass(frozen=True)
class Part:
    """What one table or figure of the paper needs."""

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
    "table_2": Part(tuple(ECG_STARTS), diseases=True),
    "table_3": Part((SUPERVISED, MDM, MMCL_WITHOUT_MDM, MMCL), diseases=True),
    "table_4": Part((SUPERVISED, MDM, MMCL_WITHOUT_MDM, MMCL, CMR), phenotypes=True),
    "table_5": Part(tuple(CMR_STARTS), diseases=True),
    "figure_4": Part((MMCL,), phenotypes=True),
    "figure_5": Part(LOW_DATA_METHODS, diseases=True, few_labels=True),
    "figure_6": Part((), pretraining=("mmcl_without_mdm", "mmcl")),
}


@dataclass(frozen=True)
class PaperRecipes:
    """The settings of every step, at one size."""

    pretraining: Mapping[str, RunConfig]
    """image_simclr, simclr, byol, barlow_twins, clocs, mdm, mmcl, mmcl_without_mdm."""
    disease: RunConfig
    """Fine-tuning on one disease from the ECG; its task is replaced."""
    phenotypes: RunConfig
    """Fine-tuning on phenotypes from the ECG."""
    cmr_disease: RunConfig
    cmr_phenotypes: RunConfig
    grid: Mapping[str, tuple[Any, ...]]
    """Settings of fine-tuning that validation chooses, per method and target."""
    diseases: tuple[str, ...] = ("cad", "af", "dm")
    phenotype_tasks: tuple[str, ...] = (PHENOTYPES,)
    """Fine-tuned one by one: all together, or group by group as in the paper."""
    seeds: tuple[int, ...] = paper.FINE_TUNING_SEEDS
    """Of fine-tuning; pre-training is run once."""
    other_seeds: tuple[int, ...] = paper.FINE_TUNING_SEEDS
    """Of few labels, and of diseases from the MRI."""
    few_labels: Mapping[float, Mapping[str, Any]] = field(default_factory=lambda: {0.1: {}, 0.01: {}})
    """Parts of the balanced training sets for the curves with few labels, and the settings in which those runs differ."""


def paper_sizes() -> PaperRecipes:
    """The paper's own settings: days on a GPU, on UK Biobank's 28,030 training pairs."""
    return PaperRecipes(
        pretraining={
            "image_simclr": paper_baselines.image_simclr(), "simclr": paper_baselines.simclr(), "byol": paper_baselines.byol(),
            "barlow_twins": paper_baselines.barlow_twins(), "clocs": paper_baselines.clocs(), "mdm": paper.mdm(),
            "mmcl": paper.mmcl(), "mmcl_without_mdm": paper.mmcl_without_mdm(),
        },
        disease=paper.finetune(),
        phenotypes=_on_half(paper.finetune_phenotypes()),
        cmr_disease=cmr.supervised(),
        cmr_phenotypes=_on_half(cmr.supervised_phenotypes()),
        grid={"training.base_lr": tuple(paper.scaled_lr(base, batch_size=16) for base in _BASE_RATES)},
        phenotype_tasks=("lv", "rv", "wall_thickness", "circumferential_strain", "radial_strain"),
    )  # fmt: skip


def demo_sizes() -> PaperRecipes:
    """The demo's sizes: two hours on two cores for a few thousand subjects.

    Contrastive learning is three times as long as in the demo, where its loss has only begun to fall when it ends; and few
    labels are shown more often than many, as in the paper, where every run takes 400 epochs.
    """
    mmcl = _for_epochs(demo.mmcl(), 60)
    return PaperRecipes(
        pretraining={
            "image_simclr": demo_baselines.image_simclr(), "simclr": demo_baselines.simclr(), "byol": demo_baselines.byol(),
            "barlow_twins": demo_baselines.barlow_twins(), "clocs": demo_baselines.clocs(), "mdm": _for_epochs(demo.mdm(), 40),
            "mmcl": mmcl, "mmcl_without_mdm": replace(mmcl, name="MMCL w/o MDM"),
        },
        disease=demo.finetune(),
        phenotypes=_on_half(demo.finetune_phenotypes()),
        cmr_disease=demo_cmr.finetune(),
        cmr_phenotypes=_on_half(demo_cmr.finetune_phenotypes()),
        grid={"training.base_lr": (1e-3, 3e-4)},
        other_seeds=paper.FINE_TUNING_SEEDS[:3],
        few_labels={
            0.1: {"training.epochs": 60, "training.validate_every": 2},
            0.01: {"training.epochs": 200, "training.validate_every": 10},
        },
    )  # fmt: skip


def paper_study(recipes: PaperRecipes, *, name: str = "paper") -> Study:
    """Every run of Tables I to V and Figures 4 to 6, the tabular baseline included."""
    pretraining = tuple(
        PlannedRun(key, config, _STARTS_OF_PRETRAINING.get(key, ())) for key, config in _in_order(recipes.pretraining)
    )
    sweeps: list[Sweep] = []
    tuned: list[PlannedRun] = []
    for target in _targets(recipes):
        base = PlannedRun("", _seeded(target.config, recipes.seeds[0]), target.start)
        sweep = Sweep(f"sweep/{target.task}/{_slug(target.method)}", base, recipes.grid)
        sweeps.append(sweep)
        few = recipes.few_labels if target.few_labels else {}
        for share, settings in {1.0: {}, **few}.items():
            tuned += [
                PlannedRun(
                    run_key(target.task, target.method, share, seed),
                    with_settings(_shared(_seeded(target.config, seed), share), settings),
                    target.start, sweep.key, predicts=True,
                )
                for seed in (target.seeds if share == 1 else recipes.other_seeds)
            ]  # fmt: skip
    return Study(name, (*pretraining, *tuned), tuple(sweeps), tabular=recipes.diseases)


def run_key(target: str, method: str, share: float, seed: int) -> str:
    """`cad/mmcl/10%/seed-101`."""
    return f"{target}/{_slug(method)}/{100 * share:g}%/seed-{seed}"


def share_of(key: str) -> float:
    """The part of the training set that a run with this key saw."""
    return float(key.split("/")[2].removesuffix("%")) / 100


def part_of(study: Study, part: str) -> Study:
    """The study cut down to one table or figure.

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
    cut = study.only(wanted)
    return cut if needed.tabular else replace(cut, tabular=())


@dataclass(frozen=True)
class _Target:
    """One method on one task."""

    method: str
    task: str
    config: RunConfig
    start: tuple[str, ...]
    seeds: tuple[int, ...]
    few_labels: bool


def _targets(recipes: PaperRecipes) -> Sequence[_Target]:
    """What some table or figure shows: diseases of every method, phenotypes of those that Table IV and Figure 4 hold."""
    found = []
    with_phenotypes = {method for part in PARTS.values() if part.phenotypes for method in part.methods}
    for starts, disease, phenotypes, seeds in (
        (ECG_STARTS, recipes.disease, recipes.phenotypes, recipes.seeds),
        (CMR_STARTS, recipes.cmr_disease, recipes.cmr_phenotypes, recipes.other_seeds),
    ):
        for method, start in starts.items():
            keys = (start,) if start else ()
            few = method in LOW_DATA_METHODS
            found += [_Target(method, task, _on(disease, method, TASKS[task]), keys, seeds, few) for task in recipes.diseases]
            if method in with_phenotypes:
                found += [
                    _Target(method, task, _on(phenotypes, method, TASKS[task]), keys, recipes.seeds, few_labels=False)
                    for task in recipes.phenotype_tasks
                ]
    return found


def _slug(method: str) -> str:
    return method.lower().replace("w/o", "without").replace(" ", "-")


def _in_order(pretraining: Mapping[str, RunConfig]) -> list[tuple[str, RunConfig]]:
    """Those that start from others last."""
    return sorted(pretraining.items(), key=lambda one: one[0] in _STARTS_OF_PRETRAINING)


def _on(config: RunConfig, method: str, task: Task) -> RunConfig:
    return replace(config, name=method, method=replace(config.method, tasks=(task,)))


def _seeded(config: RunConfig, seed: int) -> RunConfig:
    return replace(config, training=replace(config.training, seed=seed))


def _shared(config: RunConfig, share: float) -> RunConfig:
    return config if share == 1 else replace(config, data=replace(config.data, share=share))


def _for_epochs(config: RunConfig, epochs: int) -> RunConfig:
    return replace(config, training=replace(config.training, epochs=epochs))


def _on_half(config: RunConfig) -> RunConfig:
    """As published: phenotypes are learned on half of the data."""
    return _shared(config, 0.5)
