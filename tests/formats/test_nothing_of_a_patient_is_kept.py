"""Persons planted wherever a format has room for them: nothing of them comes out, in no field and no message."""

import re
import struct
from datetime import date
from pathlib import Path

import aecg_files
import dicom_ecg_files
import edf_files
import muse_files
import numpy as np
import philips_files
import pytest
import scp_files
import table_files
import wfdb_files

from cardiolens.errors import BadRecording
from cardiolens.formats import cardiosoft_xml
from cardiolens.formats.cardiosoft_document import Patient
from cardiolens.formats.collection import EcgInput, read_input
from cardiolens.formats.declaration import Declaration
from cardiolens.types import LEADS, Recording

FAMILY, GIVEN, MIDDLE, PHYSICIAN, OPERATOR = "Quastel", "Zebedee", "Ng", "Hargreave", "Pemberly"
NUMBER, VISIT = "48151623", "7654321"
BORN = ("04.02.1951", "1951-02-04", "4-FEB-1951")
PLANTED = (FAMILY, GIVEN, MIDDLE, PHYSICIAN, OPERATOR, NUMBER, VISIT, *BORN)
SIGNER = "Mallory"
"""Named nowhere but in a signature."""
HARMLESS = "Sinus rhythm"
STATEMENTS = (HARMLESS, *(f"Old infarct, {planted}" for planted in PLANTED), f"Electronically signed by {SIGNER}")
DEVICE = f"Holter {GIVEN}"


def _shown(text: str) -> list[str]:
    return [planted for planted in (*PLANTED, SIGNER) if re.search(rf"(?<!\w){re.escape(planted)}(?!\w)", text, re.IGNORECASE)]


def _replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def _cardiosoft(folder: Path, *, damaged: bool) -> Path:
    path = folder / "ecg.xml"
    recording = Recording(
        table_files.samples_mv().astype(np.float32), LEADS, 500.0, "", device=DEVICE, statements=("-", *STATEMENTS)
    )
    patient = Patient(number=NUMBER, born=date(1951, 2, 4), comment=" ".join(PLANTED))
    cardiosoft_xml.write(path, recording, patient=patient)
    staff = "".join(
        f"<{role}><FamilyName>{name}</FamilyName><GivenName></GivenName><PersonID>{number}</PersonID></{role}>"
        for role, name, number in (("ReferringDoctor", PHYSICIAN, VISIT), ("Technician", OPERATOR, "1"))
    )
    changes = {
        "<FamilyName></FamilyName>": f"<FamilyName>{FAMILY}</FamilyName>",
        "<GivenName></GivenName>": f"<GivenName>{GIVEN} {MIDDLE}</GivenName>",
        "<PatientInfo>": f"{staff}<PatientInfo>",
        'lead="V6">': f'lead="V6 {GIVEN}">{"1," if damaged else ""}',
    }
    path.write_text(_replaced(path.read_text(encoding="latin-1"), changes), encoding="latin-1")
    return path


def _muse(folder: Path, *, damaged: bool) -> Path:
    said = "".join(
        f"<DiagnosisStatement><StmtFlag>ENDSLINE</StmtFlag><StmtText>{line}</StmtText></DiagnosisStatement>"
        for line in STATEMENTS
    )
    changes = {
        ">7654321<": f">{NUMBER}<",
        ">SMITH<": f">{FAMILY}^{MIDDLE}<",
        ">JANE<": f">{GIVEN}<",
        ">BROWN, M.D.<": f">{PHYSICIAN}, M.D.<",
        "<LocationName>": f"<OverreaderID>{VISIT}</OverreaderID><EditorLastName>{OPERATOR}</EditorLastName><LocationName>",
        "<Diagnosis>": f"<Diagnosis>{said}",
        "MAC55": DEVICE,
    }
    changes |= {"<LeadSampleSize>2": "<LeadSampleSize>3"} if damaged else {}
    leads = (f"V6 {GIVEN}", *muse_files.LEADS[1:])
    return muse_files.write_muse(folder, change=lambda text: _replaced(text, changes), leads=leads)


def _philips(folder: Path, *, damaged: bool) -> Path:
    said = "".join(f"<statement><leftstatement>{line}</leftstatement></statement>" for line in STATEMENTS)
    changes = {
        ">7654321<": f">{NUMBER}<",
        ">SMITH<": f">{FAMILY}<",
        "<firstname>JANE</firstname>": f"<firstname>{GIVEN}</firstname><middlename>{MIDDLE}</middlename>",
        '<editor id="77">EDITH GREEN<': f'<editor id="{VISIT}"><',
        "EDITH GREEN": PHYSICIAN,
        "BROWN": OPERATOR,
        "PageWriter TC": DEVICE,
        "ECG OK": f"Poor, says {OPERATOR}",
        'leadlabels="I ': f'leadlabels="{GIVEN} ',
        "<severity": f"{said}<severity",
    }
    coding = "XLI" if damaged else "Plain"  # leads under other names cannot be rebuilt from residuals
    return philips_files.write_philips(folder, coding=coding, change=lambda text: _replaced(text, changes))


def _aecg(folder: Path, *, damaged: bool) -> Path:
    said = "".join(
        aecg_files.annotation("MDC_ECG_INTERPRETATION_STATEMENT", f'<value xsi:type="ST">{line}</value>') for line in STATEMENTS
    )
    rows = [*map(list, aecg_files.counts(11)), ["x"] if damaged else [1] * 600]
    sets = aecg_files.sequence_set(rows, [*LEADS[:11], f"resp {GIVEN}"])
    changes = {
        '<id root="2.16.840.1.113883.3.400" extension="7654321"/>': f'<id root="2.16" extension="{NUMBER}"/>',
        "SMITH JANE": f"<family>{FAMILY}</family><given>{GIVEN}</given><given>{MIDDLE}</given>",
        "19530508": "19510204",
        "NURSE": PHYSICIAN,
        "TECHNICIAN": OPERATOR,
        "Model  9": DEVICE,
    }
    text = _replaced(aecg_files.document(aecg_files.series(sets, annotations=said)), changes)
    return aecg_files.write_aecg(folder / "ecg.xml", text)


def _dicom(folder: Path, *, damaged: bool) -> Path:
    group = dicom_ecg_files.group(dicom_ecg_files.counts(), original=not damaged)
    group.MultiplexGroupLabel = f"of {GIVEN}"
    group.ChannelDefinitionSequence[11].ChannelSourceSequence = [dicom_ecg_files.code("x", f"resp {GIVEN}", "99X")]
    ecg = dicom_ecg_files.dataset(group, annotations=[dicom_ecg_files.annotation(text=line) for line in STATEMENTS])
    ecg.PatientName, ecg.PatientID, ecg.PatientBirthDate = f"{FAMILY}^{GIVEN}^{MIDDLE}", NUMBER, "19510204"
    ecg.ReferringPhysicianName, ecg.OperatorsName, ecg.AccessionNumber = PHYSICIAN, OPERATOR, VISIT
    ecg.ManufacturerModelName, ecg.PatientComments = DEVICE, " ".join(PLANTED)
    return dicom_ecg_files.write_dicom(folder / "ecg.dcm", ecg)


def _scp(folder: Path, *, damaged: bool) -> Path:
    texts = {0: FAMILY, 1: f"{GIVEN} {MIDDLE}", 2: NUMBER, 20: PHYSICIAN, 22: OPERATOR, 30: f"calm, {SIGNER}", 31: VISIT}
    section_1 = b"".join(scp_files.tag(number, text.encode() + b"\0") for number, text in texts.items())
    section_1 += scp_files.tag(5, struct.pack("<HBB", 1951, 2, 4))
    section_1 += scp_files.tag(14, bytes(8) + NUMBER[:6].encode() + bytes(22) + b"v\0s\0p\0" + DEVICE.encode() + b"\0")
    said = b"".join(struct.pack("<BH", 1, len(line) + 1) + line.encode() + b"\0" for line in STATEMENTS)
    section_8 = struct.pack("<BHBBBBBB", 1, 2015, 3, 2, 10, 0, 0, len(STATEMENTS)) + said
    more = {1: section_1[:-5] if damaged else section_1, 8: section_8}
    return scp_files.assemble(folder / "ecg.scp", scp_files.plain(scp_files.counts()) | more)


def _edf(folder: Path, *, damaged: bool, reserved: str = "EDF+C") -> Path:
    others = [edf_files.Channel(f"x {planted}", np.arange(5)) for planted in PLANTED]
    return edf_files.write_edf(
        folder / "ecg.edf",
        others if damaged else [*edf_files.ecg_channels(), *others],
        patient=f"{NUMBER} F 04-FEB-1951 {FAMILY}_{GIVEN}_{MIDDLE} {PHYSICIAN}",
        recording=f"Startdate 03-FEB-2015 {VISIT} {OPERATOR} {DEVICE.replace(' ', '_')}",
        reserved=reserved,
    )


def _plain_edf(folder: Path, *, damaged: bool) -> Path:
    return _edf(folder, damaged=damaged, reserved="")


def _wfdb(folder: Path, *, damaged: bool) -> Path:
    comments = (
        f"# Name: {FAMILY}, {GIVEN} {MIDDLE}\n# MRN {NUMBER}\n# DOB: {BORN[0]}\n#Dx: 1\n# {PHYSICIAN}, physician\n"
        f"# operator {OPERATOR}\n# calm, {SIGNER}\n"
    )
    others = tuple(f"resp {planted}" for planted in PLANTED)
    return wfdb_files.write_record(folder, leads=others if damaged else (*LEADS, *others), comments=comments)


def _csv(folder: Path, *, damaged: bool) -> Path:
    values, leads = table_files.samples_mv(), [f"{lead}_mV" for lead in LEADS[:11]]
    lead = f"V6 ({'x' * 30} {VISIT})" if damaged else f"{'x' * 34} {VISIT}"
    return table_files.write_text(folder / "ecg.csv", values, [*leads, lead])


def _parquet(folder: Path, *, damaged: bool) -> Path:
    columns = table_files.lead_columns(table_files.samples_mv())
    name = f"V1 ({'x' * 30} {VISIT})" if damaged else f"{'x' * 34} {VISIT}"
    return table_files.write_parquet(folder / "ecg.parquet", columns | {name: np.arange(1000)})


SAYING = (_cardiosoft, _muse, _philips, _aecg, _dicom, _scp)
SILENT = (_edf, _plain_edf, _wfdb, _csv, _parquet)


def _read(path: Path) -> Recording:
    return read_input(EcgInput(path), Declaration(rate_hz=500.0))


@pytest.mark.parametrize("write", SAYING + SILENT)
def test_nothing_of_a_person_reaches_the_recording(tmp_path, write):
    recording = _read(write(tmp_path, damaged=False))
    assert _shown(repr(recording)) == []


@pytest.mark.parametrize("write", SAYING)
def test_what_names_nobody_is_kept_and_what_was_left_out_is_counted(tmp_path, write):
    recording = _read(write(tmp_path, damaged=False))
    assert HARMLESS in recording.statements
    assert recording.device is None
    assert any(re.match(r"left out \d+ of \d+ statements", note) for note in recording.notes)


@pytest.mark.parametrize("write", SAYING + SILENT)
def test_nothing_of_a_person_reaches_the_message_on_a_damaged_file(tmp_path, write):
    with pytest.raises(BadRecording) as refusal:
        _read(write(tmp_path, damaged=True))
    assert _shown(str(refusal.value)) == []


@pytest.mark.parametrize("write", [_cardiosoft, _muse, _philips, _aecg, _edf, _plain_edf, _wfdb, _dicom])
def test_the_message_quotes_the_place_where_a_person_was(tmp_path, write):
    with pytest.raises(BadRecording, match="a withheld name"):
        _read(write(tmp_path, damaged=True))
