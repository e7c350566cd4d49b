"""Left-ventricular volumes, ejection fraction, cardiac output and mass."""

from cardiolens.tasks.phenotypes import group_task

TASK = group_task("lv", "LV")
