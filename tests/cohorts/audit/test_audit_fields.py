"""What a field's name makes of its value: births, names and numbers of persons, and what is nobody's."""

import pytest

from cardiolens.cohorts.audit.field_names import Meaning, meaning
from cardiolens.cohorts.audit.field_values import is_name, may_be_participant, person_in, study_number
from cardiolens.cohorts.audit.finding import Kind


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("eid",), Meaning.PARTICIPANT), (("f.eid",), Meaning.PARTICIPANT), (("participant.eid",), Meaning.PARTICIPANT),
        (("subject_id",), Meaning.PARTICIPANT), (("IID",), Meaning.PARTICIPANT), (("PatientInfo", "PID"), Meaning.PARTICIPANT),
        (("PatientID",), Meaning.HOSPITAL_NUMBER), (("NHS number",), Meaning.HOSPITAL_NUMBER),
        (("mrn",), Meaning.HOSPITAL_NUMBER), (("hospital_number",), Meaning.HOSPITAL_NUMBER),
        (("patient", "mrn", "value"), Meaning.HOSPITAL_NUMBER), (("DateofBirth",), Meaning.BIRTH),
        (("dateofbirth",), Meaning.BIRTH), (("PatientBirthDate",), Meaning.BIRTH), (("dob",), Meaning.BIRTH),
        (("Geburtsdatum",), Meaning.BIRTH), (("date de naissance",), Meaning.BIRTH), (("birthTime", "value"), Meaning.BIRTH),
        (("34-0.0",), Meaning.BIRTH_PART), (("f.52.0.0",), Meaning.BIRTH_PART), (("p34",), Meaning.BIRTH_PART),
        (("participant.p52",), Meaning.BIRTH_PART), (("Year of birth",), Meaning.BIRTH_PART),
        (("BirthDateTime", "Year"), Meaning.BIRTH_PART), (("FamilyName",), Meaning.NAME), (("given_name",), Meaning.NAME),
        (("PatientLastName",), Meaning.NAME), (("surname",), Meaning.NAME), (("first name",), Meaning.NAME),
        (("Nachname",), Meaning.NAME), (("patient", "name"), Meaning.NAME), (("name", "family"), Meaning.NAME),
        (("num_participants",), Meaning.COUNT), (("participant_count",), Meaning.COUNT),
        (("bytes", "main.csv"), Meaning.COUNT), (("seed",), Meaning.COUNT), (("data_offsets",), Meaning.COUNT),
        (("generator_sha256",), Meaning.COUNT), (("steps", "eid"), Meaning.PARTICIPANT),
        (("samples", "id"), Meaning.PARTICIPANT),
    ],
)  # fmt: skip
def test_a_name_says_what_its_values_are(path, expected):
    assert meaning(path) is expected


@pytest.mark.parametrize(
    "path",
    [
        ("name",), ("file name",), ("column_name",), ("file_names",), ("hostname",), ("birth_weight",), ("country_of_birth",),
        ("p340",), ("f.5234.0.0",), ("34",), ("validity",), ("authors", "family-names"), ("creator", "givenName"), ("grid",),
    ],
)  # fmt: skip
def test_other_names_say_nothing(path):
    assert meaning(path) is Meaning.PLAIN


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        (("dob",), "1951-02-04", Kind.BIRTH_DATE), (("dob",), "04/02/1951", Kind.BIRTH_DATE),
        (("dob",), "19510204", Kind.BIRTH_DATE), (("dob",), "Feb 4, 1951", Kind.BIRTH_DATE),
        (("dob",), "4-FEB-1951", Kind.BIRTH_DATE), (("dob",), "4.2.51", Kind.BIRTH_DATE),
        (("dob",), "1951-02-04T00:00:00", Kind.BIRTH_DATE), (("p34",), "1951", Kind.BIRTH_DATE),
        (("p34",), "1951.0", Kind.BIRTH_DATE), (("p52",), "2", Kind.BIRTH_DATE), (("p52",), "February", Kind.BIRTH_DATE),
        (("surname",), "O'Neil-Smith", Kind.NAME), (("PatientName",), "SMITH^JANE^M", Kind.NAME),
        (("PatientName",), "Müller, Änne", Kind.NAME), (("mrn",), "US0012345", Kind.PARTICIPANT),
        (("NHS number",), "943 476 5919", Kind.PARTICIPANT), (("eid",), "1234567", Kind.PARTICIPANT),
        (("eid",), "1234567.0", Kind.PARTICIPANT),
    ],
)  # fmt: skip
def test_a_value_that_fits_its_name_is_a_persons(path, value, kind):
    assert person_in(path, value) is kind


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("dob",), "unknown"), (("dob",), ""), (("birth_month",), "0.134"), (("dob",), "before 1960"), (("p34",), "NA"),
        (("PatientName",), "made up"), (("PatientName",), "anonymous"), (("PatientName",), "synthetic 00012"),
        (("PatientName",), "id-0a1b2c3d"), (("PatientName",), ""), (("family_name",), "{{ patient.name }}"),
        (("first_name",), "conv1"), (("first_name",), "string"),
        (("family_name",), "see the registry of all names that we keep"), (("PatientID",), "anonymous"),
        (("PatientID",), "0123456789ab"), (("PatientID",), "12"), (("subject",), "21f2c613e71b"), (("subject",), "00012"),
        (("eid",), "12345678"), (("num_subjects",), str(4_217_433)),
    ],
)  # fmt: skip
def test_masks_placeholders_and_what_does_not_fit_are_nobodys(path, value):
    assert person_in(path, value) is None


def test_without_quotes_a_name_is_written_large():
    assert is_name("Jane van der Berg", written_large=True)
    assert not is_name("the family name", written_large=True)


@pytest.mark.parametrize("number", [1_234_567, 1_048_576, 2_500_000, 3_333_333, 1_111_100, 999_999, 7_000_001, 6_543_210])
def test_round_typed_and_impossible_numbers_are_nobodys(number):
    assert not may_be_participant(number)


def test_other_numbers_in_range_may_be_somebodys():
    assert may_be_participant(1_000_003)
    assert may_be_participant(6_999_998)


def test_a_study_number_stands_free():
    assert study_number("sub-1234567.0") == "1234567"
    for text in ("12345678", "1234567.5", "0.1234567", "a1234567", "0234567"):
        assert study_number(text) is None
