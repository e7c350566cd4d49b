"""The command as its user meets it: help, exit status, one line per mistake."""

import csv
import json
import shutil
import subprocess
import sys

import pytest

from command import run


def _one_line(text: str) -> bool:
    return text.startswith("cardiolens: ") and text.count("\n") == 1


VERBS = (
    "demo", "prepare", "train", "inspect", "predict", "embed", "evaluate", "report", "explain", "serve", "export", "benchmark",
    "bundle", "push", "import",
)  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(capsys, verb):
    status, out, _ = run(capsys, verb, "--help")
    assert status == 0
    assert f"cardiolens {verb}" in out


@pytest.mark.parametrize(
    "argv",
    [
        ["predcit", "a.hea"],
        ["predict", "a.hea", "--jsn"],
        ["predict"],
        ["train", "demo.mdm"],
        ["prepare", "synthetic", "--subjects", "few", "--out", "x"],
        ["evaluate", "--cohort", "nowhere"],
        ["report", "nowhere"],
    ],
    ids=lambda argv: " ".join(argv),
)
def test_a_mistake_is_one_line_and_status_2(capsys, tmp_path, monkeypatch, argv):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, *argv)
    assert status == 2
    assert _one_line(err), err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("option", "value"), [("--subjects", 0), ("--seed", -1), ("--processes", 0)])
def test_an_impossible_cohort_is_refused_and_leaves_nothing(capsys, tmp_path, option, value):
    wanted = {"--subjects": 3, "--seed": 0, "--processes": 1} | {option: value}
    status, _, err = run(
        capsys, "prepare", "synthetic", "--out", tmp_path / "c", *(part for pair in wanted.items() for part in pair)
    )
    assert status == 2
    assert _one_line(err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        ["--seeds"],
        ["--seeds", "a"],
        ["--seeds", "1", "1"],
        ["--seeds", "-1"],
        ["--seeds", "1", "--jobs", "0"],
        ["--jobs", "2"],
        ["--seeds", "1", "--training.seed", "2"],
    ],
    ids=" ".join,
)
def test_impossible_seeds_are_one_line_and_status_2(capsys, tmp_path, tiny_cohort, options):
    asked = ["train", "smoke.finetune", "--cohort", tiny_cohort.path, "--out", tmp_path / "run", *options]
    status, _, err = run(capsys, *asked)
    assert status == 2
    assert _one_line(err), err
    assert "seed" in err
    assert list(tmp_path.iterdir()) == []


def test_several_seeds_become_ordinary_runs_with_bundles(capsys, tmp_path, tiny_cohort):
    asked = ["train", "smoke.finetune", "--target", "heart_rate_bpm", "--cohort", tiny_cohort.path, "--out", tmp_path / "run"]
    status, out, err = run(capsys, *asked, "--training.epochs", "1", "--seeds", "0", "7", "--jobs", "1")
    assert status == 0, err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run_0", "run_7"]
    seeds = [
        json.loads((tmp_path / name / "config.json").read_text())["config"]["training"]["seed"] for name in ("run_0", "run_7")
    ]
    assert seeds == [0, 7]
    assert all((tmp_path / name / "bundle").is_dir() and name in out for name in ("run_0", "run_7"))


@pytest.fixture
def ecg_file(tmp_path, recording_for_cli):
    from cardiolens.formats.wfdb_record import write

    write(tmp_path / "good.hea", recording_for_cli)
    return tmp_path / "good.hea"


@pytest.fixture(scope="module")
def recording_for_cli():
    from cardiolens.synthetic.generator import make_subject

    return make_subject(seed=5, index=1, with_mri=False).recording


def test_predict_writes_a_row_per_file_and_says_which_was_refused(capsys, tmp_path, ecg_file):
    bad = tmp_path / "1234567_20205_2_0.xml"
    bad.write_text("nothing")
    status, _, err = run(capsys, "predict", ecg_file, bad, "--csv", tmp_path / "out.csv")
    assert status == 1
    answered, refused = csv.DictReader((tmp_path / "out.csv").open())
    assert sum(column.endswith("_risk") for column in answered) == 3
    values = {c for c in answered if c.startswith(("lv", "rv", "wt_", "ecc_", "err_"))}
    limits = {c for c in values if c.endswith(("_low_80", "_high_80", "_low_95", "_high_95"))}
    references = {c for c in values if c.endswith(("_reference_low", "_reference_high", "_z_score"))}
    assert (len(values - limits - references), len(limits), len(references)) == (61, 4 * 61, 3 * 61)
    assert "synthetic" in answered["notice"]
    assert "Research use only" in answered["notice"]
    assert refused["refused"]
    assert "1234567" not in err + (tmp_path / "out.csv").read_text()


@pytest.mark.parametrize(
    "options",
    [("predict", "--csv", "out.parquet"), ("predict", "--parquet", "p.csv2"), ("inspect", "--csv", "out.xlsx")],
    ids=" ".join,
)
def test_a_table_is_called_what_it_is(capsys, tmp_path, ecg_file, options):
    verb, option, name = options
    status, _, err = run(capsys, verb, ecg_file, option, tmp_path / name)
    assert status == 2
    assert f"{option} {name}: ends in" in err
    assert not (tmp_path / name).exists()


def test_predict_asks_processes_where_files_are_many(capsys, tmp_path, ecg_file, monkeypatch):
    tables = {"here": tmp_path / "here.csv", "there": tmp_path / "there.csv"}
    for number in range(3):
        shutil.copy(ecg_file.with_suffix(".dat"), tmp_path / f"good{number}.dat")
        (tmp_path / f"good{number}.hea").write_text(ecg_file.read_text().replace("good", f"good{number}"))
    for name, table in tables.items():
        monkeypatch.setattr("cardiolens.cli.ecg_files.MANY", 1 if name == "there" else 100)
        assert run(capsys, "predict", *sorted(tmp_path.glob("*.hea")), "--processes", "2", "--csv", table)[0] == 0
    here, there = (list(csv.DictReader(table.open())) for table in tables.values())
    assert [row["source"] for row in there] == ["good.hea", "good0.hea", "good1.hea", "good2.hea"]
    for one, other in zip(here, there, strict=True):
        assert float(one["lvedv_ml"]) == pytest.approx(float(other["lvedv_ml"]), rel=1e-6)
        assert float(one["af_risk"]) == pytest.approx(float(other["af_risk"]), abs=1e-6)


def test_predict_speaks_json(capsys, ecg_file):
    status, out, _ = run(capsys, "predict", ecg_file, "--json")
    assert status == 0
    assert len(json.loads(out)["phenotypes"]) == 61


def test_one_bad_file_alone_is_status_2(capsys, tmp_path):
    status, _, err = run(capsys, "predict", tmp_path / "absent.xml")
    assert status == 2
    assert _one_line(err)


def test_a_pickle_offered_as_a_model_is_refused(capsys, tmp_path, ecg_file):
    (tmp_path / "model.pth").write_bytes(b"\x80\x04\x95")
    status, _, err = run(capsys, "predict", ecg_file, "--model", tmp_path / "model.pth")
    assert status == 2
    assert _one_line(err)


def test_a_new_label_column_is_learnt_and_its_bundle_answers(capsys, tmp_path, tiny_cohort, ecg_file):
    status, _, err = run(
        capsys, "train", "smoke.finetune", "--target", "heart_rate_bpm", "--cohort", tiny_cohort.path, "--out", tmp_path / "run"
    )
    assert status == 0, err
    status, out, _ = run(capsys, "predict", ecg_file, "--model", tmp_path / "run" / "bundle", "--json")
    assert status == 0
    (value,) = json.loads(out)["phenotypes"]
    assert value["unit"] == "1/min"
    status, out, _ = run(
        capsys, "evaluate", "--model", tmp_path / "run" / "bundle", "--cohort", tiny_cohort.path, "--csv", tmp_path / "a.csv"
    )
    assert status == 0
    assert "heart_rate" in out
    assert "Everybody" in (tmp_path / "a_subgroups.csv").read_text()


def test_training_lists_its_recipes(capsys):
    status, out, _ = run(capsys, "train", "--list")
    assert status == 0
    assert "paper.mmcl" in out


def test_a_full_disk_is_one_line(capsys, tmp_path, monkeypatch):
    import errno

    from cardiolens.cohorts import prepare_synthetic

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "cohort"))

    monkeypatch.setattr(prepare_synthetic, "prepare_synthetic", full)
    status, _, err = run(capsys, "prepare", "synthetic", "--subjects", 3, "--out", tmp_path / "cohort")
    assert status == 2
    assert _one_line(err)
    assert "space" in err


@pytest.mark.parametrize(
    "options",
    [[], ["--out", "c"], ["--out", "c", "--check"], ["--files", "f"], ["--check", "--subjects", "0"]],
    ids=" ".join,
)
def test_synthetic_subjects_are_asked_for_in_one_way(capsys, tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, "prepare", "synthetic", *options)
    assert status == 2
    assert _one_line(err), err
    assert list(tmp_path.iterdir()) == []


def test_synthetic_subjects_can_be_had_as_files(capsys, tmp_path):
    status, out, _ = run(capsys, "prepare", "synthetic", "--subjects", 2, "--no-mri", "--files", tmp_path / "release")
    assert status == 0
    assert "Research use only" in out
    assert list((tmp_path / "release").rglob("*_20205_2_0.xml"))


def test_inspect_shows_one_file_in_full_and_draws_it(capsys, tmp_path, ecg_file):
    status, out, _ = run(capsys, "inspect", ecg_file, "--picture", tmp_path / "ecg.svg")
    assert status == 0
    assert "WFDB record" in out
    assert "V6" in out
    assert "Research use only" in out
    assert (tmp_path / "ecg.svg").read_bytes().startswith(b"<?xml")


def test_inspect_makes_a_table_of_a_folder_and_counts(capsys, tmp_path, ecg_file):
    for number in range(4):
        (tmp_path / f"{number}_1234567.xml").write_text("nothing")
    status, out, err = run(capsys, "inspect", tmp_path, "--csv", tmp_path / "out.csv", "--processes", "1")
    assert status == 1
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert len(rows) == 5
    assert sum(row["verdict"] == "refused" for row in rows) == 4
    assert "5 rows in" in out
    assert "of no known format" in out
    assert "1234567" not in out + err + (tmp_path / "out.csv").read_text()


def test_inspect_speaks_json(capsys, ecg_file):
    status, out, _ = run(capsys, "inspect", ecg_file, "--json")
    assert status == 0
    assert json.loads(out)["measures"]["II"]["range_mv"] > 0.3


@pytest.mark.parametrize(
    "options",
    [
        ["--rate", "fast"],
        ["--unit", "adu"],
        ["--rate", "-1"],
        ["--rate", "250"],
        ["--processes", "0"],
        ["absent.xml", "--picture", "one.png"],
        ["--csv", "nowhere/out.csv"],
        ["--picture", "ecg.jpg"],
    ],
    ids=" ".join,
)
def test_inspect_refuses_impossible_options_in_one_line(capsys, ecg_file, options):
    status, out, err = run(capsys, "inspect", ecg_file, *options)
    assert status == 2
    assert _one_line(err) or "found 500 Hz in the file; expected 250 Hz as declared" in out, err


@pytest.mark.parametrize("verb", ["inspect", "predict"])
def test_an_empty_folder_is_said(capsys, tmp_path, verb):
    status, _, err = run(capsys, verb, tmp_path)
    assert status == 2
    assert "no files in" in err


def test_a_folder_that_may_not_be_written_is_one_line(capsys, tmp_path, ecg_file, monkeypatch):
    import cardiolens.serving.inspection_output as output

    def forbidden(*_, **__):
        raise PermissionError(13, "Permission denied", str(tmp_path / "out.csv"))

    monkeypatch.setattr(output, "open_table", forbidden)
    status, _, err = run(capsys, "inspect", ecg_file, "--csv", tmp_path / "out.csv")
    assert status == 2
    assert _one_line(err)
    assert "Permission denied" in err


@pytest.mark.parametrize("verb", ["inspect", "predict"])
def test_a_bare_array_needs_its_contract(capsys, tmp_path, recording_for_cli, verb):
    import numpy as np

    np.save(tmp_path / "ecg.npy", 1000 * recording_for_cli.signal_mv)
    status, out, err = run(capsys, verb, tmp_path / "ecg.npy")
    assert status == 2
    assert "--unit" in out + err or "--rate" in out + err or "--lead-names" in out + err
    leads = "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"
    status, _, err = run(capsys, verb, tmp_path / "ecg.npy", "--rate", 500, "--unit", "uV", "--lead-names", leads)
    assert status == 0, err


def test_predict_reads_a_folder_and_carries_the_quality(capsys, tmp_path, ecg_file):
    status, out, _ = run(capsys, "predict", ecg_file.parent, "--json")
    assert status == 0
    answer = json.loads(out)
    assert answer["source"] == "good.hea"
    assert answer["quality"] in {"good", "usable with notes"}


def test_a_reader_that_has_seen_enough_is_no_mistake(tmp_path):
    command = f"{sys.executable} -m cardiolens train --list | head -n 1; echo ${{PIPESTATUS[0]}}"
    # Enough lines to fill the pipe, so that the command notices.
    slow = command.replace("train --list", "inspect --json " + " ".join(["nowhere.xml"] * 2000))
    for shown in (command, slow):
        done = subprocess.run(["bash", "-c", shown], capture_output=True, text=True, check=True, cwd=tmp_path)
        assert "Broken pipe" not in done.stderr
        assert "Traceback" not in done.stderr


def test_a_study_says_what_it_would_do_and_does_nothing(capsys, tiny_cohort, tmp_path):
    out = tmp_path / "study"
    asked = ("study", "demo", "--cohort", tiny_cohort.path, "--out", out, "--dry-run", "--seeds", 1)
    status, said, err = run(capsys, *asked, "--only", "figure_6,figure_4,table_3")
    assert status == 0, err
    # Four of pre-training, and two learning rates of phenotypes, one of which is the run itself.
    assert "6 runs" in said
    assert "Left out: cad/supervised, cad/mdm, cad/mmcl-without-mdm, cad/mmcl, since cad has no two classes" in said
    assert [key for key in ("image_simclr", "mdm", "mmcl_without_mdm", "mmcl") if f"  {key}\n" not in said] == []
    assert not out.exists()


@pytest.mark.parametrize(("option", "value"), [("--only", "table_9"), ("--seeds", 6), ("--jobs", 0), ("--heat-maps", 3)])
def test_a_study_that_cannot_be_is_refused_in_one_line(capsys, tiny_cohort, tmp_path, option, value):
    status, _, err = run(capsys, "study", "demo", "--cohort", tiny_cohort.path, "--out", tmp_path / "s", option, value)
    assert status == 2
    assert _one_line(err)
