from xml.etree.ElementTree import Element, fromstring

import pytest

from cardiolens.formats.hl7.annotations import intervals_ms, statements


def _annotated(*annotations: str) -> Element:
    inside = "".join(f"<component>{each}</component>" for each in annotations)
    return fromstring(f"<series><subjectOf><annotationSet>{inside}</annotationSet></subjectOf></series>")


def _duration(code: str, value: str, unit: str = "ms") -> str:
    return f'<annotation><code code="MDC_ECG_TIME_PD_{code}"/><value value="{value}" unit="{unit}"/></annotation>'


@pytest.mark.parametrize(
    ("code", "name"),
    [("P", "p"), ("PR", "pq"), ("PQ", "pq"), ("QRS", "qrs"), ("QT", "qt"), ("QTc", "qtc"), ("RR_GL", "rr"), ("PP", "pp")],
)
def test_every_duration_has_its_name(code, name):
    assert intervals_ms(_annotated(_duration(code, "120"))) == {name: 120.0}


@pytest.mark.parametrize("stated", [("0", "ms"), ("-32768", "ms"), ("nan", "ms"), ("1e9", "s"), ("120", ""), ("", "ms")])
def test_what_is_no_duration_is_missing(stated):
    assert intervals_ms(_annotated(_duration("QT", *stated))) == {}


def test_the_first_source_goes_before_the_second():
    assert intervals_ms(_annotated(_duration("QT", "400")), _annotated(_duration("QT", "9"), _duration("RR", "800"))) == {
        "qt": 400.0,
        "rr": 800.0,
    }


def test_a_statement_is_words_or_the_name_of_a_code_and_is_said_once():
    spoken = '<annotation><code code="MDC_ECG_INTERPRETATION_STATEMENT"/><value>Sinus  rhythm</value></annotation>'
    coded = '<annotation><code code="MDC_ECG_RHY"/><value code="X" displayName="Sinus rhythm"/></annotation>'
    silent = '<annotation><code code="MDC_ECG_RHY"/><value code="X"/></annotation>'
    assert statements(_annotated(spoken, coded, silent)) == ("Sinus rhythm",)


def test_thousands_of_annotations_within_one_another_are_walked_through():
    deep = _duration("RR", "800")
    for _ in range(3000):
        deep = f"<annotation><component>{deep}</component></annotation>"
    assert intervals_ms(_annotated(deep)) == {"rr": 800.0}
