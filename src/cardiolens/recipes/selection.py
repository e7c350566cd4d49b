"""Recipes by name, with single settings overridden from the command line."""

from __future__ import annotations

import contextlib
import difflib
import inspect
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import takewhile
from pkgutil import iter_modules

import cardiolens.recipes
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadOption
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.tasks import TASKS, Task, TaskKind, column_task
from cardiolens.training.config import RunConfig

_KINDS = {"INT": "a whole number", "FLOAT": "a number"}
_MOST_NAMED = 8


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
    if target not in cohort.subjects:
        raise BadOption(
            cohort.path,
            found=f"no column {target}",
            expected="a task or a numeric column of the cohort",
            remedy=f"choose among {', '.join(_targets_like(target, cohort))}",
        )
    return column_task(target, cohort.values([target])[:, 0])


def _targets_like(target: str, cohort: Cohort) -> list[str]:
    """What is spelt nearly so, then diseases and phenotypes, which are most often meant."""
    columns = list(cohort.subjects.select_dtypes(["number", "bool"]))
    tasks = [name for name, task in TASKS.items() if set(task.columns) <= set(columns)]
    diseases = [name for name in tasks if TASKS[name].kind is TaskKind.CLASSIFICATION]
    phenotypes = [column for column in PHENOTYPE_COLUMNS if column in columns]
    near = difflib.get_close_matches(target, [*tasks, *columns], n=3, cutoff=0.6)
    return list(dict.fromkeys([*near, *diseases, *phenotypes, *tasks, *columns]))[:_MOST_NAMED]


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
        raise _misfit(complaint.getvalue(), settings) from None
    except BadOption as error:
        raise _beside(error, settings) from error
    if unknown and not unknown[0].startswith("-"):
        raise BadOption(
            "settings",
            found=f"{unknown[0][:80]} after a setting that takes no value",
            expected="--NAME VALUE",
            remedy="write --NAME or --no-NAME for yes or no",
        )
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


def _misfit(complaint: str, settings: Sequence[str]) -> BadOption:
    """What the parser says of one setting, in our words."""
    said = " ".join(complaint.translate(str.maketrans("", "", "╭╮╰╯│─")).split())
    named = re.search(r"--[\w.-]*\w", said)
    if named is None:
        return BadOption("settings", found="what is none", expected="--NAME VALUE", remedy="see `cardiolens train --list`")
    name = named[0]
    value = _value_of(name, settings)
    kinds = re.search(rf"{re.escape(name)}((?: INT| FLOAT)+)", said)
    choices = re.search(r"Expected one of \(([^)]*)\)", said)
    expected = "a value that fits"
    if choices:
        expected = choices[1].replace("'", "")
    elif kinds:
        words = kinds[1].split()
        expected = _KINDS[words[0]] if len(words) == 1 else f"{len(words)} numbers"
    return BadOption(name, found=value or "no value", expected=expected, remedy="mend the value")


def _value_of(name: str, settings: Sequence[str]) -> str:
    """What was given for a setting, in one line."""
    for place, setting in enumerate(settings):
        own, _, joined = setting.partition("=")
        if own.replace("_", "-") == name.replace("_", "-"):
            rest = takewhile(lambda one: not one.startswith("--"), settings[place + 1 :])
            return joined or " ".join(rest)[:80]
    return ""


def _beside(error: BadOption, settings: Sequence[str]) -> BadOption:
    """A setting of the recipe that no longer goes with those that were given has to be given, too."""
    names = [setting.partition("=")[0].replace("-", "_").lstrip("_") for setting in settings if setting.startswith("--")]
    if not names or error.source in names or "." not in error.source:
        return error
    option = f"--{error.source.replace('_', '-')}"
    return BadOption(
        error.source,
        found=f"{error.found} in the recipe, which does not go with --{names[0].replace('_', '-')}",
        expected=error.expected,
        remedy=f"change it too: {option} VALUE",
    )


def _setting_names(config: object, prefix: str = "") -> list[str]:
    from dataclasses import fields, is_dataclass

    names = []
    for field in fields(config):
        value = getattr(config, field.name)
        names += _setting_names(value, f"{prefix}{field.name}.") if is_dataclass(value) else [prefix + field.name]
    return names
