"""Myocardial wall thickness of 16 AHA segments and their mean."""

from cardiolens.tasks.phenotypes import group_task

TASK = group_task("wall_thickness", "WT")
