"""From a release in UK Biobank's layout to a cohort, by command: damaged, killed, on a cluster that loses a worker."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from fake_rows import contents

from cardiolens.cohorts.release.folder import ReleaseConfig, write_release
from cardiolens.cohorts.store import Cohort
from cardiolens.formats.table.parquet_footer import MAGIC
from cardiolens.synthetic.settings import SyntheticConfig
from dask_cluster import dask_cluster

SUBJECTS, SEED, SCANS = 60, 7, 6
CONFIG = ReleaseConfig(
    mri_share=0.1, repeat_share=0.1, withdrawn_share=0.05, num_phases=10, most_slices=6, nifti=True,
    generator=SyntheticConfig(frame_pixels=96),
)  # fmt: skip
MAIN, WITHDRAWN = "main.csv", "w00000_20230101.csv"
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Sixty people, six of them with a small cine; some files are damaged, odd ones lie beside them."""
    folder = write_release(tmp_path_factory.mktemp("release") / "ukb", subjects=SUBJECTS, seed=SEED, config=CONFIG)
    ecgs, scans = (sorted(folder.rglob(f"*_{field}_*")) for field in (20205, 20209))
    assert (len(scans), len({path.name[:7] for path in ecgs})) == (SCANS, len({p.name[:7] for p in ecgs}))
    gone = set((folder / WITHDRAWN).read_text().split())
    stay = [path for path in ecgs if path.name[:7] not in gone and "_20205_2_" in path.name]
    plain = [path for path in stay if not any(path.name[:7] == scan.name[:7] for scan in scans)]
    _cut(plain[0])
    plain[1].write_text(re.sub(r"<StripData>.*</StripData>", "", plain[1].read_text("latin-1"), flags=re.S), "latin-1")
    shutil.copy(plain[2], plain[2].with_name(plain[2].name.replace("_20205_2_0", "_20205_2_1")))
    shutil.copy(plain[3], plain[3].with_name(plain[3].name.replace("_20205_", "_6025_")))
    shutil.copy(plain[4], plain[4].with_name(plain[4].name.replace("_20205_2_", "_20205_1_")))
    _wrong_clock(plain[5])
    usable = [scan for scan in scans if scan.name[:7] not in gone]
    _cut(usable[0])
    return folder


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _wrong_clock(path):
    text = path.read_text("latin-1")
    changed = re.sub(r"(<ObservationDateTime>.*?<Year>)\d+", r"\g<1>1999", text, count=1, flags=re.S)
    assert changed != text
    path.write_text(changed, "latin-1")


def _command(release, out, *more):
    return [
        sys.executable, "-m", "cardiolens", "prepare", "ukb", "--ecg", str(release / "Bulk"), "--cmr", str(release / "Bulk"),
        "--table", str(release / MAIN), "--withdrawn", str(release / WITHDRAWN), "--masks", str(release / "nifti"),
        "--label-map", "ukbb", "--volumes", "--disease", "stroke=I63,I64", "--censor", "2022-10-31",
        "--key", str(out.parent / "key.json"), "--out", str(out), *more,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def prepared(release, tmp_path_factory):
    """The cohort of an undisturbed run, the key file, and what was said."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = subprocess.run(_command(release, folder / "cohort", "--processes", "2"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "cohort", folder / "key.json", done.stdout + done.stderr


@pytest.fixture
def again(prepared, tmp_path):
    """A place for the same cohort once more, with the same key."""
    shutil.copy(prepared[1], tmp_path / "key.json")
    return tmp_path / "cohort"


_WAITS = """
import sys, time
from cardiolens.cli import main
from cardiolens.cohorts.writer import CohortWriter
store, chunks = CohortWriter.store, int(sys.argv.pop(1))
def store_some(self, chunk, rows):
    global chunks
    while not chunks:
        time.sleep(1)
    store(self, chunk, rows)
    chunks -= 1
CohortWriter.store = store_some
sys.exit(main())
"""
"""The command, which waits to be killed when it has stored some chunks."""


def _killed(command, *, chunks, when, log):
    """Start a command that stores `chunks` at most and kill it as soon as `when()` holds; what it said is kept in `log`."""
    assert command[1:3] == ["-m", "cardiolens"]
    command = [command[0], "-c", _WAITS, str(chunks), *command[3:]]
    with log.open("a") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            while not when():
                assert process.poll() is None, log.read_text()
                time.sleep(0.002)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _chunks(out):
    return sorted((out.with_name(f"{out.name}.building") / "chunks").glob("*.parquet"))


def test_every_usable_visit_is_a_row_and_every_bad_file_costs_one_line(prepared, release):
    cohort = Cohort.open(prepared[0], verify=True)
    refused = pd.read_csv(prepared[0] / "refused.csv")
    flow = dict(cohort.manifest.flow)
    assert len(cohort.subjects) == flow["visits left"] - 2
    assert sorted(refused["part"]) == ["clock", "ecg", "ecg", "mri", "second ecg"]
    assert cohort.manifest.num_refused == 2
    assert cohort.subjects["has_cmr"].sum() == flow["of them with an MRI"] - 1
    assert flow["visits of people who withdrew"] > 0
    assert flow["files of field 6025 passed over"] == flow["ECG files of instance 1 passed over"] == 1


def test_labels_and_phenotypes_are_those_of_the_release(prepared, release):
    cohort = Cohort.open(prepared[0])
    truth = pd.read_parquet(release / "truth.parquet").astype({"eid": str}).set_index("eid")
    people = json.loads(prepared[1].read_text())["participants"]
    of_row = truth.loc[[people[subject] for subject in cohort.subjects["subject"]]].reset_index(drop=True)
    for label in ("cad", "af", "dm", "hf", "mi", "cardiomyopathy", "scd"):
        assert (cohort.subjects[label] == of_row[label].astype(float)).all(), label
    assert (cohort.subjects["sex"] == of_row["sex"]).all()
    assert cohort.subjects["stroke"].eq(0).all()
    seen = cohort.subjects["has_cmr"].to_numpy()
    measured, true = cohort.subjects.loc[seen, "lvedv_ml"], of_row.loc[seen, "lvedv_ml"]
    # The table's own, which has two decimals, comes before what is measured on six slices of a heart that fills ten.
    assert (measured - true).abs().max() < 0.01
    source = cohort.settings.source["phenotypes"]
    assert (source["lvedv_ml"], source["ecc_global_percent"]) == ("ukb", "ukb")


def test_nobodys_number_is_found_anywhere_but_in_the_key_file(prepared, release):
    numbers = {path.name[:7] for path in release.rglob("*_20205_*")} | set((release / WITHDRAWN).read_text().split())
    found = _found(prepared[0], numbers)
    assert not found
    assert not [number for number in numbers if number in prepared[2]]
    kept = set(json.loads(prepared[1].read_text())["participants"].values())
    assert kept == numbers - set((release / WITHDRAWN).read_text().split())


def _found(folder, numbers):
    """Files that hold one of the numbers: in their name, their bytes, or the cells of their table."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            text = content.decode("latin-1")
            if content.startswith(MAGIC):
                text += pd.read_parquet(path).to_csv()
            found += [path.name for number in numbers if number in text or number in path.name]
    return found


def test_a_planted_number_would_be_found(prepared, tmp_path):
    folder = tmp_path / "planted"
    folder.mkdir()
    pd.DataFrame({"a": [1234567]}).to_parquet(folder / "table.parquet")
    (folder / "log.txt").write_text("read 7654321_20205_2_0.xml")
    assert sorted(_found(folder, {"1234567", "7654321"})) == ["log.txt", "table.parquet"]


def test_killed_twice_and_run_again_the_cohort_has_the_same_bits(prepared, release, again, tmp_path):
    log = tmp_path / "log.txt"
    command = _command(release, again, "--processes", "1")
    _killed(command, chunks=3, when=lambda: len(_chunks(again)) >= 2, log=log)
    first = _chunks(again)
    _killed(command, chunks=2, when=lambda: len(_chunks(again)) >= len(first) + 2, log=log)
    assert not again.exists()
    done = {path.name: path.stat().st_mtime_ns for path in _chunks(again)}
    kept = {path.name: path.stat().st_mtime_ns for path in first}
    assert kept.items() <= done.items()
    subprocess.run(command, check=True, capture_output=True)
    assert contents(again) == contents(prepared[0])


def test_a_cluster_that_loses_a_worker_makes_the_same_bits(prepared, release, again, tmp_path):
    with dask_cluster(tmp_path) as (address, workers):
        log = tmp_path / "said.txt"
        with log.open("w") as said:
            process = subprocess.Popen(_command(release, again, "--scheduler", address), stdout=said, stderr=subprocess.STDOUT)
            while not _chunks(again):
                assert process.poll() is None, log.read_text()
                time.sleep(0.002)
            workers[0].send_signal(signal.SIGKILL)
            assert process.wait(timeout=600) == 0, log.read_text()
    assert contents(again) == contents(prepared[0])
    numbers = {path.name[:7] for path in release.rglob("*_20205_*")}
    assert not [path.name for path in tmp_path.glob("*.log") if any(number in path.read_text() for number in numbers)]


def test_a_full_disk_is_one_line_and_the_next_run_completes(prepared, release, again, tmp_path):
    # A limit on the size of one file stands in for a disk that is full.
    command = shlex.join(_command(release, again, "--processes", "1"))
    limited = f"ulimit -f 2000; trap '' XFSZ; exec {command}"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.strip().splitlines()) <= 3
    subprocess.run(_command(release, again, "--processes", "1"), check=True, capture_output=True)
    assert contents(again) == contents(prepared[0])


def test_the_zip_of_a_damaged_scan_is_named_by_hash(prepared, release):
    refused = pd.read_csv(prepared[0] / "refused.csv").set_index("part")["reason"]
    assert re.search(r"id-[0-9a-f]{8}_20209_2_0\.zip", refused["mri"])
    subject = pd.read_csv(prepared[0] / "refused.csv", dtype=str).set_index("part")["subject"]["mri"]
    assert f"id-{subject[:8]}" in refused["mri"]
