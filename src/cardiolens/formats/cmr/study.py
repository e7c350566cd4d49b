"""What one MRI examination is among files and folders, and reading it.

An examination is a zip archive, a NIfTI file, or all folders below one that hold DICOM files with the same study identifier.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cardiolens.errors import BadImage
from cardiolens.formats.cmr.dicom_cine import read_dicom_cine, read_dicom_pictures
from cardiolens.formats.cmr.dicom_files import folders_below, of_one_examination
from cardiolens.formats.cmr.dicom_headers import study_of
from cardiolens.formats.cmr.heart_rate import CmrStudy
from cardiolens.formats.cmr.nifti_cine import read_nifti_cine
from cardiolens.formats.cmr.nifti_file import SUFFIXES
from cardiolens.formats.cmr.nifti_grid import Spacing
from cardiolens.formats.dicom.elements import is_dicom
from cardiolens.formats.zip_archive import is_zip
from cardiolens.privacy import hide_participants

__all__ = ["CmrInput", "CmrStudy", "list_studies", "read_study"]

_TRIED_PER_FOLDER = 20
_HEAD_BYTES = 132
_LONGEST_SHOWN = 255
# Masks lie beside their pictures under the same ending; by themselves they are nothing to read.
_MASK = re.compile(r"(^|[_.-])(gt|seg|mask|masks|label|labels)[_.-]", re.IGNORECASE)


@dataclass(frozen=True)
class CmrInput:
    """The files of one examination: a zip archive, a NIfTI file, or folders of DICOM files."""

    paths: tuple[Path, ...]
    name: str
    """Its place below the folder that was listed; may hold a participant's number."""

    @property
    def source(self) -> str:
        """Safe to show: without participants' numbers and control characters."""
        shown = hide_participants(self.name[:_LONGEST_SHOWN])
        return "".join(character if character.isprintable() else "?" for character in shown)


def list_studies(paths: Iterable[Path]) -> Iterator[CmrInput]:
    """Every examination that `paths` name or hold.

    Of a folder first the zip archives and NIfTI files in the order of names, masks by their names left out; then those of
    DICOM folders, for which one header per folder is read. A path without any is listed, so that reading it says why.
    Hidden files and links are left out.
    """
    for path in paths:
        found = _below(path) if path.is_dir() else iter(())
        first = next(found, CmrInput((path,), path.name or str(path)))
        yield from itertools.chain([first], found)


def read_study(cmr_input: CmrInput, *, declared_spacing_mm: Spacing | None = None) -> CmrStudy:
    """The short-axis cine of one examination, named after it.

    `declared_spacing_mm` (slice, row, column) speaks for a NIfTI file that has lost its own.

    Raises:
        BadImage: there is no short-axis cine in it, or it cannot be read.
        NoSpace: the temporary folder is full.
    """
    path = cmr_input.paths[0]
    try:
        if path.is_dir():
            folders = (next(iter(folders_below(folder)), (folder, [])) for folder in cmr_input.paths)
            files = of_one_examination(cmr_input.source, (file for _, files in folders for file in files))
            study = read_dicom_pictures(files, cmr_input.source)
        elif _is_dicom_or_zip(path):
            study = read_dicom_cine(path)
        else:
            study = read_nifti_cine(path, declared_spacing_mm=declared_spacing_mm)
    except OSError as error:
        reason = f"a file that cannot be read ({error.strerror or type(error).__name__})"
        remedy = "check the path, and that you may read it"
        raise BadImage(cmr_input.source, found=reason, expected="an examination", remedy=remedy) from error
    except BadImage as error:
        raise BadImage(cmr_input.source, found=error.found, expected=error.expected, remedy=error.remedy) from error
    placed = study.placed
    return replace(study, placed=replace(placed, cine=replace(placed.cine, source=cmr_input.source)))


def _below(root: Path) -> Iterator[CmrInput]:
    folders_of: dict[str, list[Path]] = {}
    for folder, files in folders_below(root):
        pictures = []
        for file in files:
            if file.name.lower().endswith(SUFFIXES):
                if not _MASK.search(file.name):
                    yield CmrInput((file,), file.relative_to(root).as_posix())
            elif file.suffix.lower() == ".zip":
                yield CmrInput((file,), file.relative_to(root).as_posix())
            else:
                pictures.append(file)
        study = _study(pictures)
        if study is not None:
            folders_of.setdefault(study, []).append(folder)
    named: set[str] = set()
    for folders in folders_of.values():
        shared = Path(os.path.commonpath(folders))
        # Where examinations lie mixed in one folder, the first of an examination's own folders tells it from the others.
        for place in (shared, folders[0]):
            name = place.relative_to(root).as_posix() if place != root else root.name or str(root)
            if name not in named:
                break
        named.add(name)
        yield CmrInput(tuple(folders), name)


def _study(files: Iterable[Path]) -> str | None:
    """The identifier in the first DICOM picture among the first files of a folder."""
    for file in itertools.islice(files, _TRIED_PER_FOLDER):
        try:
            study = study_of(file)
        except OSError:  # reading the examination says why
            continue
        if study is not None:
            return study
    return None


def _is_dicom_or_zip(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return is_dicom(head) or is_zip(path)
