"""Phenotypes of cine MRI: how right they are on synthetic hearts with true masks and on ACDC's masks, and how long they take.

    python benchmarks/phenotypes.py [--subjects 40] [--strain-subjects 20]

Truth is the synthetic heart's own volumes, mass and in-plane thickness, and for ACDC the table beside its masks. Time is from
DICOM files in a zip to the last number, on 10 slices of 25 phases, by the shipped segmenter, start of Python left out. Needs
../shared/data for ACDC; without it that part is left out. Writes benchmarks/results/.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd
from machine import load, write_result
from sim_to_real_mri import ACDC, has_spacing, read_stack

from cardiolens.bundles.segmenter_files import read_segmenter, shipped_segmenter_path
from cardiolens.formats.cmr.heart_rate import CmrStudy
from cardiolens.formats.cmr.study import CmrInput, read_study
from cardiolens.formats.cmr_dicom import Examination, Series, dicom_files
from cardiolens.imaging.segmented import Segmented
from cardiolens.imaging.stack_geometry import PlacedCine, StackGeometry, centred_geometry
from cardiolens.serving.phenotyping import PhenotypeRules, label_by_segmenter, measure_study
from cardiolens.synthetic.generator import make_cine, make_subject
from cardiolens.types import CineStack

WITHOUT_STRAIN = PhenotypeRules(strain=None)
VENTRICULAR = ("lvedv_ml", "lvesv_ml", "lvm_g", "rvedv_ml", "rvesv_ml")
SLICES, PHASES = 10, 25


def placed(cine: CineStack) -> PlacedCine:
    """A usual place in the patient: columns to the left, rows to the back, slices towards the feet."""
    towards = {"along_row": (1.0, 0.0, 0.0), "along_column": (0.0, 1.0, 0.0), "along_slices": (0.0, 0.0, -1.0)}
    return PlacedCine(cine, centred_geometry(cine, centre_mm=(0.0, 0.0, 0.0), **towards))


def synthetic_study(index: int, num_phases: int) -> tuple[CmrStudy, dict[str, float]]:
    """One synthetic heart of seed 5 with its true masks, and its phenotypes."""
    truth = make_subject(seed=5, index=index, with_mri=False).phenotypes
    cine = make_cine(seed=5, index=index, num_phases=num_phases)
    return CmrStudy(placed(cine), 1000.0, "made"), truth


def values_of(study: CmrStudy, given: Segmented) -> dict[str, float]:
    """Phenotypes by given masks, without strain."""
    phenotypes = measure_study(study, given, "given masks", rules=WITHOUT_STRAIN).phenotypes
    return dict(phenotypes.to_json()["values"])


def errors_on_synthetic(subjects: int) -> dict[str, float]:
    """Median and 95th percentile of what volumes, fractions and thickness are off by."""
    rows = []
    for index in range(subjects):
        study, truth = synthetic_study(index, 25)
        given = Segmented(study.placed.cine.masks, (), {})
        found = values_of(study, given)
        row = {column: 100 * abs(found[column] / truth[column] - 1) for column in VENTRICULAR}
        row |= {column: abs(found[column] - truth[column]) for column in ("lvef_percent", "rvef_percent", "wt_global_mm")}
        rows.append(row)
    table = pd.DataFrame(rows)
    return {
        f"{column}_{name}": round(float(table[column].quantile(share)), 3)
        for column in table
        for name, share in (("median", 0.5), ("p95", 0.95))
    }


def errors_on_acdc() -> dict[str, float]:
    """Largest deviation from the table beside ACDC's masks: percent of volumes and mass, points of the ejection fraction."""
    if not ACDC.is_dir():
        return {}
    table = pd.read_csv(ACDC / "index.csv")
    seen = StackGeometry((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    volume, fraction = [], []
    for _, row in table.iterrows():
        cine = read_stack(ACDC / f"{row.patient}.npz", row)
        study = CmrStudy(PlacedCine(cine, seen), None, "none")
        found = values_of(study, Segmented(cine.masks, (), {}))
        fraction.append(abs(found["lvef_percent"] - row.LVEF))
        if has_spacing(row):
            names = {
                "lvedv_ml": "LVEDV_ml",
                "lvesv_ml": "LVESV_ml",
                "rvedv_ml": "RVEDV_ml",
                "rvesv_ml": "RVESV_ml",
                "lvm_g": "LVM_g",
            }
            volume.append({ours: 100 * abs(found[ours] / row[theirs] - 1) for ours, theirs in names.items()})
    worst = pd.DataFrame(volume).max()
    return {"acdc_lvef_points_max": round(max(fraction), 3)} | {f"acdc_{c}_percent_max": round(v, 3) for c, v in worst.items()}


def write_zip(path: Path) -> None:
    """A synthetic study of 10 slices and 25 phases as DICOM files in a zip."""
    cine = make_cine(seed=5, index=0, num_phases=PHASES)
    cine = replace(cine, frames=cine.frames[:, :SLICES], masks=None)
    geometry = placed(cine).geometry
    series = Series(cine, geometry, "CINE_segmented_SAX", 1, thickness_mm=8.0, rr_ms=1000.0, planned_phases=PHASES)
    examination = Examination("synthetic", datetime(2015, 2, 3, 9, 5), b"benchmark")
    with zipfile.ZipFile(path, "w") as archive:
        for file in dicom_files(series, examination):
            archive.writestr(file.name, file.content)


def timed(path: Path, *, strain: bool) -> dict[str, float]:
    """Seconds and megabytes of one study, in this process."""
    segmenter = read_segmenter(shipped_segmenter_path())
    began = time.perf_counter()
    study = read_study(CmrInput((path,), path.name))
    read = time.perf_counter()
    labelled = label_by_segmenter(study, segmenter)
    segmented = time.perf_counter()
    measure_study(study, *labelled, rules=PhenotypeRules() if strain else WITHOUT_STRAIN)
    ended = time.perf_counter()
    name = "with_strain" if strain else "without_strain"
    return {
        f"{name}_read_s": round(read - began, 2),
        f"{name}_segment_s": round(segmented - read, 2),
        f"{name}_measure_s": round(ended - segmented, 2),
        f"{name}_total_s": round(ended - began, 2),
        f"{name}_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=40)
    parser.add_argument("--time", choices=("with", "without"), help=argparse.SUPPRESS)
    parser.add_argument("--zip", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.time:
        print(timed(arguments.zip, strain=arguments.time == "with"))
        return
    load_before = load()
    result: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.zip"
        write_zip(path)
        for which in ("without", "with"):
            # A process of its own each, so that one's memory is not the other's.
            command = [sys.executable, __file__, "--time", which, "--zip", str(path)]
            shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            result |= dict(eval_line(shown))
    result |= errors_on_acdc() | {"synthetic_subjects": arguments.subjects} | errors_on_synthetic(arguments.subjects)
    command = f"python benchmarks/phenotypes.py --subjects {arguments.subjects}"
    write_result("phenotypes", command, result, load_before=load_before)


def eval_line(shown: str) -> dict[str, float]:
    """The numbers that `timed` printed."""
    import ast

    return ast.literal_eval(shown.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
