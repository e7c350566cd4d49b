"""One synthetic ECG written to every format reads back to within one step of that format, and asks every model the same."""

import zipfile
from collections.abc import Callable
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

from cardiolens.formats import cardiosoft_xml, readers, wfdb_record
from cardiolens.formats.collection import list_inputs, read_input
from cardiolens.formats.declaration import Declaration
from cardiolens.signals.contract import prepare_recording
from cardiolens.synthetic.generator import make_subject
from cardiolens.types import LEADS, Recording

DECLARED = Declaration(rate_hz=500.0, unit="mV", leads=LEADS)


@pytest.fixture(scope="module")
def ecg() -> Recording:
    return make_subject(seed=5, index=0, with_mri=False).recording


def _counts(ecg: Recording, step_uv: float) -> np.ndarray:
    return np.round(1000 * ecg.signal_mv.astype(np.float64) / step_uv).astype(int)


def _wfdb(folder: Path, ecg: Recording) -> Path:
    wfdb_record.write(folder / "ecg.hea", ecg)
    return folder / "ecg.hea"


def _cardiosoft(folder: Path, ecg: Recording) -> Path:
    cardiosoft_xml.write(folder / "ecg.xml", ecg)
    return folder / "ecg.xml"


def _muse(folder: Path, ecg: Recording) -> Path:
    rows = [LEADS.index(lead) for lead in muse_files.LEADS]
    return muse_files.write_muse(folder, _counts(ecg, muse_files.MICROVOLTS)[rows])


def _aecg(folder: Path, ecg: Recording) -> Path:
    sets = aecg_files.sequence_set(_counts(ecg, 2.5))
    return aecg_files.write_aecg(folder / "ecg.xml", aecg_files.document(aecg_files.series(sets)))


def _dicom(folder: Path, ecg: Recording) -> Path:
    return dicom_ecg_files.write_dicom(folder / "ecg.dcm", dicom_ecg_files.dataset(dicom_ecg_files.group(_counts(ecg, 5))))


def _scp(folder: Path, ecg: Recording) -> Path:
    sections = scp_files.plain(_counts(ecg, 2.5), differences=2, tables=[scp_files.STANDARD])
    return scp_files.assemble(folder / "ecg.scp", sections)


def _edf(folder: Path, ecg: Recording) -> Path:
    channels = [edf_files.Channel(f"ECG {lead}", row) for lead, row in zip(LEADS, _counts(ecg, 0.1), strict=True)]
    return edf_files.write_edf(folder / "ecg.edf", channels, num_records=10)


def _csv(folder: Path, ecg: Recording) -> Path:
    return table_files.write_text(folder / "ecg.csv", np.round(ecg.signal_mv.astype(np.float64), 3))


def _npy(folder: Path, ecg: Recording) -> Path:
    return table_files.write_array(folder / "ecg.npy", ecg.signal_mv.T)


def _parquet(folder: Path, ecg: Recording) -> Path:
    return table_files.write_parquet(folder / "ecg.parquet", table_files.lead_columns(ecg.signal_mv))


def _zipped(folder: Path, ecg: Recording) -> Path:
    header = _wfdb(folder, ecg)
    with zipfile.ZipFile(folder / "ecg.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (header, header.with_suffix(".dat")):
            archive.write(path, f"deep/{path.name}")
    return folder / "ecg.zip"


def _philips(coding: str, version: str) -> Callable[[Path, Recording], Path]:
    def write(folder: Path, ecg: Recording) -> Path:
        return philips_files.write_philips(folder, _counts(ecg, 5), coding=coding, version=version)

    return write


WAYS = {
    "wfdb": (_wfdb, 1.0),
    "cardiosoft": (_cardiosoft, 5.0),
    "muse": (_muse, 2 * muse_files.MICROVOLTS),  # a derived lead carries the rounding of two
    "philips 1.03": (_philips("XLI", "1.03"), 5.0),
    "philips 1.04": (_philips("XLI", "1.04.01"), 5.0),
    "philips plain": (_philips("Plain", "1.04.01"), 5.0),
    "aecg": (_aecg, 2.5),
    "dicom": (_dicom, 5.0),
    "scp": (_scp, 2.5),
    "edf": (_edf, 0.1),
    "csv": (_csv, 1.0),
    "npy": (_npy, 0.001),
    "parquet": (_parquet, 0.001),
    "zip": (_zipped, 1.0),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_reads_back_to_within_one_step(tmp_path, ecg, way):
    write, step_uv = WAYS[way]
    [ecg_input] = list_inputs([write(tmp_path, ecg)])
    prepared = prepare_recording(read_input(ecg_input, DECLARED))
    assert (prepared.leads, prepared.rate_hz, prepared.signal_mv.shape) == (LEADS, 500, ecg.signal_mv.shape)
    assert np.abs(prepared.signal_mv - ecg.signal_mv).max() <= step_uv / 1000 + 1e-6


def test_no_reader_is_left_out(tmp_path, ecg):
    found = set()
    for number, (write, _) in enumerate(WAYS.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        found |= {read_input(ecg_input, DECLARED).format for ecg_input in list_inputs([write(folder, ecg)])}
    assert found == {reader.NAME for reader in readers()}
