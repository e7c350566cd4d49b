import dataclasses

import numpy as np
import pandas as pd
import pytest
from whole_content import made_up_content

from cardiolens.errors import BadRun
from cardiolens.evaluation.rendering import as_text
from cardiolens.evaluation.report import SECTIONS, write_report
from cardiolens.evaluation.sections.added_value import added_value
from cardiolens.evaluation.sections.calibration import calibration
from cardiolens.evaluation.sections.checklist import checklist
from cardiolens.evaluation.sections.cohort import cohort
from cardiolens.evaluation.sections.coverage import coverage
from cardiolens.evaluation.sections.evidence import Evidence
from cardiolens.evaluation.sections.glossary import glossary
from cardiolens.evaluation.sections.model_card import as_markdown, model_card
from cardiolens.evaluation.sections.results import results
from cardiolens.evaluation.sections.section import Folded, Text
from cardiolens.evaluation.sections.subgroups import subgroups


@pytest.fixture(scope="module")
def content():
    return made_up_content()


@pytest.fixture(scope="module")
def evidence(content):
    return Evidence(content)


def numbers_of(section, name):
    return next(table for table in section.tables() if table.name == name).numbers


def test_the_whole_report_is_written_and_every_link_in_it_leads_somewhere(content, tmp_path):
    page = write_report(tmp_path, content).read_text(encoding="utf-8")
    names = [section.name for section in filter(None, (make(Evidence(content)) for make in SECTIONS))]
    assert {"results", "calibration", "added_value", "intervals", "subgroups", "cohort", "model_card"} <= set(names)
    assert all(f'<section id="{name}">' in page for name in (*names, "checklist"))
    for part in page.split('href="')[1:]:
        target = part.split('"')[0]
        assert f'id="{target[1:]}"' in page if target.startswith("#") else (tmp_path / target).is_file()
    assert "Research use only" in (tmp_path / "model_card.md").read_text(encoding="utf-8")
    assert not any(subject in page for subject in content.subjects["subject"].head(50))


def test_the_same_content_gives_the_same_page(content, tmp_path):
    once, again = (write_report(tmp_path / name, content).read_bytes() for name in ("a", "b"))
    assert once == again


def test_a_subject_in_two_splits_is_refused(content):
    predictions = content.predictions.copy()
    tested = predictions["split"] == "test"
    leaked = predictions[tested & (predictions["subject"] == predictions.loc[tested, "subject"].iloc[0])]
    both = pd.concat([predictions, leaked.assign(split="calibrate")], ignore_index=True)
    with pytest.raises(BadRun, match="subjects in several splits: calibrate, test"):
        Evidence(dataclasses.replace(content, predictions=both))


def test_a_test_subject_who_was_trained_on_is_refused(content):
    subjects = content.subjects.copy()
    subjects.loc[subjects["split"] == "test", "split"] = ["train", *["test"] * 899]
    with pytest.raises(BadRun, match="1 subject of the cohort's split 'train' asked about as 'test'"):
        Evidence(dataclasses.replace(content, subjects=subjects))


def test_other_people_are_asked_about_under_any_split_of_their_own(content):
    others = content.subjects.assign(subject=[f"{k:012x}" for k in range(len(content.subjects))])
    evidence = Evidence(dataclasses.replace(content, subjects=others, asked=content.subjects))
    assert evidence.people is content.subjects


def test_risks_of_the_report_are_calibrated(evidence):
    numbers = numbers_of(calibration(evidence), "calibration").set_index(["method", "column", "metric"])
    assert numbers.loc[("MMCL", "cad", "calibration_slope"), "mean"] == pytest.approx(1, abs=0.35)
    assert numbers.loc[("MMCL", "cad", "observed_to_expected"), "mean"] == pytest.approx(1, abs=0.2)
    assert (numbers["seeds"] == 2).all()


def test_without_calibration_subjects_it_says_that_scores_are_no_risks(content):
    tested = content.predictions[content.predictions["split"] == "test"]
    section = calibration(Evidence(dataclasses.replace(content, predictions=tested)))
    assert not list(section.tables())
    assert "no probabilities" in next(part for part in section.parts if isinstance(part, Text)).words


def test_intervals_cover_as_promised(evidence):
    numbers = numbers_of(coverage(evidence), "coverage")
    assert numbers.loc[numbers["level"] == 0.8, "coverage"].mean() == pytest.approx(0.8, abs=0.06)
    assert numbers.loc[numbers["level"] == 0.95, "coverage"].mean() == pytest.approx(0.95, abs=0.03)
    assert (numbers["calibrated_on"] == 300).all()


def test_subgroups_hold_diseases_values_and_coverage_and_hide_small_cells(evidence):
    section = subgroups(evidence)
    diseases, values = (numbers_of(section, f"subgroups_{name}") for name in ("diseases", "phenotypes"))
    assert {"auroc", "sensitivity", "specificity", "brier", "observed_to_expected"} == set(diseases["metric"])
    assert {"r", "r2", "mae", "coverage_80", "coverage_95"} == set(values["metric"])
    assert diseases.loc[diseases["level"] == "Other", "suppressed"].all()
    tested = numbers_of(section, "subgroup_gaps")
    assert (tested["p_holm"] >= tested["p"]).all()


def test_what_the_ecg_adds_and_how_diagnoses_come_over_time(evidence):
    section = added_value(evidence)
    numbers = numbers_of(section, "added_value")
    assert {"cad", "af"} == set(numbers["column"])
    assert any("CHARGE-AF" in model for model in numbers.loc[numbers["column"] == "af", "model"])
    c = numbers_of(section, "concordance").set_index("model")
    assert c.loc["MMCL", "c"] > 0.6
    both = c.loc["Tabular + MMCL"]
    assert both["reference"] == "Tabular"
    assert both["difference"] == pytest.approx(both["c"] - c.loc["Tabular", "c"])
    assert both["difference_low"] < both["difference"] < both["difference_high"]
    assert (c["p_holm"].dropna() >= c["p"].dropna()).all()
    assert (c.loc["MMCL", "reference"], c.loc["Tabular", "reference"]) == ("Tabular", "")
    assert [figure.name for figure in section.figures()] == ["over_time_af"]
    curves = numbers_of(section, "over_time")
    assert set(curves["column"]) == {"af"}
    ends = curves.dropna(subset="fallen_ill").groupby("third")["fallen_ill"].max()
    assert ends["highest third"] > ends["lowest third"]


def test_the_flow_holds_every_exclusion_with_its_reason(evidence):
    flow = numbers_of(cohort(evidence), "flow")
    assert flow.loc[flow["what"] == "a flat line in a lead", "excluded"].tolist() == [2]
    assert flow.loc[flow["what"] == "visits with an ECG", "remaining"].tolist() == [1802]
    assert flow["remaining"].dropna().iloc[-1] == 900


def test_the_checklist_points_to_sections_that_are_there_and_says_where_it_cannot(evidence):
    sections = [model_card(evidence), cohort(evidence)]
    numbers = numbers_of(checklist(sections), "tripod_ai").set_index("item")
    assert numbers.loc["20b", "answered"]
    assert not numbers.loc["20a", "answered"]
    assert numbers.loc["20a", "in_part"]
    assert numbers.loc["20a", "missing"] == "how long people were followed"
    assert not numbers.loc["23b", "answered"]  # no section on subgroups was handed in
    assert not numbers.loc["17", "answered"]
    assert numbers.loc["17", "where"] == "yours to state"
    assert len(numbers) == 52


def test_a_section_that_only_says_why_it_is_empty_answers_no_item(content, evidence):
    tested = content.predictions[content.predictions["split"] == "test"]
    empty = calibration(Evidence(dataclasses.replace(content, predictions=tested)))
    for section, answered in ((calibration(evidence), True), (empty, False)):
        assert numbers_of(checklist([section]), "tripod_ai").set_index("item").loc["12e", "answered"] == answered


def test_the_flow_notes_balanced_sets_only_where_the_run_took_them(content):
    for balanced in (True, False):
        model = {"data": {"balanced": balanced}}
        section = cohort(Evidence(dataclasses.replace(content, model=model, training_sets={"cad": {"all": 80}})))
        shown = next(part.parts[0] for part in section.parts if isinstance(part, Folded))
        assert ("balanced sets for fine-tuning: CAD 80" in as_text(shown)) == balanced


def test_a_balanced_set_of_a_few_cases_is_not_counted(content):
    changed = {"model": {"data": {"balanced": True}}, "training_sets": {"cad": {"all": 12}}}
    section = cohort(Evidence(dataclasses.replace(content, **changed)))
    shown = next(part.parts[0] for part in section.parts if isinstance(part, Folded))
    assert "CAD under 20" in as_text(shown)


def test_charge_af_on_known_atrial_fibrillation_is_said_to_be_beside_its_own_task(content, evidence):
    table = next(table for table in added_value(evidence).tables() if table.name == "added_value")
    assert "made to foretell new atrial fibrillation" in table.note
    assert "An AUC may differ from the same method's under “Results”" in table.note
    renamed = content.predictions.replace({"column": {"af": "af_incident_5y"}, "task": {"af": "af_incident_5y"}})
    subjects = content.subjects.assign(af_incident_5y=content.subjects["af"])
    own_task = added_value(Evidence(dataclasses.replace(content, predictions=renamed, subjects=subjects)))
    table = next(table for table in own_task.tables() if table.name == "added_value")
    assert "CHARGE-AF" in {row[0].text for block in table.blocks for row in block.rows}
    assert "made to foretell" not in table.note


def test_the_model_card_names_input_output_and_limits(evidence):
    card = as_markdown(model_card(evidence), "A study")
    for words in (
        "12-lead ECG of ten seconds",
        "coronary artery disease",
        "4 MRI phenotypes",
        "not of another hospital",
        "900",
    ):
        assert words in card


def test_numbers_of_a_section_do_not_depend_on_the_others(content, evidence):
    alone = numbers_of(calibration(Evidence(content)), "calibration")
    assert np.array_equal(alone["low"], numbers_of(calibration(evidence), "calibration")["low"], equal_nan=True)


def test_methods_are_compared_in_pairs_in_a_report_without_tables_of_its_own(evidence):
    section = results(evidence)
    paired = numbers_of(section, "comparison").set_index(["origin", "method", "column"]).loc["difference"]
    tabular = paired.loc[("Tabular", "cad")]
    assert tabular["reference"] == "MMCL"
    assert tabular["low"] < tabular["mean"] < tabular["high"] < 0
    assert tabular["p_holm"] >= tabular["p"]
    cases = evidence.people.loc[evidence.people["split"] == "test", "cad"].sum()
    assert tabular["events"] == cases
    caption = next(figure.caption for figure in section.figures() if figure.name == "methods")
    assert "may differ all the same" in caption


def test_a_report_of_one_method_has_no_differences(content):
    alone = content.predictions[content.predictions["method"] == "MMCL"]
    numbers = numbers_of(results(Evidence(dataclasses.replace(content, predictions=alone))), "comparison")
    assert set(numbers["origin"]) == {"measured"} | {"published"}


def test_the_glossary_says_of_each_interval_what_it_rests_on(evidence):
    terms = dict(glossary(evidence).parts[0].entries)
    assert "Wilson's formula for shares (what a threshold finds" in terms["95 % interval"]
    assert "no bootstrap" in terms["Risk interval"]
    assert {"MAE", "Observed / expected", "Predictive value", "CHARGE-AF", "Harrell's C", "Tabular"} <= set(terms)
