"""Small Philips ECG XML files for the tests, of versions 1.03 and 1.04, with a packer for XLI written from its description."""

import base64
import struct
from pathlib import Path

import numpy as np

from cardiolens.types import LEADS

RATE_HZ = 500
MICROVOLTS = 5.0
_END = 1023


def counts(num_samples: int = 500) -> np.ndarray:
    """(lead, time) whole numbers: limb leads that break Einthoven's law by up to two counts."""
    time = np.arange(num_samples) / RATE_HZ
    waves = [np.round(150 * np.sin(2 * np.pi * (1 + 0.2 * k) * time + k)) - 7 for k in range(12)]
    rows = np.array(waves).astype(int)
    i, ii = rows[:2]
    rows[2:6] = ii - i, -(i + ii) // 2, i - ii // 2, ii - i // 2
    rows[2:6] += np.random.default_rng(0).integers(-2, 3, (4, num_samples))
    return rows


def with_mark(signal: np.ndarray, num_zeros: int = 40, height: int = 200) -> np.ndarray:
    """The counts with what devices append to all leads: zeros, a pulse of 1 mV, zeros."""
    tail = np.concatenate([np.zeros(num_zeros, int), np.full(50, height), np.zeros(25, int)])
    return np.concatenate([signal, np.tile(tail, (len(signal), 1))], axis=1)


def stored_limb_leads(limb: np.ndarray) -> np.ndarray:
    """I and II, and how far the others are from what follows from them, halves cut off towards zero."""
    i, ii, iii, avr, avl, avf = limb
    half = [np.trunc(total / 2).astype(int) for total in (i + ii, i - iii, ii + iii)]
    return np.stack([i, ii, ii - i - iii, -avr - half[0], half[1] - avl, half[2] - avf])


def packed(channel: np.ndarray) -> bytes:
    """One channel with its header."""
    bends = 2 * channel[1:-1] - channel[:-2] - channel[2:]
    words = np.concatenate([channel[:2], bends[1:] + 64, [64]]).astype(np.int64).astype(np.uint16)
    codes = lzw_codes((words >> 8).astype(np.uint8).tobytes() + (words & 255).astype(np.uint8).tobytes())
    bits = "".join(f"{code:010b}" for code in codes)
    bits += "0" * (-len(bits) % 8)
    content = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return struct.pack("<ih", len(content), 1) + np.int64(bends[0]).astype("<i2").tobytes() + content


def lzw_codes(content: bytes) -> list[int]:
    """Codes of at most 1022, and 1023 at the end."""
    table = {bytes([value]): value for value in range(256)}
    codes, known = [], b""
    for value in content:
        longer = known + bytes([value])
        if longer in table:
            known = longer
            continue
        codes.append(table[known])
        if len(table) < _END:
            table[longer] = len(table)
        known = bytes([value])
    return [*codes, table[known], _END]


def xli(signal: np.ndarray, num_empty: int = 4) -> bytes:
    """All channels, with empty ones behind them as devices write."""
    channels = [*stored_limb_leads(signal[:6]), *signal[6:], *np.zeros((num_empty, signal.shape[1]), int)]
    return b"".join(packed(channel) for channel in channels)


def waveform_text(signal: np.ndarray, coding: str) -> str:
    """The text of parsedwaveforms: XLI, Base64 or Plain."""
    if coding == "Plain":
        return "\n".join(" ".join(map(str, row)) for row in signal)
    content = xli(signal) if coding == "XLI" else signal.astype("<i2").tobytes()
    return base64.encodebytes(content).decode()


def document(signal: np.ndarray, *, version: str = "1.04.01", coding: str = "XLI") -> str:
    """The document as text; the persons in it are made up."""
    make = _document_1_03 if version == "1.03" else _document_1_04
    return make(waveform_text(signal, coding), coding, round(signal.shape[1] * 1000 / RATE_HZ))


def write_philips(folder: Path, signal: np.ndarray | None = None, *, encoding: str = "utf-8", change=str, **form) -> Path:
    """The file; `change` edits the document's text."""
    path = folder / "ecg.xml"
    path.write_bytes(change(document(counts() if signal is None else signal, **form)).encode(encoding))
    return path


_BEGIN = """<?xml version="1.0"?>
<restingecgdata xmlns="http://www3.medical.philips.com" status="New" lang="en">
 <documentinfo><documentversion>{version}</documentversion><editor id="77">EDITH GREEN</editor></documentinfo>
 <dataacquisition date="2015-02-03" time="09:05:01" statflag="False">
  <machine machineid="US7654321" detaildescription="Philips Medical Products:860315:A.07">PageWriter TC</machine>
  <acquirer><operatorid>BROWN</operatorid><institutionname>ST ELSEWHERE</institutionname></acquirer>
  <signalcharacteristics>
   <samplingrate>500</samplingrate>{characteristics}
   <bitspersample>16</bitspersample><signaloffset>0</signaloffset><signalsigned>True</signalsigned>
   <numberchannelsallocated>12</numberchannelsallocated><numberchannelsvalid>12</numberchannelsvalid>
  </signalcharacteristics>
 </dataacquisition>
 <patient><generalpatientdata>
  <patientid>7654321</patientid><name><lastname>SMITH</lastname><firstname>JANE</firstname></name>
  <age defaultage="50">{age}</age><pacestatus>Unknown</pacestatus><sex>Female</sex>
 </generalpatientdata></patient>
"""
_INTERPRETATION = """ <interpretations><interpretation date="2015-02-03" time="09:05:01" criteriaversion="0B">
  {measured}
  <mdsignatureline>Confirmed by EDITH GREEN</mdsignatureline><severity code="ON">- OTHERWISE NORMAL ECG -</severity>
  <statement><statementcode>SR</statementcode>
   <leftstatement>Sinus  rhythm</leftstatement><rightstatement>V-rate 50-99</rightstatement></statement>
  <statement><statementcode/><leftstatement>Borderline</leftstatement><rightstatement/></statement>
 </interpretation></interpretations>
"""


def _document_1_03(waveform: str, coding: str, milliseconds: int) -> str:
    begin = _BEGIN.format(
        version="1.03",
        characteristics="<signalresolution>5</signalresolution><acquisitiontype>STD-12</acquisitiontype>",
        age="<years>61</years>",
    )
    measured = """<interpretationmeasurements><meanprint>151</meanprint><meanqrsdur>96</meanqrsdur>
   <meanqtint>Failed</meanqtint><meanqtc></meanqtc></interpretationmeasurements>"""
    is_packed, encoding = coding == "XLI", "Plain" if coding == "Plain" else "Base64"
    method = "XLI" if is_packed else "Uncompressed"
    return f"""{begin} <measurements><globalmeasurements><meanprint>7</meanprint><meanqtc>402</meanqtc></globalmeasurements>
  <leadmeasurements><leadmeasurement leadname="V2"><leadqualitystates><inops></inops></leadqualitystates></leadmeasurement>
  </leadmeasurements></measurements>
{_INTERPRETATION.format(measured=measured)} <waveforms>
  <parsedwaveforms compressflag="{is_packed}" compressmethod="{method}" dataencoding="{encoding}"
   durationperchannel="{milliseconds}" nbitspersample="16">{waveform}</parsedwaveforms>
 </waveforms>
</restingecgdata>
"""


def _document_1_04(waveform: str, coding: str, milliseconds: int) -> str:
    begin = _BEGIN.format(
        version="1.04.01",
        characteristics="<resolution>1</resolution><acquisitiontype>10-WIRE</acquisitiontype>",
        age="<dateofbirth>1951-02-04</dateofbirth>",
    )
    measured = """<globalmeasurements><rrint>938</rrint><pdur>104</pdur><print>164</print><qrsdur>0</qrsdur>
   <qtint>399</qtint><qtcb>412</qtcb></globalmeasurements>"""
    encoding = "Plain" if coding == "Plain" else "Base64"
    compression = ' compression="XLI"' if coding == "XLI" else ""
    beat = base64.b64encode(np.full(600, 7, "<i2").tobytes()).decode()
    return f"""{begin} <internalmeasurements><crossleadmeasurements><qaactioncode>ECG OK</qaactioncode>
  <meanqrsdur>102</meanqrsdur><meanprint>7</meanprint></crossleadmeasurements></internalmeasurements>
{_INTERPRETATION.format(measured=measured)} <waveforms>
  <parsedwaveforms dataencoding="{encoding}"{compression} numberofleads="12" leadlabels="{" ".join(LEADS)}"
   durationperchannel="{milliseconds}" samplespersecond="500" resolution="5" signaloffset="0" signalsigned="True"
   bitspersample="16" hipass="0.05" lowpass="150" notchfiltered="False">{waveform}</parsedwaveforms>
  <repbeats dataencoding="Base64" samplespersec="1000" resolution="1.0"><repbeat leadname="I">
   <waveform duration="1200">{beat}</waveform></repbeat></repbeats>
 </waveforms>
</restingecgdata>
"""
