"""What an HL7 aECG says about the ECG as a whole: statements and intervals, not those of single beats or leads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from xml.etree.ElementTree import Element

_SETS = "subjectOf/annotationSet/component/annotation"
# The comment among the interpretations is left alone: devices write there who confirmed the ECG.
_STATEMENTS = {
    "MDC_ECG_INTERPRETATION",
    "MDC_ECG_INTERPRETATION_STATEMENT",
    "MDC_ECG_INTERPRETATION_SUMMARY",
    "MDC_ECG_RHY",
}
_DURATION = "MDC_ECG_TIME_PD_"
_INTERVALS = {
    "P": "p",
    "PQ": "pq",
    "PR": "pq",
    "QRS": "qrs",
    "QT": "qt",
    "QTC": "qtc",
    "QTCB": "qtc",
    "RR": "rr",
    "PP": "pp",
}
_MILLISECONDS = {"s": 1e3, "ms": 1.0, "us": 1e-3}
_LONGEST_MS = 10_000.0


def statements(*sources: Element) -> tuple[str, ...]:
    """What devices and readers wrote in words, each once, from the annotation sets of the elements given.

    A person's name may be among the words.
    """
    found = []
    for annotation in _annotations(sources):
        value = annotation.find("value")
        if _code(annotation) in _STATEMENTS and value is not None:
            words = "".join(value.itertext()) or value.get("displayName", "")
            found.append(" ".join(words.split()))
    return tuple(dict.fromkeys(filter(None, found)))


def intervals_ms(*sources: Element) -> dict[str, float]:
    """The first duration of each kind, in ms, from the annotation sets of the elements given.

    Zero and negative values stand for what was not measured.
    """
    found: dict[str, float] = {}
    for annotation in _annotations(sources):
        code, value = _code(annotation), annotation.find("value")
        name = _INTERVALS.get(code.removeprefix(_DURATION).upper().removesuffix("_GL")) if code.startswith(_DURATION) else None
        if name is None or value is None:
            continue
        try:
            milliseconds = float(value.get("value", "")) * _MILLISECONDS.get(value.get("unit", ""), math.nan)
        except ValueError:
            continue
        if 0 < milliseconds <= _LONGEST_MS:
            found.setdefault(name, milliseconds)
    return found


def _annotations(sources: tuple[Element, ...]) -> Iterator[Element]:
    """All annotations in document order, without those that belong to one beat or one lead and all within them."""
    waiting = [annotation for source in sources for annotation in source.findall(_SETS)][::-1]
    while waiting:
        annotation = waiting.pop()
        supports = annotation.findall("support/supportingROI/component/boundary/code")
        if _code(annotation) != "MDC_ECG_BEAT" and not any("LEAD" in code.get("code", "") for code in supports):
            yield annotation
            waiting += annotation.findall("component/annotation")[::-1]


def _code(annotation: Element) -> str:
    code = annotation.find("code")
    return code.get("code", "") if code is not None else ""
