"""A small release with damaged, doubled and odd files, made into cohorts."""

import json
import logging
import re
import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from edfio import Edf, EdfSignal
from fake_mri import MEASURES, FakeMri
from fake_rows import contents
from main_tables import everything_said

from cardiolens.cohorts.participants import Participants
from cardiolens.cohorts.phenotype_sources import Source
from cardiolens.cohorts.release.folder import Layout, ReleaseConfig, write_release
from cardiolens.cohorts.release.numbers import participant_number
from cardiolens.cohorts.store import Cohort
from cardiolens.cohorts.ukb.labelling import parse_censoring
from cardiolens.cohorts.ukb.prepare import prepare_ukb
from cardiolens.cohorts.ukb.visits import UkbChoices, UkbSources
from cardiolens.errors import BadOption, CardiolensError
from cardiolens.formats import read_recording
from cardiolens.parallel import Workers

SEED, SUBJECTS = 3, 18
CONFIG = ReleaseConfig(repeat_share=0.4, withdrawn_share=0.15, ecg_share=1.0)
CHOICES = UkbChoices(own_phenotypes=MEASURES, ended=parse_censoring(["2022-10-31"]))
RULES = {"segmenter": "none", "strain": False}


class Bulk:
    """A release whose files are all in one folder; every visit but one has a pretended MRI."""

    def __init__(self, folder):
        self.folder = folder
        self.ecgs = sorted(folder.glob("*_20205_*.xml"))
        self.withdrawn = set((folder / "w00000_20230101.csv").read_text().split())
        for k, ecg in enumerate(self.ecgs):
            self.mri_of(ecg).write_text(str(60 + k))

    def mri_of(self, ecg):
        return ecg.with_name(ecg.name.replace("_20205_", "_20209_").replace(".xml", ".zip"))

    @property
    def staying(self):
        return [ecg for ecg in self.ecgs if ecg.name[:7] not in self.withdrawn]

    @property
    def numbers(self):
        return {path.name[:7] for path in self.ecgs} | self.withdrawn

    def sources(self, **changed):
        table, listed = self.folder / "main.csv", self.folder / "w00000_20230101.csv"
        return replace(UkbSources(self.folder, (table,), self.folder, listed), **changed)

    def prepare(self, out, *, key=None, choices=CHOICES, read_mri=None, workers=None, **sources):
        return prepare_ukb(
            out, self.sources(**sources), key_file=key or self.folder.parent / "key.json", choices=choices,
            read_mri=read_mri or FakeMri(), mri_rules=RULES, workers=workers or Workers(),
        )  # fmt: skip


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """As it was written."""
    folder = tmp_path_factory.mktemp("release") / "ukb"
    return write_release(folder, subjects=SUBJECTS, seed=SEED, with_mri=False, layout=Layout.FLAT, config=CONFIG)


@pytest.fixture(scope="module")
def bulk(clean, tmp_path_factory):
    """With a cut ECG, an exercise ECG under a wrong name, a bad zip, a doubled ECG, a clock far off, a visit without MRI."""
    folder = shutil.copytree(clean, tmp_path_factory.mktemp("spoilt") / "ukb")
    made = Bulk(folder)
    single = [ecg for ecg in made.staying if sum(ecg.name[:7] == other.name[:7] for other in made.ecgs) == 1]
    made.cut, made.exercise, made.bad_zip, made.doubled, made.clock, made.without_mri = single[:6]
    made.cut.write_bytes(made.cut.read_bytes()[:20_000])
    _rewrite(made.exercise, "<ObservationType>RestECG<", "<ObservationType>ExerciseECG<")
    made.mri_of(made.bad_zip).write_text("broken")
    shutil.copy(made.doubled, made.doubled.with_name(made.doubled.name.replace("_2_0.xml", "_2_1.xml")))
    shutil.copy(made.doubled, made.doubled.with_name(made.doubled.name.replace("_20205_", "_6025_")))
    _rewrite(made.clock, "<Year>20", "<Year>19")
    made.mri_of(made.without_mri).unlink()
    return made


def _rewrite(path, old, new):
    text = path.read_text("latin-1")
    assert old in text
    path.write_text(text.replace(old, new, 1), "latin-1", newline="")


@pytest.fixture(scope="module")
def prepared(bulk, tmp_path_factory):
    log = []
    level = logging.root.level
    logging.root.setLevel(logging.DEBUG)  # not by the attribute: loggers remember what they were allowed
    handler = logging.Handler()
    handler.emit = lambda record: log.append(f"{record.getMessage()} {record.exc_info}")
    logging.root.addHandler(handler)
    cohort = bulk.prepare(tmp_path_factory.mktemp("cohort") / "ukb")
    bulk.prepare(cohort.path)
    logging.root.removeHandler(handler)
    logging.root.setLevel(level)
    return cohort, " ".join(log)


@pytest.fixture
def cohort(prepared):
    return prepared[0]


@pytest.fixture
def people(bulk):
    return Participants.open(bulk.folder.parent / "key.json")


def _refused(cohort):
    return pd.read_csv(cohort.path / "refused.csv", dtype={"subject": str})


def _row(cohort, people, ecg) -> int | None:
    number, _, instance, _ = ecg.stem.split("_")
    subjects = cohort.subjects
    here = np.flatnonzero((subjects["subject"] == people.subject(number)) & (subjects["visit"] == int(instance)))
    return int(here[0]) if len(here) else None


def test_every_visit_with_a_good_ecg_is_a_row_with_its_own_recording(cohort, bulk, people):
    bad = {bulk.cut, bulk.exercise}
    assert len(cohort.subjects) == len(bulk.staying) - len(bad)
    assert cohort.manifest.num_refused == len(bad)
    for ecg in bulk.staying:
        row = _row(cohort, people, ecg)
        assert (row is None) == (ecg in bad)
        if row is not None:
            strip = read_recording(ecg).signal_mv[1]
            assert np.corrcoef(strip, cohort.ecg[row, 1])[0, 1] > 0.5


def test_an_mri_lies_in_the_row_of_its_visit_with_what_was_measured(cohort, bulk, people):
    for k, ecg in enumerate(bulk.ecgs):
        row = _row(cohort, people, ecg)
        if row is None:
            continue
        has_mri = ecg not in {bulk.bad_zip, bulk.without_mri}
        assert cohort.subjects["has_cmr"][row] == has_mri
        assert (cohort.cmr[row] == (60 + k if has_mri else 0)).all()
        np.testing.assert_array_equal(cohort.subjects["lvm_g"][row], 60 + k if has_mri else np.nan)


def test_repeated_visits_are_two_rows_in_one_split(cohort):
    per_subject = cohort.subjects.groupby("subject")
    assert not cohort.subjects[["subject", "split"]].drop_duplicates()["subject"].duplicated().any()
    twice = per_subject.size() == 2
    assert twice.sum() >= 3
    assert (per_subject["visit"].apply(set)[twice] == {2, 3}).all()
    rows = cohort.subjects.index[cohort.subjects["subject"].isin(twice.index[twice])]
    assert not (cohort.ecg[rows[0]] == cohort.ecg[rows[1]]).all()


def test_every_bad_file_is_one_line_that_names_nobody(cohort, bulk, people):
    refused = _refused(cohort)
    expected = {
        (bulk.cut, "ecg"): "expected",
        (bulk.exercise, "ecg"): "6025 is the exercise test",
        (bulk.bad_zip, "mri"): "found no zip",
        (bulk.doubled, "second ecg"): "a second ECG of one visit; the first is used",
        (bulk.clock, "clock"): "days before the visit's, which is used",
    }
    subjects = {people.subject(ecg.name[:7]): part for ecg, part in expected}
    assert dict(zip(refused["subject"], refused["part"], strict=True)) == subjects
    assert len(refused) == len(expected)
    for (ecg, _), said in expected.items():
        line = refused.set_index("subject").loc[people.subject(ecg.name[:7])]
        assert said in line["reason"]
        assert line["visit"] == 2
    for ecg, ending in ((bulk.cut, "20205_2_0.xml"), (bulk.bad_zip, "20209_2_0.zip"), (bulk.doubled, "20205_2_1.xml")):
        hashed = people.subject(ecg.name[:7])
        assert f"id-{hashed[:8]}_{ending}" in refused.set_index("subject").loc[hashed, "reason"]


def test_the_clock_of_the_recorder_does_not_move_the_labels(cohort, bulk, people):
    table = pd.read_csv(bulk.folder / "main.csv", dtype={"eid": str}).set_index("eid")
    day = date.fromisoformat(table.loc[bulk.clock.name[:7], "53-2.0"])
    row = _row(cohort, people, bulk.clock)
    died = table.loc[bulk.clock.name[:7], "40000-0.0"]
    ends = min([date(2022, 10, 31), *([date.fromisoformat(died)] if isinstance(died, str) else [])])
    assert cohort.subjects["followup_days"][row] == (ends - day).days


def test_labels_and_covariates_are_those_of_the_person(cohort, bulk, people):
    truth = pd.read_parquet(bulk.folder / "truth.parquet").set_index("eid")
    checked = 0
    for ecg in bulk.staying:
        row = _row(cohort, people, ecg)
        if row is None or "_20205_2_" not in ecg.name:
            continue
        told, person = cohort.subjects.loc[row], truth.loc[int(ecg.name[:7])]
        assert told["sex"] == person["sex"]
        assert told["age_years"] == int(person["age_years"])
        for disease in ("cad", "af", "dm", "hf", "mi", "cardiomyopathy", "scd"):
            assert told[disease] == person[disease]
            checked += int(person[disease])
    assert checked > 2


def test_what_was_decided_stands_in_the_manifest(cohort):
    source = cohort.settings.source
    assert source["kind"] == "ukb"
    assert {column: source["phenotypes"][column] for column in MEASURES} == dict.fromkeys(MEASURES, "own")
    assert source["mri"] == RULES
    assert source["labels"]["code_set"] == "customary"
    assert source["labels"]["censored"] == dict.fromkeys(("England", "Scotland", "Wales"), "2022-10-31")
    flow = dict(cohort.manifest.flow)
    assert flow["visits left"] == cohort.manifest.num_rows + cohort.manifest.num_refused
    assert flow["files of field 6025 passed over"] == 1


def test_no_number_is_in_the_cohort_in_any_writing(cohort, bulk):
    assert _found(cohort.path, bulk.numbers) == []


def _found(folder, numbers):
    """Files that hold one of the numbers: in their name, as text, in a table, or as a number of eight bytes."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            text = content.decode("latin-1") + path.name
            if content.startswith(b"PAR1"):
                text += pd.read_parquet(path).to_csv()
            else:
                found += [path.name for number in numbers if int(number).to_bytes(8, "little") in content]
            found += [path.name for number in numbers if number in text]
    return found


def test_a_planted_number_would_be_found(bulk, tmp_path):
    number = min(bulk.numbers)
    (tmp_path / "text.csv").write_text(f"x {number}_20205")
    np.save(tmp_path / "array.npy", np.array([int(number)]))
    pd.DataFrame({"a": [int(number)]}).to_parquet(tmp_path / "table.parquet")
    (tmp_path / f"{number}.txt").touch()
    assert set(_found(tmp_path, {number})) == {"text.csv", "array.npy", "table.parquet", f"{number}.txt"}


def test_no_number_is_logged_and_only_the_key_file_has_them(prepared, bulk):
    _, log = prepared
    assert "complete already" in log
    assert not [number for number in bulk.numbers if number in log]
    key = bulk.folder.parent / "key.json"
    assert key.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(key.read_text())["participants"].values()) == {ecg.name[:7] for ecg in bulk.staying}
    assert not [number for number in bulk.withdrawn if number in key.read_text()]


def test_who_withdrew_is_in_no_table_and_no_list(cohort, bulk, people):
    gone = {people.subject(number) for number in bulk.withdrawn}
    assert len(gone) > 1
    assert gone.isdisjoint(cohort.subjects["subject"])
    assert gone.isdisjoint(_refused(cohort)["subject"])
    assert not [subject for subject in gone for path in cohort.path.iterdir() if subject.encode() in path.read_bytes()]


def test_two_processes_make_the_same_bits_as_one(cohort, bulk, tmp_path):
    again = bulk.prepare(tmp_path / "ukb", workers=Workers(2))
    assert contents(again.path) == contents(cohort.path)


def test_the_platforms_table_makes_the_same_bits(cohort, bulk, tmp_path):
    again = bulk.prepare(tmp_path / "ukb", tables=(bulk.folder / "participant.parquet",))
    assert contents(again.path) == contents(cohort.path)


def test_tables_cut_by_columns_and_people_make_the_same_bits(cohort, bulk, tmp_path):
    whole = pd.read_csv(bulk.folder / "main.csv", dtype=str).set_index("eid")
    codes = [name for name in whole if re.match("4|13", name)]
    parts = {
        "covariates.tsv": whole.drop(columns=codes),
        "codes_a.csv": whole[codes].iloc[::2],
        "codes_b.csv": whole[codes].iloc[1::2].iloc[::-1],
    }
    for name, part in parts.items():
        part.to_csv(tmp_path / name, sep="\t" if name.endswith("tsv") else ",", na_rep="NA" if name.endswith("tsv") else "")
    again = bulk.prepare(tmp_path / "ukb", tables=tuple(tmp_path / name for name in parts))
    assert contents(again.path) == contents(cohort.path)


def test_a_list_of_paths_makes_the_same_bits_as_their_folder(cohort, bulk, tmp_path):
    for name in ("20205", "20209"):
        paths = [str(path) for path in bulk.folder.iterdir() if f"_{name}_" in path.name or "_6025_" in path.name]
        (tmp_path / f"{name}.txt").write_text("\n".join(sorted(paths, reverse=True)))
    again = bulk.prepare(tmp_path / "ukb", ecg=tmp_path / "20205.txt", cmr=tmp_path / "20209.txt")
    assert contents(again.path) == contents(cohort.path)


def test_another_key_makes_other_hashes_and_no_link_between_two_cohorts(cohort, bulk, tmp_path):
    again = bulk.prepare(tmp_path / "ukb", key=tmp_path / "another.json")
    assert set(again.subjects["subject"]).isdisjoint(cohort.subjects["subject"])
    assert again.manifest.num_rows == cohort.manifest.num_rows


def test_people_who_join_later_move_nobody(cohort, bulk, tmp_path):
    larger = write_release(
        tmp_path / "larger", subjects=SUBJECTS + 8, seed=SEED, with_mri=False, layout=Layout.FLAT, config=CONFIG
    )
    key = shutil.copy(bulk.folder.parent / "key.json", tmp_path / "key.json")
    grown = Bulk(larger).prepare(tmp_path / "ukb", key=key)
    before = cohort.subjects.drop_duplicates("subject").set_index("subject")["split"]
    after = grown.subjects.drop_duplicates("subject").set_index("subject")["split"]
    assert (after[before.index] == before).all()
    assert len(after) > len(before) + 4
    both = cohort.subjects.merge(grown.subjects.reset_index(names="there"), on=["subject", "visit"], how="left")
    assert (cohort.ecg == grown.ecg[both["there"].to_numpy()]).all()
    names = Participants.open(key).names
    assert {str(participant_number(SEED, index)) for index in range(SUBJECTS, SUBJECTS + 8)} & set(names.values())


def test_without_mri_the_table_gives_what_it_has_and_none_is_opened(bulk, tmp_path):
    made = bulk.prepare(tmp_path / "ukb", cmr=None)
    assert made.cmr is None
    assert not made.subjects["has_cmr"].any()
    assert "lvm_g" not in made.subjects


@pytest.mark.parametrize("first", ["ukb", "own"])
def test_every_phenotype_is_of_its_recorded_source_in_every_row(bulk, people, tmp_path, first):
    table = pd.read_csv(bulk.folder / "main.csv", dtype=str).assign(
        **{"24105-2.0": "200.5", "24106-2.0": "170", "24105-3.0": ""}
    )
    table.to_csv(tmp_path / "main.csv", index=False)
    order = (Source.UKB, Source.OWN) if first == "ukb" else (Source.OWN, Source.UKB)
    made = bulk.prepare(tmp_path / "ukb", tables=(tmp_path / "main.csv",), choices=replace(CHOICES, phenotypes=order))
    assert made.settings.source["phenotypes"] == {"lvm_g": first, "lvedv_ml": "own", "rvedv_ml": "ukb"}
    row = _row(made, people, bulk.without_mri)
    told = made.subjects.loc[row]
    assert (told["lvm_g"], told["rvedv_ml"]) == (200.5, 170) if first == "ukb" else np.isnan(told["lvm_g"])
    again = made.subjects["visit"] == 3
    expected = {"ukb": [200.5], "own": sorted(made.cmr[(~again & made.subjects["has_cmr"]).to_numpy(), 0, 0, 0].tolist())}[
        first
    ]
    assert sorted(set(made.subjects["lvm_g"][~again].dropna())) == expected
    assert made.subjects["lvm_g"][again].isna().all() == (first == "ukb")
    assert made.subjects["rvedv_ml"].notna().tolist() == (~again).tolist()


@pytest.mark.parametrize("first", [Source.UKB, Source.OWN])
def test_how_far_own_and_their_values_differ_is_counted_whichever_is_taken(bulk, people, tmp_path, first, capsys):
    from cardiolens.cli.prepare import tell

    mass = pd.read_csv(bulk.folder / "main.csv", dtype=str).assign(**{"24105-2.0": "60", "24105-3.0": "60"})
    mass.to_csv(tmp_path / "main.csv", index=False)
    choices = replace(CHOICES, phenotypes=tuple(sorted(Source, key=lambda source: source != first)))
    made = bulk.prepare(tmp_path / "ukb", tables=(tmp_path / "main.csv",), choices=choices)
    one = made.manifest.phenotype_agreement["lvm_g"]
    pretended = made.cmr[made.subjects["has_cmr"].to_numpy(), 0, 0, 0].astype(float) - 60
    assert (one["visits"], one["median"]) == (len(pretended), np.median(pretended))
    assert not [column for column in made.subjects if "minus" in column]
    tell(made)
    assert "LVM: measured here minus UK Biobank's, median +" in capsys.readouterr().out


def test_a_good_ecg_of_another_format_is_refused_since_field_20205_has_one(bulk, tmp_path):
    ecg = tmp_path / "ecg" / bulk.doubled.name
    ecg.parent.mkdir()
    recording = read_recording(bulk.doubled)
    leads = zip(recording.leads, recording.signal_mv.astype(float), strict=True)
    Edf([EdfSignal(lead_mv, 500, label=f"ECG {name}", physical_dimension="mV") for name, lead_mv in leads]).write(ecg)
    assert read_recording(ecg).signal_mv.shape == (12, 5000)
    with pytest.raises(CardiolensError, match=r"no usable subject among 1.*expected GE CardioSoft XML"):
        bulk.prepare(tmp_path / "ukb", ecg=ecg.parent, cmr=None)


def test_a_stopped_build_goes_on_with_the_same_inputs_and_refuses_others(cohort, bulk, tmp_path):
    last = bulk.mri_of(bulk.staying[-1])
    out = tmp_path / "ukb"
    key = shutil.copy(bulk.folder.parent / "key.json", tmp_path / "key.json")
    with pytest.raises(ZeroDivisionError):
        bulk.prepare(out, key=key, read_mri=FakeMri(fails_at=last.read_text()))
    assert not out.exists()
    half = contents(out.with_name("ukb.building"))
    assert not [number for number in bulk.numbers if number.encode() in b"".join(half.values())]

    def refused(**changed):
        with pytest.raises(BadOption, match=r"a half-built cohort with .*source\.") as error:
            bulk.prepare(out, key=key, **changed)
        assert not [number for number in bulk.numbers if number in everything_said(error.value).replace(str(bulk.folder), "")]

    table = bulk.folder / "main.csv"
    text = table.read_text()
    other = tmp_path / "other.csv"
    other.write_text(re.sub(r'"11025"|"11026"|"11027"', '"11028"', text))
    assert other.read_text() != text
    refused(tables=(other,))
    refused(choices=replace(CHOICES, ended=parse_censoring(["2020-01-01"])))
    refused(choices=replace(CHOICES, own_phenotypes=MEASURES[:1]))
    last.write_text("longer")
    try:
        refused()
    finally:
        last.write_text(str(60 + bulk.ecgs.index(bulk.staying[-1])))
    assert contents(bulk.prepare(out, key=key).path) == contents(cohort.path)


def test_a_complete_cohort_of_other_inputs_is_refused_and_stays(cohort, bulk, tmp_path):
    before = contents(cohort.path)
    key = shutil.copy(bulk.folder.parent / "key.json", tmp_path / "key.json")
    with pytest.raises(BadOption, match=r"a complete cohort with .*source\.inputs"):
        bulk.prepare(cohort.path, key=key, choices=replace(CHOICES, ended=parse_censoring(["2020-01-01"])))
    assert contents(cohort.path) == before


def test_who_withdrew_once_is_left_out_without_the_list_too(cohort, bulk, tmp_path):
    key = shutil.copy(bulk.folder.parent / "key.json", tmp_path / "key.json")
    before = contents(cohort.path)
    bulk.prepare(cohort.path, key=key, withdrawn=None)
    assert contents(cohort.path) == before
    assert bulk.prepare(cohort.path).fingerprint == cohort.fingerprint


def test_a_mistake_is_said_without_a_number_and_leaves_nothing(bulk, tmp_path):
    damaged = tmp_path / "main.csv"
    lines = (bulk.folder / "main.csv").read_text().splitlines()
    damaged.write_text("\n".join([*lines[:5], lines[5].rpartition(",")[0], *lines[6:]]))
    twice = tmp_path / "twice.csv"
    twice.write_text("\n".join([*lines, lines[-1]]))
    (tmp_path / "empty").mkdir()
    for changed in ({"tables": (damaged,)}, {"tables": (twice,)}, {"cmr": tmp_path / "empty"}, {"ecg": tmp_path / "nowhere"}):
        with pytest.raises(CardiolensError) as error:
            bulk.prepare(tmp_path / "ukb", key=tmp_path / "new.json", **changed)
        assert not [number for number in bulk.numbers if number in str(error.value)]
        assert not [number for number in bulk.numbers if number in everything_said(error.value)]
    assert not (tmp_path / "new.json").exists()
    assert not (tmp_path / "ukb").exists()
    assert not (tmp_path / "ukb.building").exists()


def test_a_cohort_opens_whole(cohort):
    assert Cohort.open(cohort.path, verify=True).manifest == cohort.manifest
