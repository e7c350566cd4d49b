"""Training objectives. One method is one file: its modules and a loss on a batch; found by walking this folder."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from cardiolens.methods.method import MethodConfig


def _find_methods() -> dict[str, type[MethodConfig]]:
    modules = {
        found.name: import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__) if found.name != "method"
    }
    return {
        name: config
        for name, module in modules.items()
        for config in vars(module).values()
        if isinstance(config, type) and issubclass(config, MethodConfig) and config.__module__ == module.__name__
    }


METHODS: dict[str, type[MethodConfig]] = _find_methods()
"""The configuration class of every method on the shelf by the name of its file."""
