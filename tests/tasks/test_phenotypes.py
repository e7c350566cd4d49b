from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.tasks import TASKS

GROUPS = ("lv", "rv", "wall_thickness", "circumferential_strain", "radial_strain")


def test_all_phenotypes_are_the_groups_one_after_the_other():
    assert TASKS["phenotypes"].columns == PHENOTYPE_COLUMNS == tuple(c for name in GROUPS for c in TASKS[name].columns)


def test_every_phenotype_has_a_unit():
    assert set(TASKS["phenotypes"].units) == {"mL", "%", "L/min", "g", "mm"}
