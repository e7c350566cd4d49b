"""The content of a report with everything that a study can have, made up."""

import numpy as np
import pandas as pd
from scipy.special import expit

from cardiolens.evaluation.content import ReportContent
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS

SPLITS = {"train": 300, "select": 300, "calibrate": 300, "test": 900}
METHODS = ("MDM", "MMCL", "Tabular")


def made_up_subjects(rng: np.random.Generator) -> pd.DataFrame:
    """A table as a cohort with dates has it, and the log odds from which its diseases were drawn."""
    count = sum(SPLITS.values())
    truth = rng.normal(-1.6, 1.3, count)
    af, days = rng.random(count) < expit(truth - 0.5), rng.exponential(2500 * np.exp(-truth / 2))
    followed = rng.uniform(500, 3000, count)
    return pd.DataFrame(
        {
            "subject": [f"{k + 0xABC0000000:012x}" for k in range(count)],
            "visit": 0,
            "split": np.repeat(list(SPLITS), list(SPLITS.values())),
            "has_cmr": True,
            "sex": rng.choice(["F", "M"], count),
            "age_years": rng.uniform(45, 82, count),
            "height_cm": rng.normal(170, 9, count),
            "weight_kg": rng.normal(78, 14, count),
            "bmi_kg_per_m2": rng.normal(27, 4, count),
            "systolic_bp_mmhg": rng.normal(138, 17, count),
            "diastolic_bp_mmhg": rng.normal(81, 10, count),
            "heart_rate_bpm": rng.normal(66, 11, count),
            "ethnicity": rng.choice(["White", "Asian", "Other"], count, p=[0.9, 0.095, 0.005]),
            "ever_smoked": (rng.random(count) < 0.4).astype(float),
            "cad": (rng.random(count) < expit(truth)).astype(float),
            "af": af.astype(float),
            "af_prevalent": 0.0,
            "af_days": np.where(days < followed, days, np.nan),
            "followup_days": followed,
            "truth": truth,
        }
    )


def made_up_content(seed: int = 0, *, values: tuple[str, ...] = PHENOTYPE_COLUMNS[:4], **changed) -> ReportContent:
    """Two seeds of three methods about two diseases and a few values, on every split but train."""
    rng = np.random.default_rng(seed)
    subjects = made_up_subjects(rng)
    asked = subjects[subjects["split"] != "train"]
    tables = []
    for k, method in enumerate(METHODS):
        for run in (0, 1):
            for column in ("cad", "af", *(values if method != "Tabular" else ())):
                names = {"run": f"{method}-{run}", "method": method, "seed": run, "column": column}
                truth, noise = asked["truth"].to_numpy(), rng.normal(0, (1.5, 0.7, 1.2)[k], len(asked))
                if column in ("cad", "af"):
                    about = {"task": column, "target": asked[column], "score": 1.5 * (truth + noise) + 2}
                else:
                    target = 150 + 20 * truth + np.random.default_rng(len(column)).normal(0, 10, len(asked))
                    about = {"task": "phenotypes", "target": target, "score": 150 + 15 * (truth + noise)}
                where = {"split": asked["split"], "subject": asked["subject"]}
                tables.append(pd.DataFrame(names | about | where))
    content = {
        "title": "A study",
        "predictions": pd.concat(tables, ignore_index=True),
        "detailed_method": "MMCL",
        "is_synthetic": False,
        "commands": ("cardiolens study demo",),
        "environment": {"versions": {"torch": "2.13.0"}},
        "next_steps": (),
        "subjects": subjects.drop(columns="truth"),
        "refused": pd.DataFrame(
            {"part": ["ecg", "ecg"], "reason": ["a.xml: found a flat line in lead V6; expected more; look"] * 2}
        ),
        "training_sets": {"cad": {"all": 80}},
    }
    return ReportContent(**content | changed)
