"""Recipes by name, with single settings overridden from the command line."""

from __future__ import annotations

import contextlib
import difflib
import inspect
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules

import cardiolens.recipes
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.tasks import TASKS, Task, TaskKind, column_task
from cardiolens.training.config import RunConfig


def recipes() -> dict[str, Callable[[], RunConfig]]:
    """Every public function of the shelf that returns a run's settings, as `<file>.<function>`."""
    found = {}
    for module in iter_modules(cardiolens.recipes.__path__):
        here = import_module(f"cardiolens.recipes.{module.name}")
        for name, function in inspect.getmembers(here, inspect.isfunction):
            takes_nothing = not inspect.signature(function).parameters
            own = function.__module__ == here.__name__ and not name.startswith("_")
            if own and takes_nothing and function.__annotations__.get("return") == "RunConfig":
                found[f"{module.name}.{name}"] = function
    return found


def describe_recipes() -> str:
    """One line per recipe: its name and what its docstring promises."""
    known = recipes()
    width = max(map(len, known))
    return "\n".join(
        f"{name:<{width}}  {(inspect.getdoc(recipe) or '').splitlines()[0]}" for name, recipe in sorted(known.items())
    )


def select(name: str, settings: Sequence[str] = ()) -> RunConfig:
    """The recipe `name` with `settings` such as `--training.epochs 40` in place of its own.

    Raises:
        BadOption: the recipe or a setting is unknown or misspelt, or a value does not fit.
    """
    known = recipes()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
        raise BadOption("recipe", found=name, expected=f"one of {', '.join(near)}", remedy="see `cardiolens train --list`")
    config = known[name]()
    return _overridden(config, list(settings)) if settings else config


def aimed_at(config: RunConfig, cohort: Cohort, targets: Sequence[str]) -> RunConfig:
    """The same fine-tuning on other targets: tasks by name, or any numeric label columns of the cohort.

    A balanced training set is kept only for a single disease.

    Raises:
        BadOption: the recipe is no fine-tuning, or a target is neither a task nor a usable column.
    """
    if not isinstance(config.method, SupervisedConfig):
        raise BadOption(
            "--target",
            found=f"recipe {config.name}",
            expected="a recipe that fine-tunes",
            remedy="choose one ending in `finetune`",
        )
    tasks = tuple(_task(cohort, target) for target in targets)
    method = replace(config.method, tasks=tasks)
    one_disease = len(method.columns) == 1 and tasks[0].kind is TaskKind.CLASSIFICATION
    data = replace(config.data, balanced=config.data.balanced and one_disease)
    return replace(config, method=method, data=data)


def _task(cohort: Cohort, target: str) -> Task:
    if target in TASKS and set(TASKS[target].columns) <= set(cohort.subjects.columns):
        return TASKS[target]
    return column_task(target, cohort.values([target])[:, 0])


def _overridden(config: RunConfig, settings: list[str]) -> RunConfig:
    import tyro

    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            changed, unknown = tyro.cli(
                RunConfig, args=settings, default=config, return_unknown_args=True, config=(tyro.conf.EnumChoicesFromValues,)
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        said = " ".join(complaint.getvalue().translate(str.maketrans("", "", "╭╮╰╯│─")).split())
        raise BadOption("settings", found=said, expected="values that fit", remedy="see `cardiolens train --list`") from None
    if unknown:
        names = _setting_names(config)
        near = difflib.get_close_matches(unknown[0].lstrip("-").replace("-", "_"), names, n=3, cutoff=0.4)
        raise BadOption(
            "settings",
            found=unknown[0],
            expected=f"--{' or --'.join(near)}" if near else "a setting of this recipe",
            remedy="mend the spelling",
        )
    return changed


def _setting_names(config: object, prefix: str = "") -> list[str]:
    from dataclasses import fields, is_dataclass

    names = []
    for field in fields(config):
        value = getattr(config, field.name)
        names += _setting_names(value, f"{prefix}{field.name}.") if is_dataclass(value) else [prefix + field.name]
    return names
