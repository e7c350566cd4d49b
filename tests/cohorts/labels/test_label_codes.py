import pandas as pd
import pytest

from cardiolens.cohorts.labels.code_sets import Disease
from cardiolens.cohorts.labels.codes import codes_match, normalise_codes, parse_disease, refuse_unknown_coding
from cardiolens.errors import BadOption


@pytest.mark.parametrize(
    ("written", "normal"),
    [("I25.1", "I251"), (" i25.2 ", "I252"), ("I48", "I48"), ("I25 1", "I251"), ("I25.-", "I25"), ("G63.2*", "G632")],
)
def test_every_way_of_writing_a_code_becomes_one(written, normal):
    assert list(normalise_codes(pd.Series([written]))) == [normal]


def test_missing_codes_stay_missing_and_the_index_is_kept():
    codes = normalise_codes(pd.Series(["I48.0", None, " "], index=[5, 3, 9]))
    assert list(codes.index) == [5, 3, 9]
    assert list(codes.isna()) == [False, True, True]


def test_a_code_matches_what_it_begins_with():
    codes = pd.Series(["I48", "I489", "I4", None, "I25", "XI48", "I48"])
    assert list(codes_match(codes, ("I48",))) == [True, True, False, False, False, False, True]
    assert list(codes_match(codes, ("I480", "I489"), exact=True)) == [False, True, False, False, False, False, False]
    assert codes_match(codes[:0], ("I48",)).shape == (0,)


@pytest.mark.parametrize(
    "codes",
    [
        ["4273", "41401", "25000"],
        ["427.3", "V10", "250.00"],
        ["22298006", "49436004"],
        ["G573.", "G30..", "XE0Uh"],
        [4273, 41401],
    ],
    ids=["icd9", "icd9 with dots", "snomed", "read", "numbers"],
)
def test_other_codings_are_refused_with_two_examples_and_a_remedy(codes):
    with pytest.raises(BadOption) as refused:
        refuse_unknown_coding(pd.Series(codes), "diagnoses.csv")
    message = str(refused.value)
    assert message.startswith("diagnoses.csv: found codes such as ")
    assert "\n" not in message
    assert "I25.1" in message
    assert "translate ICD-9" in message
    assert str(codes[0]) in message


def test_icd10_in_every_way_of_writing_is_accepted():
    codes = ["I251", "I25.1", "i48", "I48.-", "M1999", "S72.001A", "U07.1", "C7A", "G63.2*", "A18.0†", None]
    refuse_unknown_coding(pd.Series(codes), "diagnoses.csv")
    refuse_unknown_coding(pd.Series([], dtype=object), "diagnoses.csv")


def test_one_different_code_in_ten_may_be_of_another_coding():
    codes = [f"I{number}" for number in range(250, 259)]
    refuse_unknown_coding(pd.Series([*codes, "4273", "4273"]), "diagnoses.csv")
    with pytest.raises(BadOption, match="81 % look like ICD-10"):
        refuse_unknown_coding(pd.Series([*codes, *["I250"] * 90, "4273", "4280"]), "diagnoses.csv")


def test_numbers_of_participants_taken_for_codes_are_not_shown():
    with pytest.raises(BadOption) as refused:
        refuse_unknown_coding(pd.Series([1234567, 7654321]), "diagnoses.csv")
    assert "1234567" not in str(refused.value)


def test_a_disease_is_defined_by_its_name_and_codes():
    assert parse_disease("stroke=I63,I64") == Disease("stroke", ("I63", "I64"))
    assert parse_disease(" old_mi = i25.2 , I252,I21 ") == Disease("old_mi", ("I252", "I21"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stroke", "found 'stroke'"),
        ("stroke=", "an equals sign"),
        ("=I63", "the name ''"),
        ("Stroke=I63", "the name 'Stroke'"),
        ("my stroke=I63", "lower-case letters"),
        ("2nd=I63", "a letter first"),
        ("subject=I63", "the name subject"),
        ("visit=I63", "the name visit"),
        ("split=I63", "the name split"),
        ("has_cmr=I63", "the name has_cmr"),
        ("lvef_percent=I63", "no other column"),
        ("followup=I63", "no other column"),
        ("cad_prevalent=I63", "no other column"),
        ("cad_incident_2_5y=I63", "no other column"),
        ("cad_days=I63", "no other column"),
        ("stroke=I60-I64", "ranges such as I60-I64"),
        ("stroke=I63,", "the code '' of stroke"),
        ("stroke=I", "three characters or more"),
        ("stroke=434", "the code '434'"),
    ],
)
def test_a_disease_that_cannot_be_is_refused_by_the_options_name(text, said):
    with pytest.raises(BadOption, match=r"^--disease: found ") as refused:
        parse_disease(text)
    assert said in str(refused.value)
