"""Cohorts of an archive by its manifest: every format, bad files, names that must be nowhere, MRI."""

import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fake_mri import MEASURES, FakeMri
from fake_rows import contents

from cardiolens.cohorts.archive.prepare import prepare_archive
from cardiolens.cohorts.loader import Loader
from cardiolens.cohorts.store import Cohort
from cardiolens.errors import BadCohort, BadInput, BadOption
from cardiolens.formats import cardiosoft_xml, readers, wfdb_record
from cardiolens.formats.declaration import Declaration
from cardiolens.nn.mae_decoder import MaeDecoderConfig
from cardiolens.nn.vit import SignalEncoderConfig
from cardiolens.parallel import Workers
from cardiolens.signals.cleaning import CleaningConfig, clean
from cardiolens.synthetic.generator import make_subject
from cardiolens.types import LEADS

sys.path.append(str(Path(__file__).parents[2] / "formats"))


def _recording(index):
    return make_subject(seed=7, index=index, with_mri=False).recording


def _prepare(folder, out="cohort", manifest="m.csv", **options) -> Cohort:
    key = options.pop("key_file", folder / "key.json")
    return prepare_archive(folder / out, folder / manifest, key_file=key, **options)


def _manifest(folder, *rows, columns="subject,ecg", name="m.csv"):
    (folder / name).write_text("\n".join([columns, *rows]) + "\n")
    return folder


def _by_person(cohort, key_file) -> pd.DataFrame:
    """The cohort's table by the name that the manifest gives."""
    people = json.loads(key_file.read_text())["participants"]
    return cohort.subjects.assign(row=range(len(cohort.subjects))).set_index(cohort.subjects["subject"].map(people))


def _refused(cohort) -> pd.DataFrame:
    return pd.read_csv(cohort.path / "refused.csv", dtype=str)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Ten people with an ECG each, two of them with two."""
    folder = tmp_path_factory.mktemp("archive")
    (folder / "ecg").mkdir()
    rows = []
    for index in range(12):
        name = f"ecg/{index:02d}.hea"
        wfdb_record.write(folder / name, _recording(index))
        rows.append(
            f"H{1000 + index % 10},{name if index % 2 else folder / name},{40 + index},{'FM'[index % 2]},{index % 3 == 0}"
        )
    return _manifest(folder, *rows, columns="subject,ecg,age_years,sex,cad")


@pytest.fixture(scope="module")
def cohort(archive):
    return _prepare(archive)


def test_relative_and_absolute_paths_lead_to_the_same_files(cohort):
    assert len(cohort.subjects) == 12
    assert _refused(cohort).empty


def test_every_row_is_its_persons_ecg_with_what_the_manifest_says(cohort, archive):
    rows = _by_person(cohort, archive / "key.json")
    for index in range(12):
        one = rows[(rows.index == f"H{1000 + index % 10}") & (rows["visit"] == index // 10)].iloc[0]
        assert (one["age_years"], one["sex"], one["cad"]) == (40 + index, "FM"[index % 2], index % 3 == 0)
        # The record keeps a thousandth of a millivolt.
        expected = clean(np.round(_recording(index).signal_mv, 3).astype(np.float32), CleaningConfig()).signal
        np.testing.assert_allclose(cohort.ecg[one["row"]].astype(np.float32), expected, atol=0.05)


def test_visits_of_a_subject_are_in_one_split(cohort):
    splits = cohort.subjects.groupby("subject")["split"].nunique()
    assert (splits == 1).all()
    assert (cohort.subjects["subject"].value_counts() == 2).sum() == 2


def test_labels_of_the_manifest_have_counts_and_training_sets(cohort):
    counts = pd.read_csv(cohort.path / "label_counts.csv")
    assert set(counts["label"]) == {"cad"}
    assert "everybody" in cohort.training_sets


def test_the_flow_and_what_decided_the_cohort_are_kept(cohort):
    assert dict(cohort.manifest.flow) == {
        "visits in the manifest": 12, "visits of people who withdrew": 0, "visits left": 12, "of them with an MRI": 0,
    }  # fmt: skip
    assert cohort.settings.source["kind"] == "archive"
    assert cohort.settings.source["mri"] == {}


def test_two_processes_give_the_same_bits_as_one(cohort, archive, monkeypatch):
    monkeypatch.setattr("cardiolens.cohorts.file_rows.CHUNK_ROWS", 5)
    assert contents(_prepare(archive, "two", workers=Workers(2)).path) == contents(cohort.path)


def test_the_order_of_the_manifest_tells_nothing(cohort, archive):
    header, *rows = (archive / "m.csv").read_text().splitlines()
    _manifest(archive, *sorted(rows, reverse=True), columns=f"visit,{header}", name="unused.csv")
    given = [f"{line},{int(line.split(',')[2]) - 40 >= 10:d}" for line in reversed(rows)]
    _manifest(archive, *given, columns=f"{header},visit", name="reversed.csv")
    other = _prepare(archive, "reversed", "reversed.csv")
    assert other.subjects.equals(cohort.subjects)
    assert (other.ecg == cohort.ecg).all()


def test_the_same_command_again_opens_the_cohort_and_another_manifest_is_refused(cohort, archive):
    assert _prepare(archive).fingerprint == cohort.fingerprint
    text = (archive / "m.csv").read_text()
    (archive / "changed.csv").write_text(text.replace(",40,", ",41,"))
    with pytest.raises(BadOption, match=r"a complete cohort with source\.inputs"):
        _prepare(archive, manifest="changed.csv")


def test_a_cohort_of_ecgs_alone_can_be_trained_on(cohort):
    from cardiolens.methods.masked_autoencoder import MaskedAutoencoderConfig

    size = {"patch": 500, "width": 16, "depth": 1, "heads": 2}
    method = MaskedAutoencoderConfig(
        encoder=SignalEncoderConfig(**size), decoder=MaeDecoderConfig(width=16, depth=1, heads=2)
    ).build(seed=0)
    batch = next(Loader(cohort, cohort.rows("all"), batch_size=4, seed=0).epoch(0, shuffle=True))
    loss = method(batch).loss
    loss.backward()
    assert np.isfinite(loss.item())
    assert cohort.cmr is None


def test_a_filtered_parquet_table_gives_everybody_their_own_values(archive, tmp_path):
    table = pd.read_csv(archive / "m.csv", dtype={"subject": str}).iloc[3:9]
    table["ecg"] = [str(archive / path) for path in table["ecg"]]
    table.to_parquet(tmp_path / "m.parquet")
    rows = _by_person(_prepare(tmp_path, manifest="m.parquet"), tmp_path / "key.json")
    assert rows["age_years"].to_dict() == {f"H{1000 + index}": 40 + index for index in range(3, 9)}


def test_every_format_of_the_shelf_is_taken_from_a_mixed_archive(tmp_path):
    from test_one_recording_in_every_format import DECLARED, WAYS

    rows, expected = [], {}
    for number, (way, (write, _)) in enumerate(WAYS.items()):
        place = tmp_path / f"person{number}"
        place.mkdir()
        rows.append(f"{way},{write(place, _recording(number))}")
        expected[way] = clean(_recording(number).signal_mv, CleaningConfig()).signal
    cohort = _prepare(_manifest(tmp_path, *rows), declared=DECLARED)
    found = _by_person(cohort, tmp_path / "key.json")
    assert set(found.index) == set(WAYS) - {"zip"}
    assert len(found) >= len(readers())
    for way, row in found["row"].items():
        # Steps of 5 uV on a signal that is divided by some 0.2 mV.
        np.testing.assert_allclose(cohort.ecg[row].astype(np.float32), expected[way], atol=0.1, err_msg=way)
    (reason,) = _refused(cohort)["reason"]
    assert "found a zip archive" in reason


def test_what_a_bare_table_does_not_say_must_be_declared(tmp_path):
    np.save(tmp_path / "a.npy", 1000 * _recording(0).signal_mv)
    _manifest(tmp_path, "A,a.npy")
    with pytest.raises(BadCohort, match="no usable subject among 1"):
        _prepare(tmp_path, "without")
    cohort = _prepare(tmp_path, declared=Declaration(rate_hz=500.0, unit="uV", leads=LEADS))
    expected = clean(_recording(0).signal_mv, CleaningConfig()).scale_mv
    np.testing.assert_allclose(cohort.ecg_scale[0], expected, rtol=1e-3)


def test_a_longer_recording_is_cut_to_its_first_ten_seconds_and_a_shorter_one_refused(tmp_path):
    whole = _recording(0)
    longer = np.concatenate([whole.signal_mv, 0.5 * whole.signal_mv[:, ::-1]], axis=1)
    for name, signal_mv in (("whole", whole.signal_mv), ("longer", longer), ("shorter", whole.signal_mv[:, :4000])):
        wfdb_record.write(tmp_path / f"{name}.hea", replace(whole, signal_mv=signal_mv))
    # Two visits of one person, who may have one recording twice.
    cohort = _prepare(_manifest(tmp_path, "A,whole.hea", "A,longer.hea", "C,shorter.hea"))
    assert len(cohort.subjects) == 2
    assert (cohort.ecg[0] == cohort.ecg[1]).all()
    (reason,) = _refused(cohort)["reason"]
    assert "found 4000 samples per lead at 500 Hz" in reason


NAMES = ("P00123", "P00124", "P00125", "P00126", "P00127", "P00128", "smith", "john", "doe_jane", "miller", "garcia", "1234567")


@pytest.fixture
def named(tmp_path):
    """Files that are called after people, half of them bad."""
    for name in ("smith_john", "miller_anna"):
        wfdb_record.write(tmp_path / f"{name}.hea", _recording(0))
    # Its header is named in the manifest, and what is missing by the message.
    (tmp_path / "miller_anna.dat").unlink()
    (tmp_path / "garcia_maria").mkdir()
    (tmp_path / "garcia_maria" / "ecg.csv").write_text("I,II\n1,2\n")
    wfdb_record.write(tmp_path / "P00127_rest.hea", _recording(1))
    cut = tmp_path / "P00127_rest.dat"
    cut.write_bytes(cut.read_bytes()[:1000])
    wfdb_record.write(tmp_path / "1234567.hea", _recording(2))
    (tmp_path / "smith_john_scan.zip").write_text("broken")
    rows = (
        "P00123,smith_john.hea,smith_john_scan.zip,Smith", "P00124,doe_jane.xml,,Doe", "P00125,miller_anna.hea,,Miller",
        "P00126,garcia_maria/ecg.csv,,Garcia", "P00127,P00127_rest.hea,,Smith", "P00128,1234567.hea,,Smith",
    )  # fmt: skip
    return _manifest(tmp_path, *rows, columns="subject,ecg,mri,surname")


def test_one_bad_file_costs_one_line_and_the_rest_goes_on(named):
    cohort = _prepare(named, read_mri=FakeMri(), own_phenotypes=MEASURES)
    assert len(cohort.subjects) == 2
    assert sorted(_refused(cohort)["part"]) == ["ecg", "ecg", "ecg", "ecg", "mri"]
    assert cohort.manifest.num_refused == 4
    assert not cohort.subjects["has_cmr"].any()


def test_nobodys_name_is_anywhere_but_in_the_key_file(named, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    cohort = _prepare(named, read_mri=FakeMri(), own_phenotypes=MEASURES)
    shown = capsys.readouterr()
    said = caplog.text + shown.out + shown.err
    for name, content in contents(cohort.path).items():
        text = f"{name} {content.decode('latin-1')}"
        said += text if not name.endswith(".parquet") else text + pd.read_parquet(cohort.path / name).to_csv()
    assert not [name for name in NAMES if name.lower() in said.lower()]
    assert cohort.settings.source["left_out"] == {"surname": "its name says that it tells who somebody is"}
    key = json.loads((named / "key.json").read_text())
    assert set(key["participants"].values()) == set(NAMES[:6])
    assert (named / "key.json").stat().st_mode & 0o077 == 0


def test_nobody_is_named_where_everything_fails(named, tmp_path):
    text = (named / "m.csv").read_text().splitlines()
    _manifest(tmp_path, *(line for line in text[1:] if not line.startswith(("P00123", "P00128"))), columns=text[0])
    with pytest.raises(BadCohort) as error:
        _prepare(tmp_path)
    assert not [name for name in NAMES if name.lower() in str(error.value).lower()]


def test_the_row_of_the_manifest_is_said_where_a_file_is_bad_or_missing(named):
    cohort = _prepare(named, read_mri=FakeMri(), own_phenotypes=MEASURES)
    people = json.loads((named / "key.json").read_text())["participants"]
    refused = _refused(cohort)
    row = refused["reason"].str.extract(r"\(row (\d) of the manifest\)$", expand=False).astype(int)
    assert [people[subject] for subject in refused["subject"]] == [f"P0012{number + 2}" for number in row]


def test_a_hidden_name_is_a_hash_that_the_subject_has(named):
    refused = _refused(_prepare(named))
    assert (refused["subject"].str[:8] == refused["reason"].str.extract(r"id-([0-9a-f]{8})", expand=False)).all()


def test_short_numbers_do_not_make_a_reason_unreadable(tmp_path):
    for name in ("12", "5000", "good"):
        wfdb_record.write(tmp_path / f"{name}.hea", _recording(0))
    (tmp_path / "5000.dat").unlink()
    (tmp_path / "12.dat").write_bytes(b"12")
    cohort = _prepare(_manifest(tmp_path, "12,12.hea", "5000,5000.hea", "A,good.hea"))
    reasons = _refused(cohort)["reason"]
    for name in ("12", "5000"):
        with pytest.raises(BadInput) as error:
            wfdb_record.read(tmp_path / f"{name}.hea")
        shown = str(error.value).replace(f"{name}.hea", "?").replace(f"{name}.dat", "?")
        plain = reasons.str.replace(r"id-[0-9a-f]{8}", "?", regex=True).str.replace(
            r" \(row \d of the manifest\)$", "", regex=True
        )
        assert plain.eq(shown).any(), (shown, list(reasons))
    assert not reasons.str.contains("12.dat|5000.dat|12.hea|5000.hea", regex=True).any()


def test_a_file_name_that_everybody_has_stays_readable(tmp_path):
    for name in "abc":
        (tmp_path / f"person_{name}").mkdir()
        (tmp_path / f"person_{name}" / "signal.csv").write_text("nothing")
    wfdb_record.write(tmp_path / "good.hea", _recording(0))
    cohort = _prepare(_manifest(tmp_path, *(f"{name},person_{name}/signal.csv" for name in "abc"), "D,good.hea"))
    assert _refused(cohort)["reason"].str.startswith("signal.csv: found").all()


def test_who_withdrew_is_left_out_whatever_zeros_are_written(archive, tmp_path):
    for name, listed, ids in (
        ("text", "00123\n", ("00123", "4", "x")),
        ("lost", "123\n4\n", ("00123", "0004", "x")),
        ("point", "123.0\n", ("123", "4", "x")),
    ):
        rows = [f"{who},{archive / f'ecg/{index:02d}.hea'}" for index, who in enumerate(ids)]
        _manifest(tmp_path, *rows, name=f"{name}.csv")
        (tmp_path / f"{name}.txt").write_text(listed)
        key = tmp_path / f"{name}.json"
        cohort = _prepare(tmp_path, name, f"{name}.csv", key_file=key, withdrawn=tmp_path / f"{name}.txt")
        left = set(ids) - {"00123", "123"} - ({"0004"} if name == "lost" else set())
        assert set(_by_person(cohort, key).index) == left == set(json.loads(key.read_text())["participants"].values())
        assert dict(cohort.manifest.flow)["visits of people who withdrew"] == 3 - len(left)


def test_a_list_of_everybody_leaves_no_cohort(archive, tmp_path):
    (tmp_path / "gone.txt").write_text("A\n")
    _manifest(tmp_path, f"A,{archive / 'ecg/00.hea'}")
    with pytest.raises(BadOption, match="nobody who has not withdrawn"):
        _prepare(tmp_path, withdrawn=tmp_path / "gone.txt")
    assert not (tmp_path / "cohort").exists()
    assert not (tmp_path / "key.json").exists()


@pytest.fixture(scope="module")
def with_mri(archive, tmp_path_factory):
    """Four people, three with an MRI, of which one is bad and one has masks."""
    folder = tmp_path_factory.mktemp("mri")
    for name, content in (("a.zip", "80"), ("b.zip", "90"), ("c.zip", "broken"), ("b_masks.nii.gz", "140")):
        (folder / name).write_text(content)
    ecgs = [archive / f"ecg/{index:02d}.hea" for index in range(4)]
    rows = [f"A,{ecgs[0]},a.zip,", f"B,{ecgs[1]},b.zip,b_masks.nii.gz", f"C,{ecgs[2]},c.zip,", f"D,{ecgs[3]},,"]
    return _manifest(folder, *rows, columns="subject,ecg,mri,masks")


def test_what_the_manifest_does_not_give_is_measured_where_there_is_an_mri(with_mri):
    rules = {"masks": "ukbb"}
    cohort = _prepare(with_mri, read_mri=FakeMri(), own_phenotypes=MEASURES, mri_rules=rules)
    rows = _by_person(cohort, with_mri / "key.json")
    assert rows["has_cmr"].to_dict() == {"A": True, "B": True, "C": False, "D": False}
    assert rows["lvm_g"].dropna().to_dict() == {"A": 80, "B": 90}
    assert rows["lvedv_ml"].dropna().to_dict() == {"B": 140}
    assert (cohort.cmr[rows.loc["B", "row"]] == 90).all()
    assert not cohort.cmr[rows.loc["D", "row"]].any()
    assert cohort.settings.source["phenotypes"] == {"lvm_g": "own", "lvedv_ml": "own"}
    assert cohort.settings.source["mri"] == rules
    assert dict(cohort.manifest.flow)["of them with an MRI"] == 3
    assert list(_refused(cohort)["part"]) == ["mri"]


def test_phenotypes_of_the_manifest_stand(with_mri):
    header, *rows = (with_mri / "m.csv").read_text().splitlines()
    _manifest(with_mri, *(f"{row},{mass}" for row, mass in zip(rows, ("", 101, 102, 103), strict=True)), name="given.csv",
              columns=f"{header},lvm_g")  # fmt: skip
    cohort = _prepare(with_mri, "given", "given.csv", read_mri=FakeMri(), own_phenotypes=MEASURES)
    rows = _by_person(cohort, with_mri / "key.json")
    assert rows["lvm_g"].dropna().to_dict() == {"B": 101, "C": 102, "D": 103}
    assert cohort.settings.source["phenotypes"] == {"lvm_g": "table", "lvedv_ml": "own"}


def test_mri_is_made_by_two_processes_too(with_mri, monkeypatch):
    monkeypatch.setattr("cardiolens.cohorts.file_rows._MRI_CHUNK_ROWS", 2)
    options = {"read_mri": FakeMri(), "own_phenotypes": MEASURES, "mri_rules": {"masks": "ukbb"}}
    one, two = (_prepare(with_mri, f"with{n}", workers=Workers(n), **options) for n in (1, 2))
    assert contents(one.path) == contents(two.path)


def test_masks_without_the_meaning_of_their_numbers_are_refused(with_mri):
    with pytest.raises(BadOption, match=r"m\.csv: found a column masks; expected .* never guessed; give it by --label-map"):
        _prepare(with_mri, "masks", read_mri=FakeMri(), own_phenotypes=MEASURES, mri_rules={"masks": None})


def test_a_label_that_depends_on_wrong_dates_costs_a_line_and_the_ecg_stays(archive, tmp_path):
    rows = [f"A,{archive / 'ecg/00.hea'},2019-01-01,I25,2018-01-01,2018-06-01", f"B,{archive / 'ecg/01.hea'},2019-01-01,,,"]
    cohort = _prepare(_manifest(tmp_path, *rows, columns="subject,ecg,day,icd10,icd10_days,died"))
    rows = _by_person(cohort, tmp_path / "key.json")
    assert rows["cad"].to_dict() == {"A": 1, "B": 0}
    assert np.isnan(rows.loc["A", "cad_prevalent"])
    refused = _refused(cohort)
    assert (list(refused["part"]), cohort.manifest.num_refused) == (["labels"], 0)
    assert "death is dated 214 days before the ECG" in refused["reason"][0]


def test_a_recorder_whose_clock_is_wrong_is_said(tmp_path):
    from datetime import datetime

    cardiosoft_xml.write(tmp_path / "a.xml", replace(_recording(0), recorded_at=datetime(2019, 5, 1)))
    cohort = _prepare(_manifest(tmp_path, "A,a.xml,2019-05-31", columns="subject,ecg,day"))
    assert list(_refused(cohort)["part"]) == ["clock"]


def test_the_example_of_the_documentation_works_as_it_stands(tmp_path):
    section = (Path(__file__).parents[3] / "docs" / "prepare.md").read_text().partition("## A hospital archive")[2]
    example = section.split("```")[1].strip()
    (tmp_path / "ecg").mkdir()
    cardiosoft_xml.write(tmp_path / "ecg" / "a.xml", _recording(0))
    wfdb_record.write(tmp_path / "ecg" / "b.hea", _recording(1))
    cohort = _prepare(_manifest(tmp_path, *example.splitlines()[1:], columns=example.splitlines()[0]))
    rows = _by_person(cohort, tmp_path / "key.json")
    assert rows["af"].to_dict() == {"P001": 1, "P002": 0}
    assert rows["age_years"].to_dict() == {"P001": 61, "P002": 55}
    assert dict(cohort.manifest.flow)["of them with an MRI"] == 1
