"""Small HL7 aECG documents for the tests, of made-up people."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cardiolens.types import LEADS

ABSOLUTE = '<head value="20150203090501.000"/><increment value="0.002" unit="s"/>'
VOLTS = '<origin value="0" unit="uV"/><scale value="2.5" unit="uV"/>'


def counts(num_leads: int = 12, num_samples: int = 600) -> np.ndarray:
    """(lead, time) whole numbers with a different wave in every lead."""
    time = np.arange(num_samples) / 500
    return np.stack([np.round(200 * np.sin(2 * np.pi * (1 + 0.1 * k) * time)) + 40 for k in range(num_leads)]).astype(int)


def sequence_set(
    digits: Sequence[np.ndarray] | np.ndarray,
    leads: Sequence[str] = LEADS,
    *,
    clock: str = ABSOLUTE,
    code: str = "TIME_ABSOLUTE",
    scale: str = VOLTS,
    kind: str = "SLIST_PQ",
    lead_code: str = "MDC_ECG_LEAD_{}",
) -> str:
    """Leads with their clock; `clock` and `scale` are the elements that say rate and unit."""
    sequences = [f'<code code="{code}" codeSystem="2.16.840.1.113883.5.4"/><value xsi:type="GLIST_TS">{clock}</value>']
    for lead, row in zip(leads, digits, strict=True):
        name = lead_code.format(lead.upper())
        samples = " ".join(map(str, row))
        sequences.append(f'<code code="{name}"/><value xsi:type="{kind}">{scale}<digits> {samples}\n </digits></value>')
    return "<sequenceSet>" + "".join(f"<component><sequence>{x}</sequence></component>" for x in sequences) + "</sequenceSet>"


def annotation(code: str, value: str, *, lead: str | None = None, within: str = "") -> str:
    """An annotation; `value` is its whole element, `lead` makes it one of that lead, `within` are annotations in it."""
    boundary = f'<component><boundary><code code="MDC_ECG_LEAD_{lead}"/></boundary></component>'
    support = f'<support><supportingROI classCode="ROIBND">{boundary}</supportingROI></support>' if lead else ""
    return f'<component><annotation><code code="{code}"/>{value}{support}{within}</annotation></component>'


def milliseconds(code: str, value: object, unit: str = "ms", **where: str) -> str:
    """The annotation of a duration."""
    return annotation(f"MDC_ECG_TIME_PD_{code}", f'<value xsi:type="PQ" value="{value}" unit="{unit}"/>', **where)


def series(sets: str, *, code: str = "RHYTHM", annotations: str = "", derived: str = "") -> str:
    """A series with its device, its annotations and, in `derived`, what was made from it."""
    components = f"<component>{sets}</component>" if sets else ""
    return f"""<component><series><code code="{code}" codeSystem="2.16.840.1.113883.5.4"/>
    <effectiveTime><low value="20150203090501.250+0100"/><high value="20150203090511"/></effectiveTime>
    <author><seriesAuthor><manufacturedSeriesDevice><manufacturerModelName>Model  9</manufacturerModelName>
    <softwareName>2.1</softwareName></manufacturedSeriesDevice>
    <manufacturerOrganization><name>Maker, Inc.</name></manufacturerOrganization></seriesAuthor></author>
    <secondaryPerformer><seriesPerformer><assignedPerson><name>TECHNICIAN</name></assignedPerson></seriesPerformer>
    </secondaryPerformer>{components}
    <subjectOf><annotationSet>{annotations}</annotationSet></subjectOf>{derived}</series></component>"""


def derived_beat(digits: np.ndarray, annotations: str = "") -> str:
    """The representative beat of a series, for its `derived`."""
    beat = sequence_set(digits, code="TIME_RELATIVE", clock='<head value="0" unit="s"/><increment value="2" unit="ms"/>')
    return f"""<derivation><derivedSeries><code code="REPRESENTATIVE_BEAT"/><component>{beat}</component>
    <subjectOf><annotationSet>{annotations}</annotationSet></subjectOf></derivedSeries></derivation>"""


def document(components: str, *, age: str = '<value xsi:type="PQ" value="61" unit="a"/>') -> str:
    """A whole document about Jane Smith, born on 8 May 1953, number 7654321."""
    return f"""<?xml version="1.0" encoding="utf-8"?>
<!-- a comment before the root -->
<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" type="Observation">
  <id root="61d1a24f" extension="7654321"/><code code="93000"/><effectiveTime><center value="20150203"/></effectiveTime>
  <componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>
    <id root="2.16.840.1.113883.3.400" extension="7654321"/>
    <subjectDemographicPerson><name>SMITH JANE</name><administrativeGenderCode code="F"/><birthTime value="19530508"/>
    </subjectDemographicPerson></trialSubject></subject></subjectAssignment></componentOf></timepointEvent></componentOf>
  <controlVariable><relatedObservation><code code="21612-7"/>{age}
    <author><assignedEntity><assignedAuthorType><assignedPerson><name>NURSE</name></assignedPerson></assignedAuthorType>
    </assignedEntity></author></relatedObservation></controlVariable>
  {components}
</AnnotatedECG>
"""


def write_aecg(path: Path, text: str | None = None) -> Path:
    """Write a document, or one with 12 leads and a derived beat where none is given."""
    text = text or document(series(sequence_set(counts()), derived=derived_beat(counts(num_samples=20))))
    path.write_text(text, encoding="utf-8")
    return path
