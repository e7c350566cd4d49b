"""The real PTB-XL recordings that benchmarks measure on: which there are, what was found in them, which may be looked at.

Never for training. `looked_at.json` lists the half that may be read while the synthetic hearts are developed; the other half
is read by `sim_to_real.py --final` alone.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pandas as pd

from cardiolens.formats import read_recording
from cardiolens.types import Recording

ROOT = Path(__file__).resolve().parent.parent
PTBXL = ROOT.parent / "shared" / "data" / "ecg" / "ptbxl"
AMPLITUDES = ROOT.parent / "shared" / "data" / "ecg" / "ptbxl2100_wave_amplitudes_mV.csv"
LOOKED_AT = Path(__file__).resolve().parent / "looked_at.json"

HYPERTROPHY = {"LVH", "VCLVH"}
INFARCTION = {"IMI", "ASMI", "ILMI", "AMI", "ALMI", "LMI", "IPLMI", "IPMI", "PMI"}


def real_ecgs(half: str) -> pd.DataFrame:
    """One row per recording of a `half` ("looked at", "held out" or "all"): path, age, sex and what the readers found.

    Statements count whatever their likelihood. `arrhythmia` is fibrillation or flutter, `other_rhythm` neither and not paced,
    `normal` one that readers call normal, in another rhythm and without hypertrophy or infarction.
    """
    listed = pd.read_csv(PTBXL / "ptbxl_database.csv").sort_values("ecg_id")
    names = listed["filename_hr"].str.split("/").str[-1]
    seen = names.isin(json.loads(LOOKED_AT.read_text())["ptbxl"])
    chosen = listed[{"looked at": seen, "held out": ~seen, "all": seen | True}[half]]
    codes = [set(ast.literal_eval(stored)) for stored in chosen["scp_codes"]]
    table = pd.DataFrame(
        {
            "path": [PTBXL / f"{name}.hea" for name in chosen["filename_hr"]],
            # PTB-XL writes 300 for everybody above 89.
            "age_years": chosen["age"].clip(upper=90).to_numpy(np.float64),
            # PTB-XL codes men as 0.
            "sex": np.where(chosen["sex"] == 0, "M", "F"),
            "hypertrophy": [bool(found & HYPERTROPHY) for found in codes],
            "infarction": [bool(found & INFARCTION) for found in codes],
            "fibrillation": ["AFIB" in found for found in codes],
            "flutter": ["AFLT" in found for found in codes],
            "paced": ["PACE" in found for found in codes],
        }
    )
    table["arrhythmia"] = table["fibrillation"] | table["flutter"]
    # What the atria do beneath a pacemaker is not stated.
    table["other_rhythm"] = ~(table["arrhythmia"] | table["paced"])
    sound = table["other_rhythm"] & ~(table["hypertrophy"] | table["infarction"])
    return table.assign(normal=sound & np.array(["NORM" in found for found in codes]))


def recordings(ecgs: pd.DataFrame) -> list[Recording]:
    """The recordings of some rows of `real_ecgs`, in order."""
    return [read_recording(path) for path in ecgs["path"]]
