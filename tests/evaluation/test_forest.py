import numpy as np
import pytest
from test_subgroups import people, risks_of

from cardiolens.evaluation.forest import columns_to_show, forest_figure
from cardiolens.evaluation.subgroups import risk_subgroups


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    subjects = people(600, rng).assign(ethnicity=["White"] * 400 + ["Asian"] * 196 + ["Black"] * 4)
    return risk_subgroups([risks_of(subjects, rng)], subjects)


@pytest.mark.parametrize("metric", ["auroc", "observed_to_expected"])
def test_the_picture_is_drawn_with_suppressed_cells(table, metric):
    assert table["suppressed"].any()
    assert forest_figure(table, columns=("cad",), metric=metric).startswith(b"\x89PNG")


def test_a_disease_without_cases_in_two_groups_is_not_drawn(table):
    assert columns_to_show(table, "auroc", ("cad", "af")) == ("cad",)
    hidden = table.assign(value=np.nan)
    assert columns_to_show(hidden, "auroc", ("cad",)) == ()
