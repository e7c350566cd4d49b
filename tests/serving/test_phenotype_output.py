import csv

import pytest

from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS
from cardiolens.serving.phenotype_output import (
    StudyPage,
    missing_in_words,
    open_table,
    picture_of,
    print_study,
    write_rows,
)
from cardiolens.serving.phenotyping import RefusedStudy

REFUSED = RefusedStudy("b.zip", "b.zip: found no short axis; expected a stack; send it")


def test_a_table_has_one_row_per_study_with_61_values_and_reasons(tmp_path, measured):
    write_rows(open_table(tmp_path / "t.csv", settings=""), [measured.phenotypes, REFUSED])
    first, second = csv.DictReader((tmp_path / "t.csv").open())
    assert set(PHENOTYPE_COLUMNS) < set(first)
    assert float(first["lvedv_ml"]) == pytest.approx(measured.phenotypes.values["lvedv_ml"], abs=1e-3)
    assert first["ecc_global_percent"] == ""
    assert first["missing"] == "34 values (ecc_aha_1_percent to err_global_percent): not asked for"
    assert (first["masks_from"], first["heart_rate_bpm"]) == ("true masks", "60")
    assert "Research use only" in first["notice"]
    assert (second["source"], second["refused"], second["lvedv_ml"]) == ("b.zip", REFUSED.reason, "")


def test_a_person_reads_values_with_units_and_what_is_missing(capsys, measured):
    print_study(measured.phenotypes)
    print_study(REFUSED)
    shown = capsys.readouterr().out.replace("\u00a0", " ")
    wanted = ("Left ventricle", "LVEDV ", " mL", "heart rate: 60/min, made", "missing: 34 values", "Research use only")
    for words in (*wanted, "no short axis"):
        assert words in shown


def test_reasons_are_said_once_with_what_they_cost(measured):
    assert missing_in_words(measured.phenotypes) == ["34 values (ecc_aha_1_percent to err_global_percent): not asked for"]


def test_a_page_shows_every_study_and_loads_nothing(measured):
    page = StudyPage()
    page.add(measured)
    page.add(REFUSED)
    html = page.html()
    assert html.count("<section") == 2
    assert "data:image/png;base64," in html
    assert "http" not in html.replace("http-equiv", "")
    assert "Refused.</strong> b.zip: found no short axis" in html
    assert "Research use only" in html


def test_a_picture_is_drawn_of_the_study(measured):
    assert picture_of(measured).startswith(b"\x89PNG")
