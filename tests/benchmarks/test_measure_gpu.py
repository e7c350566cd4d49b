"""The script for a GPU host, in its reduced form on a processor, and what it makes of numbers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
sys.path.insert(0, str(SCRIPTS))
from measure_gpu import Part, aims, measured, parts_of  # noqa: E402


@pytest.mark.timeout(1200)
def test_the_reduced_form_measures_writes_and_goes_on_with_what_is_missing(tmp_path):
    def ran(*options):
        command = [
            sys.executable,
            str(SCRIPTS / "measure_gpu.py"),
            "--device",
            "cpu",
            "--small",
            "--out",
            str(tmp_path),
            *options,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        (result,) = tmp_path.glob("small_*_cpu-*.json")
        return done.stdout, json.loads(result.read_text())

    _, result = ran("--only", "steps")
    assert list(result["parts"]) == ["steps:mdm_fp32"]
    said, result = ran("--only", "steps", "loop")
    assert "steps:mdm_fp32 ..." not in said
    assert "MDM, bf16, end to end" in said
    (stage,) = result["parts"]["steps:mdm_fp32"]["stages"]
    loop = result["parts"]["loop:mdm_bf16"]["mdm"]
    assert stage["samples_per_second"] > 0
    assert loop["samples_per_second"] > 0
    assert loop["step"] == "eager"


def test_what_fails_or_takes_too_long_is_stored_as_such_without_paths():
    slow = measured(Part("slow", ("-c", "import time; time.sleep(60)"), 1, lambda printed, out: {}), 0.2)
    assert slow["failed"] == "not over after 0 s"
    broken = measured(Part("broken", ("-c", "raise SystemExit('no /some/where/file.txt')"), 9, lambda printed, out: {}), 60)
    assert broken["failed"] == "no file.txt"


def test_aims_stand_beside_what_was_reached():
    parts = {
        "steps:mdm_bf16": {"stages": [{"samples_per_second": 20_000.0, "compiled": {"samples_per_second": 31_000.0}}]},
        "loop:mdm_bf16": {"mdm": {"samples_per_second": 28_030.0}},
        "loop:mmcl_bf16": {"mmcl": {"samples_per_second": 2_803.0}},
        "together": {"members": 5, "paper_bf16": {"times_the_rate_of_one_after_the_other": {"as_one": {"median": 4.0}}}},
    }
    reached = [said for _, _, said in aims(parts)]
    assert reached[0] == "31,000 samples/s"
    assert reached[2] == "not measured"
    # 400 s and 3,000 s.
    assert reached[4] == f"{3400 / 60:.2f} min, extrapolated"
    assert reached[5] == "1.25 times one"
    assert {said for _, _, said in aims({})} == {"not measured"}


@pytest.mark.parametrize(("device", "small"), [("cuda", False), ("cpu", True)])
def test_parts_have_names_and_limits(device, small):
    names = [part.name for part in parts_of(device, small=small)]
    assert len(names) == len(set(names))
    assert {name.split(":")[0] for name in names} == {"steps", "loop", "together", "tests"}
