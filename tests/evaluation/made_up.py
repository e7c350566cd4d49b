"""Small made-up predictions, whose methods differ in how much they know."""

import numpy as np
import pandas as pd

from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS

KNOWLEDGE = {"supervised": 0.4, "MDM": 0.8, "MMCL": 1.6}


def made_up_predictions(
    *,
    methods: tuple[str, ...] = tuple(KNOWLEDGE),
    seeds: tuple[int, ...] = (0,),
    subjects: int = 120,
    diseases: tuple[str, ...] = ("cad",),
    values: tuple[str, ...] = ("lvedv_ml",),
    split: str = "test",
) -> pd.DataFrame:
    """Every method and seed says something about every column of the same subjects; a tenth of the values is unknown."""
    rng = np.random.default_rng(7)
    names = [f"{number:012x}" for number in rng.choice(2**40, subjects, replace=False)]
    targets = {column: (np.arange(subjects) % 4 == 0).astype(float) for column in diseases}
    targets |= {column: np.where(rng.random(subjects) < 0.1, np.nan, rng.normal(50, 10, subjects)) for column in values}
    tables = []
    for method in methods:
        for seed in seeds:
            for column, target in targets.items():
                task = column if column in diseases else "phenotypes" if column in PHENOTYPE_COLUMNS else column
                known = np.nan_to_num(target, nan=50.0)
                score = KNOWLEDGE.get(method, 1.0) * known + rng.normal(0, 1 if column in diseases else 10, subjects)
                names_of = {"run": f"{method}-{task}-{seed}", "method": method, "seed": seed, "task": task, "column": column}
                rows = {"split": split, "subject": names, "target": target, "score": score}
                tables.append(pd.DataFrame(names_of | rows))
    return pd.concat(tables, ignore_index=True)
