import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_subgroups import people, risks_of

from cardiolens.evaluation.forest import COUNT_SIZE, columns_to_show, forest_figure
from cardiolens.evaluation.subgroups import risk_subgroups

PAGE_IN = 6.8
"""A4 less the margins of a browser's print and the frame of a figure."""


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


def test_four_panels_are_printed_on_a_page_in_letters_of_eight_points(table):
    cells = pd.concat([table.assign(column=name) for name in ("cad", "af", "dm", "hf")], ignore_index=True)
    picture = Image.open(io.BytesIO(forest_figure(cells, columns=("cad", "af", "dm", "hf"), metric="auroc")))
    printed = PAGE_IN / (picture.width / picture.info["dpi"][0])
    assert COUNT_SIZE * min(1, printed) >= 8
