"""Right-ventricular volumes and ejection fraction."""

from cardiolens.tasks.phenotypes import group_task

TASK = group_task("rv", "RV")
