import pytest

from cardiolens.formats.lead_codes import coded_lead
from cardiolens.signals.leads import standard_lead
from cardiolens.types import LEADS

NUMBERS = (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8)


@pytest.mark.parametrize(("number", "lead"), list(zip(NUMBERS, LEADS, strict=True)))
def test_every_standard_lead_is_known_by_every_code(number, lead):
    codes = (f"2:{number}", f"5.6.3-9-{number}", str(131072 + number), f"MDC_ECG_LEAD_{lead.upper()}", lead)
    assert {standard_lead(coded_lead(code)) for code in codes} == {lead}


@pytest.mark.parametrize(
    ("meaning", "lead"),
    [("Lead I (Einthoven)", "I"), ("aVR, augmented voltage, right", "aVR"), ("Lead V3", "V3"), ("Lead II", "II")],
)
def test_a_lead_in_a_local_code_is_known_by_its_meaning(meaning, lead):
    assert standard_lead(coded_lead("local", meaning)) == lead


@pytest.mark.parametrize(
    ("code", "meaning", "name"),
    [
        ("2:1", "Lead II", "I or II"),
        ("MDC_ECG_LEAD_V1", "V2", "V1 or V2"),
        ("2:31", "Lead I", "2:31 or I"),
        ("2:31", "Derived Lead I", "Derived Lead I"),
        ("2:65", "-aVR", "-aVR"),
        ("2:11", "", "2:11"),
        ("local", "V1 (derived)", "V1 (derived)"),
        ("MDC_ECG_LEAD_V3R", "", "V3R"),
        ("", "", ""),
    ],
)
def test_other_leads_and_contradictions_are_no_standard_lead(code, meaning, name):
    assert coded_lead(code, meaning) == name
    assert standard_lead(name) is None
