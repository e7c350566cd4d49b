"""Files, tables and lists brought together: no ECG is opened, so empty files stand for them."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from main_tables import PEOPLE, csv_of, everything_said, written

from cardiolens.cohorts.labels.choices import LabelChoices
from cardiolens.cohorts.labels.code_sets import CODE_SETS, Disease, with_extra
from cardiolens.cohorts.participants import Participants
from cardiolens.cohorts.phenotype_sources import Source
from cardiolens.cohorts.ukb.labelling import parse_censoring
from cardiolens.cohorts.ukb.visits import UkbChoices, UkbSources, plan_visits
from cardiolens.errors import BadOption

A, B, C = PEOPLE
NEEDED = {
    "31-0.0": [0, 1, 1],
    "21003-2.0": [61, 62, 63],
    "53-2.0": ["2015-06-01", "2016-06-01", "2017-06-01"],
    "53-3.0": ["2018-06-01", "", "2020-06-01"],
    "41270-0.0": ["I251", "", "I48"],
    "41280-0.0": ["2012-01-01", "", "2019-01-01"],
}
VISITS = ((A, 2), (A, 3), (B, 2), (C, 2))


class Study:
    """A folder with the ECGs of four visits of three people and their table."""

    def __init__(self, folder):
        self.folder = folder
        for number, instance in VISITS:
            self.place(f"ecg/{str(number)[:2]}/{number}_20205_{instance}_0.xml")
        self.table()

    def place(self, name, content="x"):
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        return written(self.folder / name, content)

    def table(self, cells=NEEDED, name="main.csv", people=PEOPLE):
        return csv_of(self.folder / name, cells, people)

    def plan(self, *, tables=("main.csv",), key="key.json", choices=None, cmr=None, ecg="ecg", **sources):
        places = {name: self.folder / place for name, place in sources.items()}
        tables = tuple(self.folder / name for name in tables)
        sources = UkbSources(self.folder / ecg, tables, self.folder / cmr if cmr else None, **places)
        people = Participants.open_or_make(self.folder / key)
        return plan_visits(sources, UkbChoices(ended=parse_censoring(["2022-10-31"]), **(choices or {})), people)


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)


def by_visit(plan) -> dict[tuple[int, int], pd.Series]:
    """What the plan says of every visit, by the person's number."""
    names = plan.participants.names
    return {
        (int(names[visit.subject]), visit.number): pd.Series(plan.table.numbers(k) | plan.table.words(k) | vars(visit))
        for k, visit in enumerate(plan.visits)
    }


def test_every_visit_with_an_ecg_becomes_a_row_in_the_order_of_hashes(study):
    plan = study.plan()
    found = by_visit(plan)
    assert set(found) == set(VISITS)
    assert [visit.subject for visit in plan.visits] == sorted(visit.subject for visit in plan.visits)
    assert [visit.number for visit in plan.visits if visit.subject == found[A, 2].subject] == [2, 3]
    for number, instance in VISITS:
        assert found[number, instance].ecg.endswith(f"{number}_20205_{instance}_0.xml")
        assert found[number, instance].hidden == (str(number),)


def test_what_the_table_says_reaches_the_right_visit(study):
    study.table(NEEDED | {"21003-3.0": [64, "", 66], "24105-2.0": [81, 82, 83], "24105-3.0": [84, "", 86]})
    found = by_visit(study.plan())
    assert [found[visit].age_years for visit in VISITS] == [61, 64, 62, 63]
    assert [found[visit].lvm_g for visit in VISITS] == [81, 84, 82, 83]
    assert [found[visit].sex for visit in VISITS] == ["F", "F", "M", "M"]
    assert [found[visit].cad for visit in VISITS] == [1, 1, 0, 0]
    assert [found[visit].af for visit in VISITS] == [0, 0, 0, 1]
    days = ["2015-06-01", "2018-06-01", "2016-06-01", "2017-06-01"]
    assert [found[visit].day for visit in VISITS] == [date.fromisoformat(day) for day in days]


def test_the_order_of_the_tables_rows_changes_nothing(study):
    plan = study.plan()
    study.table({name: cells[::-1] for name, cells in NEEDED.items()}, people=PEOPLE[::-1])
    again = study.plan()
    assert plan.visits == again.visits
    np.testing.assert_array_equal(plan.table.values, again.table.values)
    assert plan.table.texts == again.table.texts


def test_values_are_numbers_with_one_name_each(study):
    table = study.plan().table
    assert table.values.dtype == np.float64  # noqa: PD011 - no frame
    assert len({*table.columns, *table.text_columns}) == len(table.columns) + len(table.text_columns)
    assert set(table.text_columns) == {"sex", "ethnicity", "site"}


def test_the_flow_counts_every_step(study):
    study.place(f"ecg/{B}_20205_3_0.xml")
    study.place(f"ecg/{C + 1}_20205_2_0.xml")
    study.place(f"ecg/{A}_6025_0_0.xml")
    study.place(f"ecg/{A}_20205_1_0.xml")
    study.place(f"mri/{A}_20209_2_0.zip")
    study.place(f"mri/{A}_20209_0_0.zip")
    study.place(f"mri/{C}_20209_3_0.zip")
    study.place(f"mri/{B}_20209_2_0.zip")
    written(study.folder / "w.csv", f"{B}\n")
    plan = study.plan(cmr="mri", withdrawn="w.csv")
    assert dict(plan.flow) == {
        "ECG files": 6,
        "ECG files of instance 1 passed over": 1,
        "files of field 6025 passed over": 1,
        "MRI files": 3,
        "MRI files of instance 0 passed over": 1,
        "visits with an ECG": 6,
        "visits of people who withdrew": 2,
        "visits left": 4,
        "MRI of visits without an ECG": 1,
        "of them with an MRI": 1,
        "of them in the table": 3,
    }
    assert len(plan.visits) == 4


def test_what_lies_in_one_folder_is_counted_once(study):
    study.place(f"ecg/{A}_20209_2_0.zip")
    study.place(f"ecg/{A}_6025_0_0.xml")
    assert dict(study.plan(cmr="ecg").flow)["files of field 6025 passed over"] == 1


def test_an_mri_goes_with_the_ecg_of_its_own_visit(study):
    for number, instance in ((A, 3), (B, 3), (C, 2)):
        study.place(f"mri/{number}_20209_{instance}_0.zip")
    found = by_visit(study.plan(cmr="mri"))
    assert {visit for visit in VISITS if found[visit].mri} == {(A, 3), (C, 2)}
    assert found[A, 3].mri.endswith(f"{A}_20209_3_0.zip")
    assert (B, 3) not in found


@pytest.mark.parametrize("line", ["{}", "eid\n{}", '"{}"', "{}.0", "  {}  ", "f.eid\r\n{}\r\n"])
def test_who_withdrew_is_left_out_however_the_list_writes_it(study, line):
    written(study.folder / "w.csv", line.format(A))
    plan = study.plan(withdrawn="w.csv")
    assert set(by_visit(plan)) == {(B, 2), (C, 2)}
    assert str(A) not in (study.folder / "key.json").read_text()


def test_who_withdrew_once_is_never_taken_in_again(study):
    people = study.plan().participants
    people.without([people.subject(str(A))])
    plan = study.plan()
    assert set(by_visit(plan)) == {(B, 2), (C, 2)}
    assert dict(plan.flow)["visits of people who withdrew"] == 2
    assert str(A) not in (study.folder / "key.json").read_text()


def test_if_everybody_withdrew_nothing_is_made(study):
    written(study.folder / "w.csv", "\n".join(map(str, PEOPLE)))
    with pytest.raises(BadOption, match="nobody who has not withdrawn"):
        study.plan(withdrawn="w.csv")
    assert not (study.folder / "key.json").exists()


def test_the_key_file_says_who_is_who_and_nothing_else_does(study):
    study.place(f"ecg/{A}_20205_2_1.xml")
    plan = study.plan()
    stored = json.loads((study.folder / "key.json").read_text())["participants"]
    assert set(stored.values()) == {str(number) for number in PEOPLE}
    assert (study.folder / "key.json").stat().st_mode & 0o777 == 0o600
    shown = repr(plan) + repr(plan.flow) + repr([dict(visit.lost) for visit in plan.visits])
    assert not [number for number in PEOPLE if str(number) in shown]
    assert all(visit.subject == plan.participants.subject(visit.hidden[0]) for visit in plan.visits)


def test_an_ecg_without_a_place_in_the_table_is_a_row_of_which_nothing_is_known(study):
    study.place(f"ecg/{C + 1}_20205_2_0.xml")
    plan = study.plan()
    row = by_visit(plan)[C + 1, 2]
    assert row[list(plan.table.columns)].isna().all()
    assert row[list(plan.table.text_columns)].isna().all()
    assert (row.day, row.lost) == (None, {})


def test_a_person_in_the_table_without_that_visit_is_undated_and_says_so(study):
    study.place(f"ecg/{B}_20205_3_0.xml")
    row = by_visit(study.plan())[B, 3]
    assert (row.sex, row.cad, row.day) == ("M", 0, None)
    assert np.isnan(row.cad_prevalent)
    assert "no date of the visit" in row.lost["labels"]


def test_second_files_of_a_visit_are_named_by_hash_and_the_first_is_used(study):
    study.place(f"ecg/{A}_20205_2_1.xml")
    study.place(f"ecg/copy/{A}_20205_2_0.xml")
    study.place(f"mri/{A}_20209_2_0.zip")
    study.place(f"mri/{A}_20209_2_1.zip")
    study.place(f"mri/{C}_20209_2_0.zip")
    plan = study.plan(cmr="mri")
    found = by_visit(plan)
    shown = f"id-{found[A, 2].subject[:8]}"
    names = f"{shown}_20205_2_0.xml, {shown}_20205_2_1.xml"
    assert found[A, 2].lost == {
        "second ecg": f"{names}: a second ECG of one visit; the first is used",
        "second mri": f"{shown}_20209_2_1.zip: a second MRI of one visit; the first is used",
    }
    assert (found[A, 2].ecg, found[A, 2].mri) == (
        str(study.folder / "ecg" / "10" / f"{A}_20205_2_0.xml"),
        str(study.folder / "mri" / f"{A}_20209_2_0.zip"),
    )
    assert all(found[visit].lost == {} for visit in VISITS[1:])


def test_a_repeated_visit_before_the_first_is_said_at_both(study):
    study.table(NEEDED | {"53-3.0": ["2014-06-01"]})
    found = by_visit(study.plan())
    assert all("dated before the first" in found[A, instance].lost["labels"] for instance in (2, 3))
    assert all(np.isnan(found[A, instance].cad_prevalent) for instance in (2, 3))
    assert found[A, 2].day == date(2015, 6, 1)
    assert found[B, 2].lost == {}


@pytest.mark.parametrize(
    ("column", "named"),
    [
        ("31-0.0", "31-0.0 (p31)"),
        ("21003-2.0", "21003-2.0 (p21003_i2)"),
        ("53-2.0", "53-2.0 (p53_i2)"),
        ("41270-0.0", "41270-0.0 (p41270)"),
        ("41280-0.0", "41280-0.0 (p41280)"),
    ],
)
def test_a_needed_column_that_is_absent_is_named_both_ways_or_waived(study, column, named):
    study.table({name: cells for name, cells in NEEDED.items() if name != column})
    with pytest.raises(BadOption) as error:
        study.plan()
    field = column.partition("-")[0]
    assert f"main.csv: found no column {named};" in str(error.value)
    assert f"--without {field}" in str(error.value)
    assert not (study.folder / "key.json").exists()
    plan = study.plan(choices={"without": frozenset({int(field)})})
    assert len(plan.visits) == 4
    assert ("cad" in plan.table.columns) == (field != "41270")


def test_codes_that_go_without_their_days_leave_dated_labels_open(study):
    study.table({name: cells for name, cells in NEEDED.items() if not name.startswith("41280")})
    found = by_visit(study.plan(choices={"without": frozenset({41280})}))
    assert (found[A, 2].cad, found[B, 2].cad) == (1, 0)
    assert np.isnan(found[A, 2].cad_prevalent)


def test_days_in_another_writing_are_refused(study):
    study.table(NEEDED | {"53-2.0": ["01/06/2015", "01/06/2016", "01/06/2017"]})
    with pytest.raises(BadOption, match=r"53-2\.0 \(p53_i2\): found cells that are no days"):
        study.plan()


def test_a_disease_that_is_called_like_another_column_is_refused(study):
    labels = LabelChoices(with_extra(CODE_SETS["customary"], [Disease("bmi_kg_per_m2", ("E66",))]))
    with pytest.raises(BadOption, match=r"--disease: found bmi_kg_per_m2, which is a column already"):
        study.plan(choices={"labels": labels})


def test_tables_of_two_applications_are_refused_before_anything_is_written(study):
    study.table(people=[number + 7 for number in PEOPLE])
    with pytest.raises(BadOption, match="0 of 3 participants of the ECG files") as error:
        study.plan()
    assert not [number for number in PEOPLE if str(number) in everything_said(error.value)]
    assert not (study.folder / "key.json").exists()


OWN = ("lvm_g", "lvedv_ml")
UKB = {"24105-2.0": [81, -3, ""], "24100-2.0": [150, 151, 152], "24141-2.0": [-3, -1, -20], "24106-2.0": ["", "", ""]}


@pytest.mark.parametrize(
    ("order", "with_mri", "expected"),
    [
        ("own,ukb,table", True, {"lvm_g": "own", "lvedv_ml": "own", "ecc_aha_1_percent": "ukb", "lvesv_ml": "table"}),
        ("own,ukb,table", False, {"lvm_g": "ukb", "lvedv_ml": "ukb", "ecc_aha_1_percent": "ukb", "lvesv_ml": "table"}),
        ("ukb,own", True, {"lvm_g": "ukb", "lvedv_ml": "ukb", "ecc_aha_1_percent": "ukb"}),
        ("table,ukb,own", True, {"lvm_g": "table", "lvedv_ml": "ukb", "ecc_aha_1_percent": "ukb", "lvesv_ml": "table"}),
        ("table", True, {"lvm_g": "table", "lvesv_ml": "table"}),
        ("own", True, {"lvm_g": "own", "lvedv_ml": "own"}),
        ("own", False, {}),
    ],
)
def test_each_phenotype_has_one_source_which_is_recorded(study, order, with_mri, expected):
    study.table(NEEDED | UKB)
    study.place(f"mri/{A}_20209_2_0.zip")
    written(
        study.folder / "mine.csv", f"eid,instance,lvm_g,LVESV (mL)\n{A}.0,2,90,60\n{C},2,92,62\n{A},3,94,64\n7654321,2,1,1\n"
    )
    choices = {"phenotypes": tuple(map(Source, order.split(","))), "own_phenotypes": OWN}
    plan = study.plan(choices=choices, cmr="mri" if with_mri else None, phenotype_table="mine.csv")
    assert plan.phenotype_sources == expected
    found = by_visit(plan)
    told = {
        "ukb": {
            "lvm_g": [81, np.nan, -3, np.nan],
            "lvedv_ml": [150, np.nan, 151, 152],
            "ecc_aha_1_percent": [-3, np.nan, -1, -20],
        },
        "table": {"lvm_g": [90, 94, np.nan, 92], "lvesv_ml": [60, 64, np.nan, 62]},
    }
    for column, source in expected.items():
        if source == "own":
            assert column not in plan.table.columns
        else:
            np.testing.assert_array_equal([found[visit][column] for visit in VISITS], told[source][column])


def test_mri_of_other_visits_alone_do_not_take_the_place_of_what_the_table_has(study):
    study.table(NEEDED | UKB)
    study.place(f"mri/{B}_20209_3_0.zip")
    plan = study.plan(choices={"own_phenotypes": OWN}, cmr="mri")
    assert set(plan.phenotype_sources.values()) == {"ukb"}


def test_a_phenotype_table_of_other_people_is_refused_not_ignored(study):
    written(study.folder / "mine.csv", "eid,instance,lvm_g\n7654321,2,90\n")
    with pytest.raises(BadOption, match=r"mine\.csv: found none of the visits with an ECG") as error:
        study.plan(phenotype_table="mine.csv")
    assert "7654321" not in everything_said(error.value)


@pytest.mark.parametrize(
    "name",
    ["{}_2_label_sa.nii.gz", "{}_2_label_sa.nii", "{}_20209_2_0_label_sa.nii.gz", "{}_2/label_sa.nii.gz",
     "10/{}_2_0/seg/label_sa.nii.gz"],
)  # fmt: skip
def test_masks_go_with_the_mri_of_their_visit(study, name):
    study.place(f"mri/{A}_20209_2_0.zip")
    mine = study.place("masks/" + name.format(A))
    for beside in (f"{A}_2_label_la_2ch.nii.gz", f"{A}_2_label_sa_ED.nii.gz", f"{A}_2_sa.nii.gz", f"{A}_2_label_sa.nii.gz.bak"):
        study.place(f"masks/{beside}")
    study.place(f"masks/{B}_2_label_sa.nii.gz")
    study.place(f"masks/1{A}_2_label_sa.nii.gz")
    plan = study.plan(cmr="mri", masks="masks")
    found = by_visit(plan)
    assert found[A, 2].masks == str(mine)
    assert not any(found[visit].masks for visit in VISITS[1:])
    assert dict(plan.flow)["of them with masks"] == 1


@pytest.mark.parametrize(
    "names", [(), ("label_sa.nii.gz",), ("1000001_2_label_la_4ch.nii.gz",), ("1000001_1_label_sa.nii.gz",)]
)
def test_a_folder_without_masks_of_visits_is_refused(study, names):
    (study.folder / "masks").mkdir()
    study.place(f"mri/{A}_20209_2_0.zip")
    for name in names:
        study.place(f"masks/{name}")
    with pytest.raises(BadOption, match="found no mask of a visit; expected files such as 1000000_2_label_sa"):
        study.plan(cmr="mri", masks="masks")
    with pytest.raises(BadOption, match="found no such folder"):
        study.plan(cmr="mri", masks="nowhere")
