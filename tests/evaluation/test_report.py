import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up import made_up_predictions

from cardiolens.errors import BadRun
from cardiolens.evaluation.comparison import oracle_predictions
from cardiolens.evaluation.content import OneAnswer, Reconstruction, ReportContent, SimilarityMaps
from cardiolens.evaluation.pages import template_text
from cardiolens.evaluation.report import without_places, write_report
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS, PHENOTYPES

HOME = "/" + "home/someone"


@pytest.fixture(scope="module")
def content() -> ReportContent:
    rng = np.random.default_rng(0)
    risk = rng.random(60)
    subjects = pd.DataFrame(
        {
            "subject": [f"{k + 0xABCDEF0000:012x}" for k in range(60)],
            "split": ["train", "test", "test"] * 20,
            "cad": (rng.random(60) < risk).astype(float),
            "true_risk_cad": risk,
        }
    )
    ecg = rng.normal(size=(12, 500)).astype(np.float32)
    answer = {
        "source": "1234567_20205_2_0.xml",
        "notes": ("resampled from 250 Hz", "<b>odd</b>"),
        "risks": [{"name": "cad", "label": "Coronary artery disease", "probability": 0.1, "prevalence": 0.07}],
        "phenotypes": [
            {"name": p.name, "column": p.column, "group": p.group, "value": 50.0, "unit": p.unit} for p in PHENOTYPES
        ],
        "model": "a bundle",
        "notice": "Synthetic training data. Research use only.",
    }
    return ReportContent(
        title="A report",
        predictions=made_up_predictions(methods=("MDM", "MMCL"), values=PHENOTYPE_COLUMNS, subjects=40),
        detailed_method="MMCL",
        is_synthetic=True,
        commands=(f"cardiolens demo --out {HOME}/out/demo",),
        environment={"versions": {"torch": "2.13.0"}, "cohort": "0a1234567b" + "c" * 54, "seeds": [0, 1]},
        next_steps=("cardiolens predict YOUR.hea",),
        oracle=oracle_predictions(subjects),
        subjects=subjects,
        curves=pd.DataFrame({"run": "MDM", "epoch": [1, 2], "metric": "train_loss", "value": [2.0, 1.0]}),
        reconstruction=Reconstruction(ecg, ecg, rng.random((12, 5)) < 0.8),
        similarity=SimilarityMaps(rng.random((1, 40, 40)), rng.normal(size=(1, 40, 40))),
        prediction=OneAnswer(answer, ecg, measured={"lvedv_ml": 52.0}),
    )


@pytest.fixture(scope="module")
def report(content: ReportContent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("report"), content)


class _Page(HTMLParser):
    """The tags of a page, its words, and whether every tag that opens also closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def page(report: Path) -> _Page:
    return _Page(report.read_text(encoding="utf-8"))


def test_the_page_loads_nothing(report, page):
    assert not page.open
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "base"}
    assert all(attributes["src"].startswith("data:image/png;base64,") for tag, attributes in page.tags if tag == "img")
    assert "://" not in report.read_text(encoding="utf-8")
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert report.stat().st_size < 10_000_000


def test_every_link_leads_somewhere(report, page):
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    targets = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert len(targets) > 10
    for target in targets:
        assert target.removeprefix("#") in ids if target.startswith("#") else (report.parent / target).is_file()


def test_every_picture_is_described_and_lies_beside_the_page(report, page):
    described = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    assert all(described)
    names = {path.stem for path in (report.parent / "figures").glob("*.png")}
    assert names == {
        "methods", "scatter", "reconstruction", "similarity", "training", "ecg", "profile", "segments", "flow",
    }  # fmt: skip
    assert len(described) == len(names)


def test_it_says_what_it_is_and_what_it_is_not(page):
    words = " ".join(page.words)
    for expected in ("Research use only.", "Synthetic training data.", "(10 of 40)", "Truth (oracle)", "2.13.0", "95 %"):
        assert expected in words


def test_no_participant_and_no_place_of_this_machine_is_named(report, page):
    text = "".join(page.words)
    assert "1234567_20205" not in text
    assert "_20205_2_0.xml" in text
    assert HOME not in text
    for path in report.parent.rglob("*.csv"):
        assert "abcdef00" not in path.read_text(), "subjects must not stand in the tables"
    assert "abcdef00" not in text


def test_a_digest_stays_whole(page):
    assert "0a1234567b" + "c" * 54 in "".join(page.words)


def test_text_from_outside_is_escaped(report, page):
    assert "<b>odd</b>" in "".join(page.words)
    assert "<b>odd</b>" not in report.read_text(encoding="utf-8")


def test_every_number_is_there_unrounded(report):
    metrics = pd.read_csv(report.parent / "tables" / "metrics.csv")
    assert {"value", "low", "high", "n", "events", "seed"} <= set(metrics.columns)
    assert set(metrics["method"]) == {"MDM", "MMCL"}
    names = {path.stem for path in (report.parent / "tables").glob("*.csv")}
    assert names == {
        "metrics", "comparison", "diseases", "phenotypes_mdm", "phenotypes_mmcl", "cohort", "prediction", "flow", "tripod_ai",
        "training",
    }  # fmt: skip


def test_predictions_alone_make_a_report(content, predictions, tmp_path):
    bare = ReportContent("Bare", predictions(values=()), "MDM", False, ("x",), {}, ("y",))
    words = " ".join(_Page(write_report(tmp_path, bare).read_text(encoding="utf-8")).words)
    assert "Research use only." in words
    assert "Synthetic" not in words
    assert re.search(r"0\.\d{3}", words)


def test_a_page_that_is_too_large_is_refused_in_one_line_before_anything_is_written(content, predictions, tmp_path):
    noise = np.random.default_rng(1).bytes(7_700_000)
    large = ReportContent(
        "Large", predictions(values=()), "MDM", False, ("x",), {}, ("y",), figures={"noise": ("Noise.", noise)}
    )
    with pytest.raises(BadRun, match=r"the report's page: found 10\.\d MB, mostly pictures; expected less than 10 MB"):
        write_report(tmp_path, large)
    assert not any(tmp_path.iterdir())


def test_a_few_cases_stand_on_no_page_and_in_no_file(predictions, tmp_path):
    table = predictions(values=(), methods=("MDM", "MMCL"))
    ill = np.flatnonzero(table["target"] == 1)
    table.loc[ill[table["subject"].iloc[ill].isin(table["subject"].unique()[24:])], "target"] = 0.0
    assert (table[table["method"] == "MDM"]["target"] == 1).sum() == 6
    page = write_report(tmp_path, ReportContent("Few", table, "MDM", False, ("x",), {}, ("y",))).read_text(encoding="utf-8")
    assert "under 10 of 120" in page
    assert "6 of 120" not in page
    assert "5.0 %" not in page
    for path in (tmp_path / "tables").glob("*.csv"):
        numbers = pd.read_csv(path)
        if "events" in numbers:
            assert not numbers["events"].between(1, 9).any(), path.name
            assert numbers.loc[numbers["metric"] == "prevalence", ["low", "high"]].isna().all(axis=None), path.name


def test_participants_numbers_and_unknown_methods_are_refused_before_anything_is_written(content, tmp_path):
    named = content.predictions.assign(subject=[str(1_000_000 + k) for k in range(len(content.predictions))])
    with pytest.raises(BadRun, match="participants' numbers"):
        write_report(tmp_path, dataclasses.replace(content, predictions=named))
    with pytest.raises(BadRun, match="no method 'BYOL'; expected one of MDM, MMCL"):
        write_report(tmp_path, dataclasses.replace(content, detailed_method="BYOL"))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"--out {HOME}/a/b.hea --seed 3", "--out b.hea --seed 3"),
        (f"--out={HOME}/a", "--out=a"),
        ("5 L/min and out/demo/run, LV / RV", "5 L/min and out/demo/run, LV / RV"),
    ],
)
def test_folders_of_absolute_paths_are_left_out(text, shown):
    assert without_places(text) == shown


def test_a_long_command_is_broken_and_not_cut():
    assert "white-space: pre-wrap; overflow-wrap: anywhere" in template_text("report.css")


def test_the_interval_of_a_risk_is_said_to_be_no_bootstrap(report):
    assert "The interval says how well this risk is known" in report.read_text()
