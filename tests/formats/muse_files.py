"""Small GE MUSE XML files for the tests."""

import base64
import zlib
from pathlib import Path

import numpy as np

LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
MICROVOLTS = 4.88


def counts(num_samples: int = 500, num_leads: int = 8) -> np.ndarray:
    """(lead, time) whole numbers, a different wave in every lead."""
    time = np.arange(num_samples) / 500
    waves = [np.round(250 * np.sin(2 * np.pi * (1 + 0.1 * k) * time + k)) + 10 * k for k in range(num_leads)]
    return np.array(waves).astype(int)


def waveform(kind: str, signal: np.ndarray, leads: tuple[str, ...] = LEADS) -> str:
    """One Waveform element of the type `kind`, at 500 Hz."""
    data = "".join(_lead(name, row) for name, row in zip(leads, signal, strict=True))
    return f"""<Waveform><WaveformType>{kind}</WaveformType><NumberofLeads>{len(leads)}</NumberofLeads>
  <SampleType>CONTINUOUS_SAMPLES</SampleType><SampleBase>500</SampleBase><SampleExponent>0</SampleExponent>
{data} </Waveform>
"""


def document(signal: np.ndarray, leads: tuple[str, ...] = LEADS) -> str:
    """The document as text; the persons in it are made up."""
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE RestingECG SYSTEM "restecg.dtd">
<RestingECG>
 <PatientDemographics>
  <PatientID>7654321</PatientID><PatientAge>61</PatientAge><AgeUnits>YEARS</AgeUnits><DateofBirth>02-04-1951</DateofBirth>
  <Gender>FEMALE</Gender><PatientLastName>SMITH</PatientLastName><PatientFirstName>JANE</PatientFirstName>
 </PatientDemographics>
 <TestDemographics>
  <AcquisitionDevice>MAC55</AcquisitionDevice><AcquisitionSoftwareVersion>009A</AcquisitionSoftwareVersion>
  <AnalysisSoftwareVersion>22</AnalysisSoftwareVersion>
  <AcquisitionTime>09:05:01</AcquisitionTime><AcquisitionDate>02-03-2015</AcquisitionDate>
  <OverreaderLastName>BROWN, M.D.</OverreaderLastName><LocationName>ST ELSEWHERE</LocationName>
 </TestDemographics>
 <RestingECGMeasurements>
  <VentricularRate>75</VentricularRate><PRInterval>160</PRInterval><QRSDuration>0</QRSDuration>
  <QTInterval></QTInterval><QTCorrected>422</QTCorrected>
 </RestingECGMeasurements>
 <Diagnosis><Modality>RESTING</Modality>
  <DiagnosisStatement><StmtFlag>ENDSLINE</StmtFlag><StmtText>Sinus  rhythm</StmtText></DiagnosisStatement>
  <DiagnosisStatement><StmtText>Old</StmtText></DiagnosisStatement>
  <DiagnosisStatement><StmtFlag>DELETED</StmtFlag><StmtText>anterior</StmtText></DiagnosisStatement>
  <DiagnosisStatement><StmtFlag>USERINSERT</StmtFlag><StmtFlag>ENDSLINE</StmtFlag><StmtText>infarct</StmtText></DiagnosisStatement>
  <DiagnosisStatement><StmtFlag>ENDSLINE</StmtFlag><StmtText></StmtText></DiagnosisStatement>
  <DiagnosisStatement><StmtText>Abnormal ECG</StmtText></DiagnosisStatement>
 </Diagnosis>
 <OriginalDiagnosis>
  <DiagnosisStatement><StmtFlag>ENDSLINE</StmtFlag><StmtText>Normal ECG</StmtText></DiagnosisStatement>
 </OriginalDiagnosis>
 {waveform("Median", np.full((len(leads), 20), 7), leads)} {waveform("Rhythm", signal, leads)}
 <PharmaData><PharmaRRinterval>804</PharmaRRinterval></PharmaData>
</RestingECG>
"""


def write_muse(folder: Path, signal: np.ndarray | None = None, *, change=str, leads: tuple[str, ...] = LEADS) -> Path:
    """The file; `change` edits the document's text."""
    path = folder / "ecg.xml"
    path.write_text(change(document(counts() if signal is None else signal, leads)), encoding="latin-1")
    return path


def _lead(name: str, row: np.ndarray) -> str:
    content = row.astype("<i2").tobytes()
    return f"""  <LeadData>
   <LeadByteCountTotal>{len(content)}</LeadByteCountTotal><LeadTimeOffset>0</LeadTimeOffset>
   <LeadSampleCountTotal>{len(row)}</LeadSampleCountTotal>
   <LeadAmplitudeUnitsPerBit>{MICROVOLTS}</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits>
   <LeadHighLimit>32767</LeadHighLimit><LeadLowLimit>-32768</LeadLowLimit><LeadID>{name}</LeadID>
   <LeadOffsetFirstSample>0</LeadOffsetFirstSample><FirstSampleBaseline>0</FirstSampleBaseline>
   <LeadSampleSize>2</LeadSampleSize><LeadOff>FALSE</LeadOff><LeadDataCRC32>{zlib.crc32(content)}</LeadDataCRC32>
   <WaveFormData>
{base64.encodebytes(content).decode()}</WaveFormData>
  </LeadData>
"""
