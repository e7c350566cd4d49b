"""How well a segmenter that saw procedural scans alone labels real short-axis stacks of the ACDC challenge.

    python benchmarks/sim_to_real_mri.py RUN [RUN ...] [--final]

Each RUN is a finished run of `scripts/train_segmenter.py`, one per seed. Needs the stacks in ../shared/data. Without
`--final` it scores the patients that guided the randomisation; with it the others, which were left alone until then.

Where the pixel spacing is not known, 1.5 mm is assumed to feed the network, and the patient takes no part in millilitres and
grams. Ejection fractions are shares of pixels and need no spacing. Dice is of the whole stack, a mean over patients.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from machine import load, write_result

from cardiolens.bundles.segmenter import Segmenter
from cardiolens.recipes.segmenter import segmenter_of
from cardiolens.training.run import Run
from cardiolens.types import CineStack

ROOT = Path(__file__).resolve().parent.parent
ACDC = ROOT.parent / "shared" / "data" / "cmr" / "acdc"
ASSUMED_MM = (10.0, 1.5, 1.5)
MUSCLE_G_PER_ML = 1.05
LABELS = {"lv": 1, "myocardium": 2, "rv": 3}
PHASES = ("ed", "es")
# ACDC calls the right cavity 1 and the left one 3.
_OURS = np.array([0, 3, 2, 1], dtype=np.uint8)


def main(arguments: list[str]) -> None:
    """Score every run on one half of the patients and store the result."""
    final = "--final" in arguments
    paths = [Path(argument) for argument in arguments if not argument.startswith("--")]
    busy = load()
    patients = chosen_patients(final=final)
    by_seed = {}
    for path in paths:
        run = Run.open(path)
        segmenter = segmenter_of(run)
        by_seed[str(run.config.training.seed)] = pd.DataFrame([score(segmenter, patient, row) for patient, row in patients])
    result = {
        "half": "left alone until this run" if final else "guided the randomisation",
        "patients": len(patients),
        "patients_with_spacing": int(sum(has_spacing(row) for _, row in patients)),
        "over_seeds": over_seeds({seed: summary(table) for seed, table in by_seed.items()}),
        "seeds": {seed: summary(table) for seed, table in by_seed.items()},
    }
    name = "sim_to_real_mri" if final else "sim_to_real_mri_looked_at"
    command = " ".join(["python benchmarks/sim_to_real_mri.py", *(path.name for path in paths), *["--final"] * final])
    write_result(name, command, result, load_before=busy)


def chosen_patients(*, final: bool) -> list[tuple[Path, pd.Series]]:
    """Files and table rows of the half that was looked at, or of the other."""
    looked_at = set(json.loads((ROOT / "benchmarks" / "looked_at.json").read_text())["acdc"])
    table = pd.read_csv(ACDC / "index.csv")
    wanted = table[table["patient"].isin(looked_at) != final]
    return [(ACDC / f"{row.patient}.npz", row) for _, row in wanted.iterrows()]


def has_spacing(row: pd.Series) -> bool:
    """Whether the size of the patient's pixels is known."""
    return bool(pd.notna(row.native_dx))


def read_stack(patient: Path, row: pd.Series) -> CineStack:
    """End-diastole and end-systole with the experts' masks, in this project's labels."""
    stored = np.load(patient)
    spacing = (float(row.native_dz), float(row.native_dx), float(row.native_dy)) if has_spacing(row) else ASSUMED_MM
    return CineStack(
        frames=np.stack([stored["image_ED"], stored["image_ES"]]).astype(np.float32),
        spacing_mm=spacing,
        trigger_ms=np.array([0.0, 300.0]),
        source="ACDC",
        masks=_OURS[np.stack([stored["label_ED"], stored["label_ES"]])],
    )


def score(segmenter: Segmenter, patient: Path, row: pd.Series) -> dict[str, float | str]:
    """Overlaps, volumes and ejection fractions of one patient, found and wanted."""
    cine = read_stack(patient, row)
    found, wanted = segmenter.segment(cine), cine.masks
    scores: dict[str, float | str] = {"group": row.group}
    for phase, phase_name in enumerate(PHASES):
        for name, label in LABELS.items():
            a, b = found[phase] == label, wanted[phase] == label
            scores[f"dice_{name}_{phase_name}"] = 2 * float((a & b).sum()) / max(float(a.sum() + b.sum()), 1.0)
    millilitres = float(np.prod(cine.spacing_mm)) / 1000 if has_spacing(row) else float("nan")
    for which, mask in (("found", found), ("wanted", wanted)):
        count = {name: (mask == label).sum(axis=(1, 2, 3)).astype(float) for name, label in LABELS.items()}
        for name in ("lv", "rv"):
            scores[f"{name}edv_{which}"], scores[f"{name}esv_{which}"] = count[name] * millilitres
            scores[f"{name}ef_{which}"] = 100 * (1 - count[name][1] / max(count[name][0], 1.0))
        scores[f"mass_{which}"] = count["myocardium"][0] * millilitres * MUSCLE_G_PER_ML
    return scores


def summary(table: pd.DataFrame) -> dict[str, object]:
    """One seed's numbers."""
    overlaps = [column for column in table if column.startswith("dice_")]
    ratios = {
        name: float((table[f"{name}_found"] / table[f"{name}_wanted"]).median())
        for name in ("lvedv", "lvesv", "rvedv", "rvesv", "mass")
    }
    by_group = table.groupby("group")[overlaps].mean()
    return _rounded(
        {
            "dice": table[overlaps].mean().to_dict(),
            "dice_by_group": by_group.to_dict(orient="index"),
            "median_ratio": ratios,
            "ejection_fraction": {name: agreement(table, f"{name}ef") for name in ("lv", "rv")},
            "lvedv_ml": agreement(table, "lvedv"),
            "mass_g": agreement(table, "mass"),
        }
    )


def agreement(table: pd.DataFrame, name: str) -> dict[str, float]:
    """Correlation, also of the deviations from each group's mean, mean absolute error and bias."""
    known = table[table[f"{name}_found"].notna() & table[f"{name}_wanted"].notna()]
    found, wanted = known[f"{name}_found"], known[f"{name}_wanted"]
    groups = known["group"]
    inside = [values - values.groupby(groups).transform("mean") for values in (found, wanted)]
    return {
        "r": float(found.corr(wanted)),
        "r_within_groups": float(inside[0].corr(inside[1])),
        "mean_absolute_error": float((found - wanted).abs().mean()),
        "bias": float((found - wanted).mean()),
    }


def over_seeds(by_seed: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """Mean and range over the seeds of every number, in the same places; groups left out."""
    flat = pd.json_normalize([{k: v for k, v in seed.items() if k != "dice_by_group"} for seed in by_seed.values()])
    return {
        name: {"mean": round(float(column.mean()), 3), "least": float(column.min()), "most": float(column.max())}
        for name, column in flat.items()
    }


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    main(sys.argv[1:])
