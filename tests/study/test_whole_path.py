import re
from dataclasses import replace
from pathlib import Path

import pytest

from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadRun
from cardiolens.evaluation.predictions import read_predictions
from cardiolens.progress import QUIET
from cardiolens.recipes import smoke
from cardiolens.study.demo import PathRecipes, run_demo, write_demo_report

SMOKE = PathRecipes(smoke.mdm(), smoke.mmcl(), smoke.joint())


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "out"
    return run_demo(out, subjects=60, seed=3, steps=SMOKE, processes=1, progress=QUIET)


def test_the_page_shows_the_whole_path_and_loads_nothing(demo):
    page = demo.read_text()
    for words in ("Research use only", "synthetic", "Supervised", "MDM", "MMCL", "oracle", "example.hea", "LVEF"):
        assert words.lower() in page.lower(), words
    assert page.count("data:image/") >= 5
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)


def test_three_methods_predict_three_diseases_and_61_phenotypes(demo):
    predictions = read_predictions(demo.parent / "predictions.parquet")
    assert set(predictions["method"].cat.categories) == {"Supervised", "MDM", "MMCL"}
    assert predictions["column"].nunique() == 64


def test_a_finished_demo_is_not_run_again(demo):
    trained = {path: path.stat().st_mtime_ns for path in demo.parent.rglob("model.safetensors")}
    run_demo(demo.parent, subjects=60, seed=3, steps=SMOKE, processes=1, progress=QUIET)
    assert {path: path.stat().st_mtime_ns for path in demo.parent.rglob("model.safetensors")} == trained


def test_the_report_is_written_again_from_files_alone(demo, tmp_path):
    assert write_demo_report(demo.parent, tmp_path / "again").read_text() == demo.read_text()


def test_the_commands_of_the_page_are_those_that_make_it_again(demo, monkeypatch, tmp_path):
    opened = Cohort.open(demo.parent / "cohort")
    asked = replace(opened.settings, source=opened.settings.source | {"subjects": 61})
    manifest = replace(opened.manifest, settings=asked)
    monkeypatch.setattr(Cohort, "open", lambda _: replace(opened, manifest=manifest))
    monkeypatch.chdir(demo.parents[1])
    page = write_demo_report(Path("out"), tmp_path).read_text()
    assert "cardiolens demo --subjects 61 --seed 3 --out out\n" in page
    assert "--model out/bundle" in page
    assert "--cohort out/cohort" in demo.read_text()


def test_a_folder_without_a_demo_is_refused(tmp_path, tiny_cohort):
    (tmp_path / "cohort").symlink_to(tiny_cohort.path)
    with pytest.raises(BadRun):
        write_demo_report(tmp_path, tmp_path)
