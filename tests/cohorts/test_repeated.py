from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_mri import MEASURES, FakeMri
from fake_rows import contents

from cardiolens.cli.prepare import tell
from cardiolens.cohorts.archive.prepare import prepare_archive
from cardiolens.cohorts.repeated import num_refused_as_repeated, refuse_repeated, repeated_ecgs
from cardiolens.formats import wfdb_record
from cardiolens.parallel import Workers
from cardiolens.synthetic.generator import make_subject

PEOPLE = ["X0", "X1", "X2", "X3", "X4"]


def test_a_recording_under_two_names_is_found_and_two_visits_of_one_subject_are_not(tiny_cohort):
    assert not repeated_ecgs(tiny_cohort).any()
    ecg = np.array(tiny_cohort.ecg)
    ecg[7] = ecg[2]
    assert np.flatnonzero(repeated_ecgs(replace(tiny_cohort, ecg=ecg))).tolist() == [2, 7]
    same = tiny_cohort.subjects.copy()
    same.loc[same.index[7], "subject"] = same["subject"].iloc[2]
    assert not repeated_ecgs(replace(tiny_cohort, ecg=ecg, subjects=same)).any()


def test_earlier_rows_stay_and_nothing_without_a_digest_is_compared():
    subjects = pd.Series(["a", "a", "b", "c", "d", "e", "f"])
    digests = pd.Series(["1", "1", "1", "2", None, None, "2"])
    refused, kept = refuse_repeated(subjects, digests)
    assert (set(refused), set(kept)) == ({2, 6}, {0, 3})
    assert "(recording 1)" in refused[2]
    assert "(recording 1)" in kept[0]
    assert "(recording 2)" in refused[6]


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """One recording under five people, one of whom has an MRI, and somebody with an ECG of their own."""
    folder = tmp_path_factory.mktemp("copied")
    for name in (*PEOPLE, "own"):
        wfdb_record.write(folder / f"{name}.hea", make_subject(seed=7, index=name == "own", with_mri=False).recording)
    (folder / "a.zip").write_text("80")
    rows = [f"{name},{name}.hea,{'a.zip' if name == 'X1' else ''}" for name in (*PEOPLE, "own")]
    (folder / "m.csv").write_text("\n".join(["subject,ecg,mri", *rows]) + "\n")
    return folder


def _prepare(folder, out="cohort", **options):
    return prepare_archive(folder / out, folder / "m.csv", key_file=folder / "key.json", **options)


def test_one_recording_under_many_people_is_kept_once_and_said(copied, capsys):
    cohort = _prepare(copied)
    assert (len(cohort.subjects), cohort.manifest.num_refused, num_refused_as_repeated(cohort)) == (2, 4, 4)
    assert not repeated_ecgs(cohort).any()
    refused = pd.read_csv(cohort.path / "refused.csv", dtype=str)
    assert refused["part"].value_counts().to_dict() == {"ecg": 4, "shared ecg": 1}
    told = refused[refused["part"] == "ecg"]["reason"]
    assert told.str.startswith("found the ECG of another person (recording 1)").all()
    (kept,) = refused[refused["part"] == "shared ecg"].to_dict("records")
    assert kept["subject"] in set(cohort.subjects["subject"])
    assert "its ECG is that of 4 more" in kept["reason"]
    tell(cohort)
    assert "note: 4 of the refused have, sample by sample, the ECG of another person" in capsys.readouterr().out
    assert _prepare(copied).fingerprint == cohort.fingerprint


def test_copies_are_found_whatever_chunks_and_processes_made_them_and_their_mri_goes_with_them(copied, monkeypatch):
    monkeypatch.setattr("cardiolens.cohorts.file_rows._MRI_CHUNK_ROWS", 2)
    options = {"read_mri": FakeMri(), "own_phenotypes": MEASURES}
    one, two = (_prepare(copied, f"with{n}", workers=Workers(n), **options) for n in (1, 2))
    assert contents(one.path) == contents(two.path)
    assert len(one.subjects) == 2
    assert (one.cmr is not None) == bool(one.subjects["has_cmr"].any())
