"""Where a bundle comes from: digests of the code that made its training data and of the recipe that trained it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from cardiolens.configs import digest
from cardiolens.source_digest import source_digest

_DIGESTS = ("generator_sha256", "recipe_sha256")


def provenance(*, modules: Sequence[str], recipe: object) -> dict[str, str]:
    """What to record in a bundle: the digests of the generator's `modules` and of the `recipe`, and the versions used.

    `modules` are dotted names of modules or packages, for example `cardiolens.synthetic`; `recipe` is a configuration.
    """
    versions = {f"{package}_version": version(package) for package in ("cardiolens", "torch", "numpy")}
    return _digests(modules, recipe) | {"generator": " ".join(modules), "python_version": platform.python_version()} | versions


def outdated(recorded: Mapping[str, str], *, modules: Sequence[str], recipe: object) -> tuple[str, ...]:
    """Which of the recorded digests differ from those of today's code and recipe; empty where the bundle is up to date."""
    today = _digests(modules, recipe)
    return tuple(name for name in _DIGESTS if recorded.get(name) != today[name])


def _digests(modules: Sequence[str], recipe: object) -> dict[str, str]:
    return dict(zip(_DIGESTS, (source_digest(modules), digest(recipe)), strict=True))
