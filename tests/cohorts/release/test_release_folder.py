import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pandas as pd
import pydicom
import pytest
import wfdb
from fake_rows import contents
from release_killed_at_steps import cheap_subject

from cardiolens.cohorts.release.folder import Layout, ReleaseConfig, write_release, write_subject
from cardiolens.cohorts.release.numbers import participant_number
from cardiolens.errors import BadOption
from cardiolens.formats import read_recording
from cardiolens.synthetic.generator import make_cine, make_subject
from cardiolens.synthetic.settings import SyntheticConfig

SEED, SUBJECTS = 12, 4
HEARTS = SyntheticConfig(frame_pixels=64)
CONFIG = ReleaseConfig(
    mri_share=1.0, ecg_share=1.0, repeat_share=0.4, withdrawn_share=0.3, missing_share=0.3, odd_scan_share=0.0, num_phases=2,
    wfdb=True, nifti=True, generator=HEARTS,
)  # fmt: skip


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    return write_release(tmp_path_factory.mktemp("release") / "ukb", subjects=SUBJECTS, seed=SEED, config=CONFIG)


@pytest.fixture
def cheap(monkeypatch):
    monkeypatch.setattr("cardiolens.cohorts.release.folder.write_subject", cheap_subject)
    monkeypatch.setattr("cardiolens.cohorts.release.folder.source_digest", lambda modules: "one")


def _main(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "main.csv", dtype={"eid": int}).set_index("eid")


def test_every_subject_has_an_ecg_that_the_projects_reader_takes(release):
    paths = sorted(release.glob("Bulk/Electrocardiogram/Resting/*/*_20205_2_0.xml"))
    assert {int(path.name[:7]) for path in paths} == {participant_number(SEED, index) for index in range(SUBJECTS)}
    assert all(path.parent.name == path.name[:2] for path in paths)
    main = _main(release)
    for path in paths:
        ecg = read_recording(path)
        assert ecg.device == "synthetic"
        assert ecg.signal_mv.shape == (12, 5000)
        row = main.loc[int(path.name[:7])]
        assert (ecg.age_years, ecg.sex) == (row["21003-2.0"], "FM"[int(row["31-0.0"])])
        assert f"{ecg.recorded_at:%Y-%m-%d}" == row["53-2.0"]
        assert ecg.intervals_ms["qrs"] == row["12340-2.0"]


def test_the_ecg_is_the_generators_in_every_format(release):
    for index in range(SUBJECTS):
        number = participant_number(SEED, index)
        made = make_subject(seed=SEED, index=index, config=HEARTS, with_mri=False).recording
        read = read_recording(next(release.glob(f"Bulk/*/*/*/{number}_20205_2_0.xml")))
        measured = [0, 1, *range(6, 12)]
        assert np.abs(read.signal_mv - made.signal_mv)[measured].max() <= 0.0025 + 1e-6
        record = wfdb.rdrecord(str(release / "wfdb" / f"{number}_2"))
        assert (record.sig_name, record.fs) == (list(read.leads), 500)
        assert np.abs(record.p_signal.T - read.signal_mv).max() <= 0.0026


def test_the_zip_and_the_nifti_file_hold_one_cine_in_one_place(release):
    number = participant_number(SEED, 0)
    made = make_cine(seed=SEED, index=0, config=HEARTS, num_phases=2)
    image = nibabel.load(release / "nifti" / f"{number}_2_sa.nii.gz")
    masks = nibabel.load(release / "nifti" / f"{number}_2_label_sa.nii.gz")
    assert (np.asarray(masks.dataobj) == made.masks.transpose(3, 2, 1, 0)).all()
    archive = zipfile.ZipFile(next(release.glob(f"Bulk/Heart MRI/Short axis/*/{number}_20209_2_0.zip")))
    assert len(archive.namelist()) == made.frames[:, :, 0, 0].size + 1
    for name in archive.namelist()[::5]:
        if not name.endswith(".dcm"):
            continue
        frame = pydicom.dcmread(io.BytesIO(archive.read(name)))
        plane = int(re.search(r"_b(\d+)$", frame.SeriesDescription)[1]) - 1
        phase = int(float(frame.TriggerTime) > 0)
        slope = float(frame.RescaleSlope)
        assert np.abs(frame.pixel_array * slope - made.frames[phase, plane]).max() <= 0.501 * slope
        place = np.array(frame.ImagePositionPatient, float) * [-1, -1, 1]
        np.testing.assert_allclose(image.affine @ [0, 0, plane, 1], [*place, 1], atol=1e-3)
        assert frame.PatientID == f"synthetic {number}"


def test_both_tables_and_the_truth_tell_of_the_same_people(release):
    main = _main(release)
    platform = pd.read_parquet(release / "participant.parquet").set_index("eid")
    truth = pd.read_parquet(release / "truth.parquet").set_index("eid")
    assert list(main.index) == sorted(main.index)
    for index in range(SUBJECTS):
        number = participant_number(SEED, index)
        made = make_subject(seed=SEED, index=index, config=HEARTS, with_mri=False)
        assert truth.loc[number, "lvm_g"] == made.phenotypes["lvm_g"]
        assert truth.loc[number, "index"] == index
        assert platform.loc[number, "p21003_i2"] == main.loc[number, "21003-2.0"]
        codes = main.loc[number].filter(like="41270-").dropna().tolist()
        assert platform.loc[number, "p41270"] == (str(codes) if codes else None)
        assert any(code.startswith("I48") for code in codes) == made.diseases["af"]


def test_the_traps_of_real_releases_are_there(release):
    main = _main(release)
    assert 0 < main["53-3.0"].notna().sum() < SUBJECTS
    assert len(list(release.glob("Bulk/*/*/*/*_20205_3_0.xml"))) == main["53-3.0"].notna().sum()
    assert 0 < main["21001-2.0"].isna().sum() < SUBJECTS
    withdrawn = [int(line) for line in (release / "w00000_20230101.csv").read_text().splitlines()]
    assert len(set(withdrawn) - set(main.index)) == 1
    assert 1 < len(withdrawn) <= SUBJECTS


def test_the_second_visits_ecg_is_another_recording(release):
    (again, *_) = release.glob("Bulk/*/*/*/*_20205_3_0.xml")
    first = read_recording(again.with_name(again.name.replace("_3_0", "_2_0")))
    second = read_recording(again)
    assert second.recorded_at > first.recorded_at
    assert second.age_years > first.age_years
    assert np.corrcoef(first.signal_mv[1], second.signal_mv[1])[0, 1] < 0.9


def test_the_folder_says_plainly_that_it_is_synthetic(release):
    assert (release / "README.txt").read_text().startswith("SYNTHETIC DATA")
    assert json.loads((release / "release.json").read_text())["seed"] == SEED


def test_a_subject_written_alone_has_the_same_bytes(release, tmp_path):
    written = write_subject(tmp_path, seed=SEED, index=2, layout=Layout.FLAT, config=CONFIG)
    number = participant_number(SEED, 2)
    alone = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    among = {path.name: path.read_bytes() for path in release.rglob(f"{number}_*")}
    assert alone == among
    assert {path.name for path in tmp_path.iterdir()} >= {f"{number}_20205_2_0.xml", f"{number}_20209_2_0.zip"}
    assert written.cells["eid"] == number


def test_without_mri_there_is_none_and_no_phenotype(tmp_path):
    written = write_subject(tmp_path, seed=SEED, index=0, with_mri=False, config=CONFIG)
    assert not list(tmp_path.rglob("*.zip"))
    assert not [name for name in written.cells if name.startswith("241")]


@pytest.mark.parametrize("stride", [19, pytest.param(1, marks=pytest.mark.long)])
def test_stopped_at_any_step_a_second_run_completes_it_with_whole_files(tmp_path, stride):
    script = Path(__file__).parents[1] / "release_killed_at_steps.py"
    subprocess.run([sys.executable, str(script), str(tmp_path), str(stride)], check=True)
    folders = [path for path in tmp_path.iterdir() if path.is_dir()]
    wanted = contents(tmp_path / "0")
    assert len(wanted) == 6 + 6
    assert len(folders) > 70 // stride
    assert all(contents(folder) == wanted for folder in folders)


def test_a_complete_release_is_left_alone_and_one_of_other_settings_refused(tmp_path, cheap):
    out = write_release(tmp_path / "ukb", subjects=3, seed=1)
    before = contents(out)
    (out / "note.txt").write_text("mine")
    assert write_release(out, subjects=3, seed=1) == out
    assert contents(out) == before | {"note.txt": b"mine"}
    with pytest.raises(BadOption, match=r"a complete release with seed 1 \(asked for 2\)"):
        write_release(out, subjects=3, seed=2)


def test_what_another_generator_began_is_not_completed(tmp_path, cheap, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cardiolens.cohorts.release.folder.write_subject", stopped)
        with pytest.raises(KeyboardInterrupt):
            write_release(tmp_path / "ukb", subjects=3, seed=1)
    monkeypatch.setattr("cardiolens.cohorts.release.folder.source_digest", lambda modules: "two")
    with pytest.raises(BadOption, match=r"a half-built release with generator_sha256 one \(asked for two\)"):
        write_release(tmp_path / "ukb", subjects=3, seed=1)


def test_a_folder_with_anything_else_in_it_is_refused(tmp_path, cheap):
    (tmp_path / "ukb").mkdir()
    (tmp_path / "ukb" / "thesis.txt").write_text("mine")
    with pytest.raises(BadOption, match="a folder with other files in it"):
        write_release(tmp_path / "ukb", subjects=3, seed=1)
    assert [path.name for path in tmp_path.rglob("*")] == ["ukb", "thesis.txt"]


@pytest.mark.parametrize("options", [{"subjects": 0}, {"subjects": 5_000_000}, {"seed": -1}])
def test_impossible_numbers_are_refused_before_anything_is_written(tmp_path, options):
    with pytest.raises(BadOption, match=next(iter(options))):
        write_release(tmp_path / "ukb", **({"subjects": 2, "seed": 0} | options))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{"mri_share": 1.5}, {"missing_share": float("nan")}, {"num_phases": 1}])
def test_a_setting_out_of_range_is_refused(options):
    with pytest.raises(BadOption, match=next(iter(options))):
        ReleaseConfig(**options)
