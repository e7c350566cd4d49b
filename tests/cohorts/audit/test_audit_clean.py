"""What cardiolens itself writes is clean, and what it writes to be found is found."""

import json
from pathlib import Path

import numpy as np
import pytest

import cardiolens
from cardiolens.cohorts.audit.finding import Kind
from cardiolens.cohorts.audit.folder import audit
from cardiolens.cohorts.prepare_synthetic import prepare_synthetic
from cardiolens.cohorts.release.folder import write_release
from cardiolens.cohorts.release.numbers import participant_number

SETTINGS = {
    "commit": "533409f", "sha": "41e2345671a9d0c4e2b7f3a85c6d9e0f12345678", "subjects": ["21f2c613e71b", "4a57b591fb27"],
    "source": "id-12345678_20205_2_0.xml", "generator_sha256": "a57b23d3" * 8, "num_bytes": 4_217_433,
    "num_parameters": 3_141_593, "seed": 2_718_281, "loss": 0.1234567, "auc": [0.7182818, 0.1415926], "shape": [1, 12, 5000],
    "smoothness": 10000000.0,
    "bytes": {"model.safetensors": 5_242_881}, "name": "shipped", "uuid": "12345671-4217-4334-8123-412345678901",
    "when": "2026-01-31T12:00:00", "column_name": "Age", "patient_name": "", "eid": None, "total_time_s": 1234.5678901,
}  # fmt: skip
LOG = """epoch 3 step 3141593 loss 0.1234567 lr 1e-4 seed=2718281 4217433 samples
saved runs/mmcl/checkpoint-3141593.pt (5242881 bytes) at 533409f; subject 21f2c613e71b of id-0a1b2c3d
"""


def test_a_synthetic_cohort_is_clean(tmp_path):
    prepare_synthetic(tmp_path / "cohort", subjects=4, seed=0, with_mri=False)
    report = audit([tmp_path])
    assert (report.findings, report.notes) == ((), ())
    assert report.num_files >= 6


@pytest.mark.parametrize("folder", ["shipped", "shipped_segmenter"])
def test_a_shipped_bundle_is_clean(folder):
    report = audit([Path(cardiolens.__file__).parent / "bundles" / folder])
    assert (report.findings, report.notes) == ((), ())


@pytest.mark.parametrize("indent", [None, 2])
def test_settings_and_logs_of_a_run_are_clean(tmp_path, indent):
    (tmp_path / "config.json").write_text(json.dumps(SETTINGS, indent=indent))
    (tmp_path / "metrics.jsonl").write_text(f"{json.dumps({'step': 3_141_593, 'loss': 0.1234567})}\n" * 3)
    (tmp_path / "train.log").write_text(LOG)
    (tmp_path / "losses.csv").write_text(
        "step,loss,value\n" + "".join(f"{k},0.{k},{k % 9 * 150_001}\n" for k in range(2_000_000, 2_000_050))
    )
    assert audit([tmp_path]).findings == ()


def test_samples_are_no_numbers_of_people(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "counts.npy", rng.integers(-(2**23), 2**23, (12, 5000), dtype=np.int32))
    np.save(tmp_path / "signal.npy", rng.normal(2e6, 1e5, (12, 5000)).astype(np.float32))
    (tmp_path / "a.xml").write_text(f"<ecg><lead>{', '.join(map(str, rng.integers(-9_000_000, 9_000_000, 500)))}</lead></ecg>")
    rows = rng.integers(1_000_000, 6_000_000, (50, 2))
    (tmp_path / "leads.csv").write_text("I,V1\n" + "".join(f"{first},{second}\n" for first, second in rows))
    assert audit([tmp_path]).findings == ()


def test_made_up_people_of_a_release_are_found(tmp_path):
    write_release(tmp_path / "release", subjects=2, seed=3, with_mri=False)
    numbers = [str(participant_number(3, index)) for index in range(2)]
    report = audit([tmp_path / "release"], participants=numbers)
    certain = {(Path(found.file).suffix, found.place.split()[0]) for found in report.findings if found.certain}
    assert {(".xml", "file"), (".xml", "line"), (".csv", "line"), (".parquet", "column")} <= certain
    births = {(Path(found.file).name, found.place) for found in report.findings if found.kind is Kind.BIRTH_DATE}
    assert births == {
        ("main.csv", "column 34-0.0"), ("main.csv", "column 52-0.0"),
        ("participant.parquet", "column p34"), ("participant.parquet", "column p52"),
    }  # fmt: skip
    assert not any(number in str(report) for number in numbers)
