import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.errors import BadCohort, BadOption, BadRun
from cardiolens.recipes import smoke
from cardiolens.study import results, written
from cardiolens.study.paper import demo_sizes
from cardiolens.study.pdf import BROWSERS, print_pdf
from cardiolens.study.plan import PlannedRun, Study
from cardiolens.study.reporting import refuse_shared_ecgs
from cardiolens.study.written import STUDY, AskedStudy, do_study, report_folder, seen_from
from cardiolens.training.train import train


@pytest.fixture(scope="module")
def run(tiny_cohort, tmp_path_factory):
    return train(smoke.joint(), tiny_cohort, tmp_path_factory.mktemp("run") / "tuned")


@pytest.fixture(scope="module")
def reported(run, tiny_cohort, tmp_path_factory):
    return report_folder(run.path, tmp_path_factory.mktemp("report"), cohort=tiny_cohort.path)


def test_a_run_becomes_a_report_with_calibration_and_subgroups(reported):
    page = reported.read_text()
    for words in (
        "Can the risks be taken at their word?",
        "How far may a phenotype be off?",
        "Flow",
        "TRIPOD+AI",
        "Research use only",
    ):
        assert words in page
    assert (reported.parent / "tables" / "coverage.csv").is_file()


def test_a_run_on_other_people_says_so(run, tiny_cohort, tmp_path):
    others = prepare_synthetic(tmp_path / "others", subjects=40, seed=5)
    page = report_folder(run.path, tmp_path / "report", cohort=tiny_cohort.path, test_cohort=others.path)
    assert "Subjects that were asked about" in page.read_text()
    command = f"cardiolens report tuned --cohort {tiny_cohort.path.name} --test-cohort others --out report"
    assert command in page.read_text()


def test_a_run_needs_its_cohort_and_the_right_one(run, tiny_cohort, tmp_path):
    with pytest.raises(BadOption, match="a run without its cohort"):
        report_folder(run.path, tmp_path)
    other = prepare_synthetic(tmp_path / "other", subjects=20, seed=6)
    with pytest.raises(BadRun, match="a run on another cohort"):
        report_folder(run.path, tmp_path, cohort=other.path)
    with pytest.raises(BadRun, match="no finished run, study or demo"):
        report_folder(tmp_path, tmp_path)
    for given in (None, other.path):
        with pytest.raises(BadRun, match="nowhere: found no such folder"):
            report_folder(tmp_path / "nowhere", tmp_path, cohort=given)


def test_a_study_remembers_what_it_was_asked_and_is_reported_again_from_its_folder(tiny_cohort, tmp_path, monkeypatch):
    tiny = Study("tiny", (PlannedRun("all/mmcl/100%/seed-0", smoke.joint(), predicts=True),))
    monkeypatch.setattr(written, "choose_study", lambda *_, **__: (tiny, demo_sizes()))
    out = tmp_path / "study"
    out.mkdir()
    asked = AskedStudy("demo", seen_from(out, tiny_cohort.path), None, (), 1, False, "cardiolens study demo")
    files, count = do_study(asked, out)
    assert count == 1
    assert files[-1] == out / "index.html"
    assert json.loads((out / STUDY).read_text())["command"] == "cardiolens study demo"
    again = report_folder(out, tmp_path / "again")
    assert again.read_text() == files[-1].read_text()


def test_heat_maps_are_of_as_many_subjects_as_were_asked_for(tiny_cohort, tmp_path, monkeypatch):
    of = []
    tiny = Study("tiny", (PlannedRun("mmcl", smoke.mmcl()),))
    monkeypatch.setattr(written, "choose_study", lambda *_, **__: (tiny, demo_sizes()))
    monkeypatch.setattr(results, "write_heat_maps", lambda *_, most, **__: of.append(most) or [tmp_path / "figure.png"])
    asked = AskedStudy("demo", seen_from(tmp_path, tiny_cohort.path), None, (), 1, False, "a command", mapped=9)
    do_study(asked, tmp_path)
    assert of == [9]
    assert json.loads((tmp_path / STUDY).read_text())["mapped"] == 9


def _of_parts(monkeypatch):
    """A study of two runs, each a part of its own."""

    def planned(name):
        joint = smoke.joint()
        training = replace(joint.training, epochs=1, warmup_epochs=0.0)
        run = PlannedRun(f"all/{name.lower()}/100%/seed-0", replace(joint, name=name, training=training), predicts=True)
        return Study("tiny", (run,))

    studies = {"table_2": planned("Supervised"), "table_3": planned("MMCL")}
    monkeypatch.setattr(written, "choose_study", lambda _, *, parts, **__: (studies[parts[0]], demo_sizes()))


def _ask(out, cohort, part):
    out.mkdir(exist_ok=True)
    return do_study(AskedStudy("demo", seen_from(out, cohort.path), None, (part,), 1, False, f"study --only {part}"), out)


def test_a_part_that_is_asked_for_later_joins_what_is_there(tiny_cohort, tmp_path, monkeypatch):
    _of_parts(monkeypatch)
    for part in ("table_2", "table_3"):
        _ask(tmp_path / "study", tiny_cohort, part)
    metrics = pd.read_csv(tmp_path / "study" / "metrics.csv")
    assert set(metrics["method"]) == {"Supervised", "MMCL"}
    page = (tmp_path / "study" / "index.html").read_text()
    assert "study --only table_2" in page
    assert "study --only table_3" in page
    stored = json.loads((tmp_path / "study" / STUDY).read_text())
    assert [one["parts"] for one in (*stored["before"], stored)] == [["table_2"], ["table_3"]]


def test_a_part_that_is_asked_for_later_leaves_figure_6_as_large_as_it_was(tiny_cohort, tmp_path, monkeypatch):
    _of_parts(monkeypatch)
    sizes = []
    write = written.write_results
    monkeypatch.setattr(
        written, "write_results", lambda done, out, **more: sizes.append(done.mapped) or write(done, out, **more)
    )
    asked = AskedStudy("demo", seen_from(tmp_path, tiny_cohort.path), None, ("table_2", "figure_6"), 1, False, "", mapped=6000)
    do_study(asked, tmp_path)
    do_study(replace(asked, parts=("table_3",), mapped=500), tmp_path)
    assert sizes == [6000, 6000]


def test_tables_of_other_sizes_are_not_overwritten(tiny_cohort, tmp_path, monkeypatch):
    _of_parts(monkeypatch)
    _ask(tmp_path, tiny_cohort, "table_2")
    before = (tmp_path / "metrics.csv").read_bytes()
    for other in ({"name": "paper"}, {"whole_search": True}):
        asked = AskedStudy("demo", seen_from(tmp_path, tiny_cohort.path), None, ("table_3",), 1, False, "")
        with pytest.raises(BadOption, match=r"a folder with tables of the study 'demo'; .* choose another folder"):
            do_study(replace(asked, **other), tmp_path)
    assert (tmp_path / "metrics.csv").read_bytes() == before


def test_what_was_asked_before_and_is_gone_is_not_trained_again(tiny_cohort, tmp_path, monkeypatch):
    _of_parts(monkeypatch)
    _ask(tmp_path / "study", tiny_cohort, "table_2")
    shutil.rmtree(tmp_path / "study" / "runs")
    _, count = _ask(tmp_path / "study", tiny_cohort, "table_3")
    assert count == 1
    assert set(pd.read_csv(tmp_path / "study" / "metrics.csv")["method"]) == {"MMCL"}


def test_one_recording_under_two_names_in_two_splits_is_refused(tiny_cohort, tmp_path):
    import numpy as np

    splits = tiny_cohort.subjects["split"].to_numpy()
    tested, trained = int(np.flatnonzero(splits == "test")[0]), int(np.flatnonzero(splits == "train")[0])
    ecg = np.array(tiny_cohort.ecg)
    ecg[tested] = ecg[trained]
    leaked = replace(tiny_cohort, ecg=ecg)
    with pytest.raises(BadCohort, match="hold the ECG of another subject, in the splits test, train"):
        refuse_shared_ecgs(leaked, leaked)
    refuse_shared_ecgs(tiny_cohort, tiny_cohort)


def test_people_of_the_training_cohort_are_no_others(tiny_cohort, tmp_path):
    from cardiolens.cohorts.store import Cohort

    shutil.copytree(tiny_cohort.path, tmp_path / "copy")
    with pytest.raises(BadCohort, match="subjects who are in the training cohort too"):
        refuse_shared_ecgs(tiny_cohort, Cohort.open(tmp_path / "copy"))


def test_recordings_of_the_training_cohort_under_other_names_are_no_others(tiny_cohort, tmp_path):
    import numpy as np

    others = tiny_cohort.subjects.assign(subject=[f"{k:012x}" for k in range(len(tiny_cohort.subjects))])
    ecg = np.roll(np.array(tiny_cohort.ecg), 1, axis=2)
    people = replace(tiny_cohort, path=tmp_path / "others", subjects=others, ecg=ecg)
    refuse_shared_ecgs(tiny_cohort, people)
    ecg[3] = tiny_cohort.ecg[5]
    with pytest.raises(BadCohort, match="found 1 row with an ECG of the training cohort under another name"):
        refuse_shared_ecgs(tiny_cohort, people)


@pytest.mark.skipif(not any(map(shutil.which, BROWSERS)), reason="no Chromium or Chrome on this machine")
def test_the_page_is_printed(reported):
    pdf = print_pdf(reported)
    assert pdf.read_bytes().startswith(b"%PDF")
    assert not list(reported.parent.glob("*.part"))


def test_without_a_browser_it_says_what_to_do(reported, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(BadOption, match="no browser"):
        print_pdf(reported)
