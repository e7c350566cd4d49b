"""Disease labels from the codes of a manifest: what belongs to whom, and what may not be guessed."""

import numpy as np
import pytest

from cardiolens.cohorts.archive.labelling import manifest_labels
from cardiolens.cohorts.archive.manifest import read_manifest
from cardiolens.cohorts.labels.choices import LabelChoices
from cardiolens.cohorts.labels.labels import LabelRules
from cardiolens.errors import BadOption


def _labels(tmp_path, *rows, columns="subject,ecg,day,icd10,icd10_days", choices=None):
    (tmp_path / "m.csv").write_text("\n".join([columns, *rows]) + "\n")
    told = read_manifest(tmp_path / "m.csv")
    return manifest_labels(tmp_path / "m.csv", told, choices or LabelChoices())


def test_codes_and_their_days_belong_together_by_place(tmp_path):
    labels, reasons = _labels(
        tmp_path,
        "A,1.xml,2019-05-31,I10|I25.1|I48,2017-01-01|2018-05-31|2020-05-31",
        "B,2.xml,2019-06-01,,",
        "C,3.xml,2019-06-01,I10,2012-01-01",
    )
    assert list(labels["cad"]) == [1, 0, 0]
    assert list(labels["cad_prevalent"]) == [1, 0, 0]
    assert labels.loc[0, "cad_days"] == -365
    assert list(labels["af"]) == [1, 0, 0]
    assert labels.loc[0, "af_prevalent"] == 0
    assert labels.loc[0, "af_incident_5y"] == 1
    assert labels.loc[0, "af_days"] == 366
    assert reasons == {}


@pytest.mark.parametrize("between", "|;,")
def test_codes_may_be_joined_by_any_of_three_signs(tmp_path, between):
    codes, days = between.join([" i25.1 ", "I48"]), between.join(["2018-05-31", ""])
    labels, _ = _labels(tmp_path, f'A,1.xml,2019-05-31,"{codes}","{days}"')
    assert labels.loc[0, "cad_prevalent"] == 1
    assert labels.loc[0, "af"] == 1
    assert np.isnan(labels.loc[0, "af_prevalent"])


def test_codes_of_one_visit_count_for_the_others(tmp_path):
    labels, _ = _labels(
        tmp_path, "A,1.xml,2015-01-01,,", "A,2.xml,2019-01-01,I25|I10,2017-01-01|2020-01-01", "B,3.xml,2019-01-01,,"
    )
    assert list(labels["cad"]) == [1, 1, 0]
    assert list(labels["cad_prevalent"]) == [0, 1, 0]
    assert labels.loc[0, "cad_incident_5y"] == 1


def test_an_empty_cell_is_nobody_without_a_label_but_somebody_without_a_diagnosis(tmp_path):
    labels, _ = _labels(tmp_path, "A,1.xml,2019-01-01,,", "B,2.xml,2019-01-01,,")
    assert list(labels["cad"]) == [0, 0]
    assert list(labels["dm"]) == [0, 0]


def test_without_codes_there_are_no_labels(tmp_path):
    labels, reasons = _labels(tmp_path, "A,1.xml,2019-01-01", columns="subject,ecg,day")
    assert labels.shape == (1, 0)
    assert reasons == {}


def test_without_days_only_ever_is_known(tmp_path):
    labels, _ = _labels(tmp_path, "A,1.xml,I25", "B,2.xml,", columns="subject,ecg,icd10")
    assert list(labels["cad"]) == [1, 0]
    assert labels[["cad_prevalent", "cad_incident_5y", "cad_days", "followup_days"]].isna().all(axis=None)


def test_records_end_where_the_manifest_says_or_with_the_last_diagnosis(tmp_path):
    columns = "subject,ecg,day,icd10,icd10_days,records_end"
    rows = ("A,1.xml,2019-01-01,I25,2020-01-01,", "B,2.xml,2019-01-01,,,2019-01-31", "B,3.xml,2018-01-01,,,")
    labels, _ = _labels(tmp_path, *rows, columns=columns)
    assert list(labels["followup_days"]) == [365, 30, 395]


def test_a_death_that_one_row_tells_holds_for_all_visits_of_the_person(tmp_path):
    columns = "subject,ecg,day,icd10,icd10_days,died,records_end"
    rows = (
        "A,1.xml,2015-01-01,,,,2022-01-01",
        "A,2.xml,2016-01-01,,,2016-07-01,2022-01-01",
        "B,3.xml,2015-01-01,I25,2021-01-01,,2022-01-01",
    )
    labels, reasons = _labels(tmp_path, *rows, columns=columns)
    assert list(labels["followup_days"])[:2] == [547, 182]
    assert list(labels["cad_incident_5y"]) == [0, 0, 0]
    assert reasons == {}


def test_a_death_before_the_ecg_leaves_dates_unknown_and_says_so(tmp_path):
    columns = "subject,ecg,day,icd10,icd10_days,died"
    labels, reasons = _labels(
        tmp_path, "A,1.xml,2019-01-01,I25,2018-01-01,", "B,2.xml,2019-01-01,I25,2018-01-01,2018-12-31", columns=columns
    )
    assert list(labels["cad"]) == [1, 1]
    assert np.isnan(labels.loc[1, "cad_prevalent"])
    assert reasons == {1: "death is dated 1 day before the ECG: what depends on dates is unknown"}


def test_the_chosen_horizon_and_codes_are_used(tmp_path):
    labels, _ = _labels(tmp_path, "A,1.xml,2019-01-01,I25,2019-06-01", choices=LabelChoices(rules=LabelRules(0.25)))
    assert "cad_incident_0_25y" in labels
    assert labels.loc[0, "cad_incident_0_25y"] == 0
    labels, _ = _labels(tmp_path, "A,1.xml,2019-01-01,I25,2019-06-01", choices=LabelChoices(rules=LabelRules(0.5)))
    assert labels.loc[0, "cad_incident_0_5y"] == 1


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (["A,1.xml,2019-01-01,,", "B,2.xml,2019-01-01,I25|I48,2018-01-01"], "1 rows with other numbers of days than of codes"),
        (["A,1.xml,2019-01-01,,2018-01-01"], "1 rows with other numbers of days than of codes, the first in row 1"),
        (["A,1.xml,2019-01-01,I25,01.02.2018"], "1 entries in icd10_days that are no day"),
        (["A,1.xml,2019-01-01,410.1|428.0,2018-01-01|2018-01-02"], "0 % look like ICD-10"),
    ],
)
def test_codes_that_are_not_what_they_should_be_are_refused(tmp_path, rows, found):
    with pytest.raises(BadOption, match=found.replace("|", r"\|")):
        _labels(tmp_path, *rows)


def test_days_without_codes_are_refused(tmp_path):
    with pytest.raises(BadOption, match="a column icd10_days without icd10"):
        _labels(tmp_path, "A,1.xml,2018-01-01", columns="subject,ecg,icd10_days")


def test_two_days_of_death_are_refused(tmp_path):
    rows = ("A,1.xml,2019-01-01,I25,,2020-01-01", "A,2.xml,2019-02-01,,,2020-01-02")
    with pytest.raises(BadOption, match="subjects with two days in died, the first in row 1"):
        _labels(tmp_path, *rows, columns="subject,ecg,day,icd10,icd10_days,died")


def test_a_label_that_is_a_column_already_is_refused(tmp_path):
    with pytest.raises(BadOption, match="a column cad beside codes that make one"):
        _labels(tmp_path, "A,1.xml,I25,1", "B,2.xml,,0", columns="subject,ecg,icd10,cad")


def test_a_refusal_names_nobody(tmp_path):
    with pytest.raises(BadOption) as error:
        _labels(tmp_path, "P00123,smith.xml,2019-01-01,I25,yesterday")
    assert not any(word in str(error.value) for word in ("P00123", "smith", "yesterday"))
