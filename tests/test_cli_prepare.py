"""`prepare ukb` and `prepare folder` as their user meets them."""

import shutil

import pytest

from cardiolens.cohorts.release.folder import ReleaseConfig, write_release
from cardiolens.cohorts.store import Cohort
from command import run


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    config = ReleaseConfig(repeat_share=0.3, withdrawn_share=0.2)
    return write_release(tmp_path_factory.mktemp("release") / "ukb", subjects=14, seed=3, with_mri=False, config=config)


def _ukb(release, out, *more):
    return ("prepare", "ukb", "--ecg", release / "Bulk", "--table", release / "main.csv", "--out", out, "--processes", 1, *more)


@pytest.mark.parametrize("source", ["ukb", "folder", "tensors", "synthetic"])
def test_every_source_has_help_with_an_example(capsys, source):
    status, out, _ = run(capsys, "prepare", source, "--help")
    assert status == 0
    assert f"cardiolens prepare {source}" in out


def test_what_was_made_is_told_with_flow_balance_and_labels(capsys, release, tmp_path):
    status, out, err = run(
        capsys, *_ukb(release, tmp_path / "cohort", "--withdrawn", release / "w00000_20230101.csv", "--censor", "2022-10-31")
    )
    assert status == 0, err
    cohort = Cohort.open(tmp_path / "cohort")
    for what, count in cohort.manifest.flow:
        assert f"{count:,}  {what}" in out
    assert dict(cohort.manifest.flow)["visits of people who withdrew"] > 0
    assert "cad_prevalent" in out
    assert "training set everybody" in out
    assert "cohort.participants.json" in out
    assert cohort.settings.source["labels"]["censored"]["Scotland"] == "2022-10-31"
    assert "Research use only" in out


def test_the_platforms_table_gives_the_same_cohort(capsys, release, tmp_path):
    for name, table in (("classic", "main.csv"), ("platform", "participant.parquet")):
        key = ("--key", tmp_path / "key.json")
        argv = ("prepare", "ukb", "--ecg", release / "Bulk", "--table", release / table, "--out", tmp_path / name)
        assert run(capsys, *argv, "--processes", 1, *key)[0] == 0
    classic, platform = (Cohort.open(tmp_path / name) for name in ("classic", "platform"))
    assert classic.fingerprint == platform.fingerprint


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--processes", 0), "--processes takes 1 or more"),
        (("--code-set", "mine"), "choose customary or alvarez_florez"),
        (("--disease", "stroke"), "--disease"),
        (("--censor", "yesterday"), "expected a day such as 2022-10-31"),
        (("--horizon", "0"), "horizon_years"),
        (("--phenotypes", "ours"), "expected some of own, ukb, table"),
        (("--masks", "m"), "--masks needs --label-map"),
        (("--withdrawn", "nowhere.csv"), "nowhere.csv: found a file that cannot be read"),
        (("--table", "nowhere.csv"), "nowhere.csv: found a file that cannot be read"),
        (("--ecg", "nowhere"), "nowhere: found no such folder"),
        (("--cmr", "nowhere"), "nowhere: found no such folder"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line_and_leaves_nothing(capsys, release, tmp_path, monkeypatch, argv, said):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, *_ukb(release, "cohort"), *argv)
    assert status == 2
    assert said in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_table_without_a_needed_field_names_it_both_ways_and_can_be_taken_as_it_is(capsys, release, tmp_path):
    table = tmp_path / "main.csv"
    lines = (release / "main.csv").read_text().splitlines()
    table.write_text("\n".join([lines[0].replace('"31-0.0"', '"other"'), *lines[1:]]))
    argv = ("prepare", "ukb", "--ecg", release / "Bulk", "--table", table, "--out", tmp_path / "cohort", "--processes", 1)
    status, _, err = run(capsys, *argv)
    assert status == 2
    assert "found no column 31-0.0 (p31)" in err
    assert "--without 31" in err
    assert run(capsys, *argv, "--without", 31)[0] == 0
    assert Cohort.open(tmp_path / "cohort").subjects["sex"].isna().all()


def test_the_key_file_is_not_kept_in_the_cohort(capsys, release, tmp_path):
    status, _, err = run(capsys, *_ukb(release, tmp_path / "cohort", "--key", tmp_path / "cohort" / "key.json"))
    assert status == 2
    assert "keep it apart" in err
    assert list(tmp_path.iterdir()) == []


def test_the_published_lists_are_told_with_their_faults(capsys, release, tmp_path):
    status, out, _ = run(capsys, *_ukb(release, tmp_path / "cohort", "--code-set", "alvarez_florez"))
    assert status == 0
    assert out.count("note: alvarez_florez:") >= 3


def test_running_again_opens_what_is_complete(capsys, release, tmp_path):
    first = run(capsys, *_ukb(release, tmp_path / "cohort"))
    before = Cohort.open(tmp_path / "cohort").fingerprint
    again = run(capsys, *_ukb(release, tmp_path / "cohort"))
    assert (first[0], again[0]) == (0, 0)
    assert Cohort.open(tmp_path / "cohort").fingerprint == before


def test_a_manifest_makes_a_cohort_of_ecgs_alone(capsys, release, tmp_path):
    ecgs = sorted(release.rglob("*_20205_2_0.xml"))[:6]
    (tmp_path / "ecg").mkdir()
    lines = ["subject,ecg,age_years,sex,hypertension,surname"]
    for k, path in enumerate(ecgs):
        shutil.copy(path, tmp_path / "ecg" / f"patient{k}.xml")
        lines.append(f"P{k:03d},ecg/patient{k}.xml,{50 + k},female,{k % 2},Somebody")
    (tmp_path / "visits.csv").write_text("\n".join(lines))
    status, out, err = run(
        capsys, "prepare", "folder", "--manifest", tmp_path / "visits.csv", "--out", tmp_path / "cohort", "--processes", 1
    )
    assert status == 0, err
    cohort = Cohort.open(tmp_path / "cohort")
    assert (len(cohort.subjects), cohort.cmr, cohort.subjects["hypertension"].sum()) == (6, None, 3)
    assert set(cohort.subjects["sex"]) == {"F"}
    assert "column surname is left out" in out
    assert "hypertension" in out


def test_a_manifest_without_its_columns_is_one_line(capsys, tmp_path):
    (tmp_path / "visits.csv").write_text("patient,file\n1,a.xml\n")
    status, _, err = run(capsys, "prepare", "folder", "--manifest", tmp_path / "visits.csv", "--out", tmp_path / "cohort")
    assert status == 2
    assert err == ("cardiolens: visits.csv: found no column subject; expected columns subject and ecg; name the columns so\n")
    assert [path.name for path in tmp_path.iterdir()] == ["visits.csv"]
