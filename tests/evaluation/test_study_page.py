import base64

import pytest

from cardiolens.evaluation.rendering import Block, Cell, Table, header_of
from cardiolens.evaluation.study_page import write_study_page


@pytest.fixture
def page(tmp_path):
    import pandas as pd

    rows = ((Cell("<MMCL>"), Cell("0.7")),)
    table = Table(
        "ablation", "What each step adds", header_of("Method", "CAD"), (Block("Here", rows),), pd.DataFrame(), "A note."
    )
    figures = {"figure_5": ("Figure 5: few labels.", b"\x89PNG bytes")}
    path = write_study_page(
        tmp_path, title="study demo", is_synthetic=True, tables=[table], figures=figures,
        notes=("cardiolens study demo --cohort /data/secret/cohort",),
    )  # fmt: skip
    return path.read_text()


def test_tables_figures_and_notes_are_on_the_page_and_nothing_is_loaded(page):
    assert "What each step adds" in page
    assert "&lt;MMCL&gt;" in page
    assert base64.b64encode(b"\x89PNG bytes").decode() in page
    assert "Figure 5: few labels." in page
    assert "http" not in page.replace("http-equiv", "")


def test_the_page_says_what_it_is_for_and_what_it_is_made_of(page):
    assert "Research use only" in page
    assert "Synthetic hearts" in page


def test_no_folder_of_the_machine_is_named(page):
    assert "/data/secret" not in page
    assert "cardiolens study demo --cohort cohort" in page
