"""What is predicted. One task is one file that holds `TASK`; found by walking this folder."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from cardiolens.tasks.column import column_task
from cardiolens.tasks.task import Task, TaskKind

__all__ = ["TASKS", "Task", "TaskKind", "column_task"]

_MACHINERY = frozenset({"column", "disease", "task"})


def _find_tasks() -> dict[str, Task]:
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__) if found.name not in _MACHINERY]
    return {module.TASK.name: module.TASK for module in modules}


TASKS: dict[str, Task] = _find_tasks()
"""Every task on the shelf by its name."""
