import numpy as np
import pytest

from cardiolens.errors import BadOption
from cardiolens.tasks import TaskKind, column_task


def test_zeros_and_ones_make_a_classification():
    task = column_task("stroke", np.array([0.0, 1.0, np.nan, 1.0]))
    assert (task.kind, task.columns, task.units) == (TaskKind.CLASSIFICATION, ("stroke",), ("",))


def test_other_numbers_make_a_regression_with_the_unit_of_the_name():
    task = column_task("height_cm", np.array([170, 181, 165]))
    assert (task.kind, task.names, task.units) == (TaskKind.REGRESSION, ("height",), ("cm",))


def test_a_phenotype_keeps_its_name_and_unit():
    task = column_task("lvco_l_per_min", np.array([4.0, 5.0, 6.0]))
    assert (task.names, task.units) == (("LVCO",), ("L/min",))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.array(["yes", "no"]), "no numbers"),
        (np.array([1.0, 2.0, np.nan]), "coded 1 and 2"),
        (np.array([1.0, 1.0, np.nan]), "1 different known values"),
        (np.array([np.nan, np.nan]), "0 different known values"),
        (np.array([1.0, 2.0, np.inf]), "infinite"),
    ],
)
def test_a_column_that_cannot_be_learned_is_refused_with_the_reason(values, said):
    with pytest.raises(BadOption, match=said):
        column_task("label", values)
