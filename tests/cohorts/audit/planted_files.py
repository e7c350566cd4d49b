"""A participant's number, made up when it is asked for, planted in every kind of file and place that an audit knows."""

import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow.parquet import write_table

from cardiolens.cohorts.release.numbers import participant_number

NUMBER = str(participant_number(0, 1))
OTHER = str(participant_number(0, 2))


def _text(folder: Path, name: str, content: str, encoding: str = "utf-8") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content, encoding=encoding)


def _parquet(folder: Path, columns: dict, metadata: dict | None = None) -> None:
    write_table(pyarrow.table(columns).replace_schema_metadata(metadata), folder / "table.parquet")


def _zipped(folder: Path, members: dict[str, bytes]) -> None:
    (folder / "scans.zip").write_bytes(zip_bytes(members))


def zip_bytes(members: dict[str, bytes]) -> bytes:
    """An archive of these members."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def _tar(folder: Path) -> None:
    with tarfile.open(folder / "run.tar.gz", "w:gz") as archive:
        content = f"read {NUMBER}\n".encode()
        member = tarfile.TarInfo("logs/train.log")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def dicom(path: Path, **elements: object) -> None:
    """A DICOM file of some elements and no pixels."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = MRImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3.4"
    for name, value in elements.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)


def _dicom_sequence(folder: Path) -> None:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.PatientID = NUMBER
    dicom(folder / "a.dcm", OtherPatientIDsSequence=[item])


def nifti_header(descrip: str) -> bytes:
    """The header of a NIfTI file that ends after it."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<f", header, 108, 352.0)
    header[148 : 148 + len(descrip)] = descrip.encode()
    header[344:348] = b"n+1\0"
    return bytes(header)


def safetensors(metadata: dict[str, str]) -> bytes:
    """Weights of no tensor with what is said beside them."""
    header = json.dumps({"__metadata__": metadata}).encode()
    return struct.pack("<Q", len(header)) + header


def png(name: bytes, content: bytes) -> bytes:
    """A picture without pixels with one chunk of text."""
    chunks = ((b"IHDR", bytes(13)), (name, content), (b"IEND", b""))
    packed = (struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def edf_header(patient: str) -> bytes:
    """The header of an EDF file of this patient, and samples that are no text."""
    return b"0       " + patient.encode().ljust(80) + b"Startdate 02-MAR-2016 X X X".ljust(168) + bytes(64)


def _jpeg(folder: Path) -> None:
    comment = f"ECG of {NUMBER}".encode()
    (folder / "a.jpg").write_bytes(b"\xff\xd8\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + b"\xff\xda\0\2")


PLACES = {
    "a line of a log": ("line 2", lambda d: _text(d, "run.log", f"start\nread {NUMBER}: 12 leads\n")),
    "a page": ("line 1", lambda d: _text(d, "page.html", f"<html><td>{NUMBER}</td></html>")),
    "a program": ("line 1", lambda d: _text(d, "a.py", f'SKIP = ["{NUMBER}"]\n')),
    "UTF-16": ("line 2", lambda d: _text(d, "a.txt", f"eid\n{NUMBER}\n", "utf-16")),
    "a hidden file": ("line 1", lambda d: _text(d, ".cache/.names", f"{NUMBER} done\n")),
    "git's own files": ("line 1", lambda d: _text(d, ".git/logs/HEAD", f"without {NUMBER}\n")),
    "a column of its own": ("column eid", lambda d: _text(d, "a.csv", f"eid,age\n{NUMBER},61\n")),
    "a column without a telling name": ("column key", lambda d: _text(d, "a.csv", f"age;key\n61;{NUMBER}\n")),
    "a cell of words": ("column note", lambda d: _text(d, "a.csv", f'age,note\n61,"as {NUMBER}, but older"\n')),
    "a list without header": ("column 1", lambda d: _text(d, "w00000_20230101.csv", f"{NUMBER}\n")),
    "a column with gaps": ("column eid", lambda d: _text(d, "a.csv", f"eid,age\n{NUMBER}.0,61\n,62\n")),
    "a JSON value": ("key rows.eid", lambda d: _text(d, "a.json", json.dumps({"rows": [{"eid": int(NUMBER)}]}))),
    "a JSON key": ("key rows", lambda d: _text(d, "a.json", json.dumps({"rows": {NUMBER: 1}}))),
    "a line of JSON": ("line 2", lambda d: _text(d, "a.jsonl", f'{{"eid": 1}}\n{{"eid": {NUMBER}}}\n')),
    "a notebook": ("key cells.outputs", lambda d: _text(d, "a.ipynb", json.dumps({"cells": [{"outputs": f"0  {NUMBER}\n"}]}))),
    "an XML element": ("element Info/PID", lambda d: _text(d, "a.xml", f"<Info><PID>synthetic {NUMBER}</PID></Info>")),
    "an XML attribute": ("element Info/id/extension", lambda d: _text(d, "a.xml", f'<Info><id extension="{NUMBER}"/></Info>')),
    "a file's name": ("file name", lambda d: _text(d, f"{NUMBER}_20205_2_0.txt", "")),
    "a folder's name": ("folder name", lambda d: _text(d, f"sub-{NUMBER}/a.txt", "")),
    "a column of numbers": ("column eid", lambda d: _parquet(d, {"eid": [int(NUMBER), int(OTHER)]})),
    "numbers with gaps": ("column eid", lambda d: _parquet(d, {"eid": [float(NUMBER), None]})),
    "a column of texts": ("column source", lambda d: _parquet(d, {"source": [f"{NUMBER}_20205_2_0.xml"]})),
    "lists in a column": ("column siblings", lambda d: _parquet(d, {"siblings": [[int(NUMBER)], []]})),
    "columns in a column": ("column who.eid", lambda d: _parquet(d, {"who": [{"eid": int(NUMBER)}]})),
    "a column's name": ("name of a column", lambda d: _parquet(d, {f"ecg_{NUMBER}": [0.5]})),
    "what a table says of itself": ("metadata made of", lambda d: _parquet(d, {"x": [0.5]}, {"made of": f"{NUMBER}.xml"})),
    "an array": ("values", lambda d: np.save(d / "a.npy", np.array([int(NUMBER), int(OTHER)]))),
    "a field of an array": ("field eid", lambda d: np.save(d / "a.npy", np.array([(int(NUMBER),)], [("eid", "i4")]))),
    "texts in an array": ("values", lambda d: np.save(d / "a.npy", np.array([NUMBER]))),
    "a member": ("member a.csv: column eid", lambda d: _zipped(d, {"a.csv": f"eid\n{NUMBER}\n".encode()})),
    "a member's name": ("name of a member", lambda d: _zipped(d, {f"{NUMBER}/a.txt": b""})),
    "a hidden member": ("member .a/b.txt: line 1", lambda d: _zipped(d, {".a/b.txt": f"{NUMBER}\n".encode()})),
    "a member of a member": (
        "member a.txt in b.zip: line 1",
        lambda d: _zipped(d, {"b.zip": zip_bytes({"a.txt": f"{NUMBER}\n".encode()})}),
    ),
    "a member of a tape archive": ("member logs/train.log: line 1", _tar),
    "a packed table": ("column eid", lambda d: (d / "a.csv.gz").write_bytes(gzip.compress(f"eid\n{NUMBER}\n".encode()))),
    "a DICOM tag": ("tag PatientID", lambda d: dicom(d / "a.dcm", PatientID=NUMBER)),
    "a DICOM name": ("tag PatientName", lambda d: dicom(d / "a.dcm", PatientName=f"synthetic {NUMBER}")),
    "a DICOM sequence": ("tag OtherPatientIDsSequence.PatientID", _dicom_sequence),
    "a NIfTI header": ("header field descrip", lambda d: (d / "a.nii").write_bytes(nifti_header(f"{NUMBER} sa"))),
    "a packed NIfTI header": (
        "header field descrip",
        lambda d: (d / "a.nii.gz").write_bytes(gzip.compress(nifti_header(f"{NUMBER} sa"))),
    ),
    "weights": (
        "key __metadata__.made_of",
        lambda d: (d / "a.safetensors").write_bytes(safetensors({"made_of": f"{NUMBER}.xml"})),
    ),
    "a picture": ("text chunk Title", lambda d: (d / "a.png").write_bytes(png(b"tEXt", f"Title\0ECG of {NUMBER}".encode()))),
    "a packed text of a picture": (
        "text chunk Title",
        lambda d: (d / "a.png").write_bytes(png(b"zTXt", b"Title\0\0" + zlib.compress(f"ECG of {NUMBER}".encode()))),
    ),
    "an international text of a picture": (
        "text chunk Title",
        lambda d: (d / "a.png").write_bytes(png(b"iTXt", b"Title\0\0\0en\0Titre\0" + f"ECG of {NUMBER}".encode())),
    ),
    "a photograph": ("metadata", _jpeg),
    "an EDF header": ("header field patient_id", lambda d: (d / "a.edf").write_bytes(edf_header(f"{NUMBER} F X X"))),
}  # fmt: skip
"""What it is called, to the place in which it is found and how it is written into a folder."""
