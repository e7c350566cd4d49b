"""The files and table cells of one synthetic subject."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cardiolens.cohorts.release.diagnoses import death_cells, diagnoses, diagnosis_cells
from cardiolens.cohorts.release.ecg import StoredEcg, as_stored
from cardiolens.cohorts.release.numbers import Chances, draw_chances, participant_number
from cardiolens.cohorts.release.people import Visit, age_years, ecg_cells, imaging_visits, mri_cells, person_cells
from cardiolens.cohorts.release.scan import MANIFEST_NAMES, ScanExtras, place_scan, short_axis_examination, write_zip
from cardiolens.cohorts.release.table import EID, Value
from cardiolens.errors import BadOption
from cardiolens.formats import cardiosoft_xml, cmr_nifti, wfdb_record
from cardiolens.formats.cardiosoft_document import Patient
from cardiolens.formats.cmr_dicom import Examination
from cardiolens.synthetic.generator import SyntheticSubject, make_cine, make_subject
from cardiolens.synthetic.settings import SyntheticConfig
from cardiolens.types import CineStack

SYNTHETIC = "Synthetic, made by cardiolens: not of a person"
ECG_FOLDER, MRI_FOLDER = "Bulk/Electrocardiogram/Resting", "Bulk/Heart MRI/Short axis"
WFDB_FOLDER, NIFTI_FOLDER = "wfdb", "nifti"
_UID_KEY = b"cardiolens synthetic release"
_SHARES = ("mri_share", "ecg_share", "repeat_share", "withdrawn_share", "missing_share", "odd_scan_share")


class Layout(enum.Enum):
    """Where the files of a release lie."""

    NESTED = "nested"
    """As on the research analysis platform: a folder per field, in it one per first two digits of the number."""
    FLAT = "flat"
    """As a classic download leaves them: all in one folder."""


@dataclass(frozen=True)
class ReleaseConfig:
    """What a release holds. Shares are of people, 0 to 1."""

    mri_share: float = 0.9
    """People whose visit left an MRI."""
    ecg_share: float = 0.98
    """People whose first visit left an ECG."""
    repeat_share: float = 0.1
    """People who came a second time: instance 3."""
    withdrawn_share: float = 0.02
    """People on the list of withdrawals, whose files are still there."""
    missing_share: float = 0.05
    """For each of several covariates and groups of phenotypes: people without it."""
    odd_scan_share: float = 0.1
    """For each of a repeated slice, a stray long-axis series and the scanner's copy with contours: examinations with it."""
    num_phases: int = 50
    """Phases of the cine."""
    most_slices: int = 64
    """Of a stack with more, those in the middle of the heart."""
    wfdb: bool = False
    """Also every ECG as a WFDB record."""
    nifti: bool = False
    """Also every cine, with its masks, as NIfTI."""
    generator: SyntheticConfig = field(default_factory=SyntheticConfig)
    """Settings of the hearts and their recordings."""

    def __post_init__(self) -> None:
        for name in _SHARES:
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 <= value <= 1):
                raise BadOption(name, found=str(value), expected="0 to 1", remedy="choose a share")
        if self.num_phases < 2:
            raise BadOption("num_phases", found=str(self.num_phases), expected="2 or more", remedy="choose a larger number")
        if self.most_slices < 1:
            raise BadOption("most_slices", found=str(self.most_slices), expected="1 or more", remedy="choose a larger number")


@dataclass(frozen=True)
class WrittenSubject:
    """What the tables of a release say of one subject."""

    cells: dict[str, Value]
    """The main table's, by classic column name and with `eid`."""
    truth: dict[str, Any]
    """What the generator knows: diseases, phenotypes, latents, true risks."""
    withdrawn: bool


_DEFAULT = ReleaseConfig()


def write_subject(
    folder: Path, *, seed: int, index: int, with_mri: bool = True, layout: Layout = Layout.NESTED,
    config: ReleaseConfig = _DEFAULT,
) -> WrittenSubject:  # fmt: skip
    """Write all files of subject `index` of cohort `seed` below `folder`: the same bytes whatever else is written.

    Raises:
        BadOption: seed or index is negative or too large.
        NoSpace: the disk is full.
    """
    subject = make_subject(seed=seed, index=index, config=config.generator, with_mri=False)
    number = participant_number(seed, index)
    chances, rng = draw_chances(seed, index)
    shares = {"mri": config.mri_share, "ecg": config.ecg_share, "repeat": config.repeat_share}
    visits = imaging_visits(chances, shares, with_mri=with_mri)
    found = diagnoses(
        subject.diseases,
        sex=str(subject.covariates["sex"]),
        systolic_mmhg=float(subject.covariates["systolic_bp_mmhg"]),
        in_af=bool(subject.latents["in_af_while_recorded"]),
        first_visit=visits[0].taken_at.date(),
        rng=rng,
    )
    cells: dict[str, Value] = {EID: number, **person_cells(subject, visits, chances, missing_share=config.missing_share)}
    cells |= diagnosis_cells(found, placeholder=chances.placeholder_date) | death_cells(found)
    place = _Place(folder, layout, number)
    for visit in visits:
        if visit.has_ecg:
            stored = _ecg(seed, subject, visits, visit, config)
            _write_ecg(place, subject, visit, stored, config)
            cells |= ecg_cells(stored.recording.intervals_ms, visit.instance)
        if visit.has_mri:
            _write_mri(place, seed, subject, visits, visit, chances, config)
            cells |= mri_cells(subject, visit.instance, chances, missing_share=config.missing_share)
    truth = {EID: number, "index": index, **subject.covariates, **subject.diseases, **subject.phenotypes}
    truth |= {f"latent_{name}": value for name, value in subject.latents.items()}
    truth |= {f"true_risk_{name}": value for name, value in subject.true_risk.items()}
    return WrittenSubject(cells, truth, withdrawn=chances.withdrawn < config.withdrawn_share)


@dataclass(frozen=True)
class _Place:
    """Where the files of one person go."""

    folder: Path
    layout: Layout
    number: int

    def bulk(self, field_id: int, instance: int, suffix: str, nested: str) -> Path:
        inside = Path(nested) / str(self.number)[:2] if self.layout is Layout.NESTED else Path()
        return self._made(self.folder / inside) / f"{self.number}_{field_id}_{instance}_0.{suffix}"

    def other(self, kind: str, name: str) -> Path:
        return self._made(self.folder / kind) / f"{self.number}_{name}"

    @staticmethod
    def _made(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _ecg(seed: int, subject: SyntheticSubject, visits: list[Visit], visit: Visit, config: ReleaseConfig) -> StoredEcg:
    recording = subject.recording
    if visit.number:
        recording = make_subject(
            seed=seed, index=subject.index, config=config.generator, with_mri=False, visit=visit.number
        ).recording
    return as_stored(replace(recording, age_years=age_years(subject, visits, visit)), recorded_at=visit.taken_at)


def _write_ecg(place: _Place, subject: SyntheticSubject, visit: Visit, stored: StoredEcg, config: ReleaseConfig) -> None:
    patient = Patient(
        number=_patient_id(place.number),
        height_cm=float(subject.covariates["height_cm"]),
        weight_kg=float(subject.covariates["weight_kg"]),
        comment=SYNTHETIC,
    )
    path = place.bulk(20205, visit.instance, "xml", ECG_FOLDER)
    cardiosoft_xml.write(path, stored.recording, median_mv=stored.median_mv, patient=patient)
    if config.wfdb:
        wfdb_record.write(place.other(WFDB_FOLDER, f"{visit.instance}.hea"), stored.recording)


def _write_mri(
    place: _Place, seed: int, subject: SyntheticSubject, visits: list[Visit], visit: Visit, chances: Chances,
    config: ReleaseConfig,
) -> None:  # fmt: skip
    whole = make_cine(seed=seed, index=subject.index, config=config.generator, num_phases=config.num_phases, visit=visit.number)
    cine = _middle_slices(whole, config.most_slices)
    # A stream per visit, so that one does not move the other.
    _, rng = draw_chances(seed, subject.index)
    rng = rng.spawn(visit.number + 1)[-1]
    geometry = place_scan(cine, rng)
    odd = config.odd_scan_share
    repeated = int(chances.which_slice * cine.frames.shape[1]) if chances.repeated_slice < odd else None
    extras = ScanExtras(repeated, long_axis=chances.long_axis < odd, inline_copy=chances.inline_copy < odd)
    examination = Examination(
        patient_id=_patient_id(place.number),
        taken_at=visit.taken_at,
        uid_key=_UID_KEY,
        sex=str(subject.covariates["sex"]),
        age_years=age_years(subject, visits, visit),
        height_cm=float(subject.covariates["height_cm"]),
        weight_kg=float(subject.covariates["weight_kg"]),
        comment=SYNTHETIC,
    )
    rr_ms = 60_000 / float(subject.covariates["heart_rate_bpm"])
    series = short_axis_examination(cine, geometry, rr_ms=rr_ms, extras=extras, rng=rng)
    spelt = MANIFEST_NAMES[int(chances.manifest_spelt_right < 0.2)]
    write_zip(place.bulk(20209, visit.instance, "zip", MRI_FOLDER), series, examination, manifest_name=spelt)
    if config.nifti:
        name = f"{visit.instance}_sa.nii.gz"
        masks_path = place.other(NIFTI_FOLDER, f"{visit.instance}_label_sa.nii.gz")
        cmr_nifti.write(place.other(NIFTI_FOLDER, name), cine, geometry, masks_path=masks_path)


def _middle_slices(cine: CineStack, most: int) -> CineStack:
    heart = np.flatnonzero((cine.masks[0] > 0).any(axis=(1, 2)))
    first = max(0, int(heart[0] + heart[-1] + 1 - most) // 2)
    kept = slice(first, first + most)
    return replace(cine, frames=cine.frames[:, kept], masks=cine.masks[:, kept])


def _patient_id(number: int) -> str:
    return f"synthetic {number}"
