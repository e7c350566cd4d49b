"""Radial strain of 16 AHA segments and the global value."""

from cardiolens.tasks.phenotypes import group_task

TASK = group_task("radial_strain", "Err")
