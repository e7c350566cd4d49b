"""Small made-up log odds of a base, an ECG and a clinical score, whose effects a test chooses."""

import numpy as np
import pandas as pd
from scipy.special import expit


def made_up_log_odds(
    rng: np.random.Generator,
    *,
    num: int = 800,
    of_base: float = 0.8,
    of_ecg: float = 0.8,
    columns: tuple[str, ...] = ("af",),
    score: bool = False,
) -> pd.DataFrame:
    """Half of the people in validation, half in test; base and ECG agree with each other (r 0.5), a fifth is ill."""
    tables = []
    for column in columns:
        base = rng.normal(size=num)
        ecg = 0.5 * base + np.sqrt(0.75) * rng.normal(size=num)
        target = (rng.random(num) < expit(-1.6 + of_base * base + of_ecg * ecg)).astype(float)
        said = {"Tabular": base, "MMCL": 2 * ecg + 1}  # on another scale and level, as after balanced training
        if score:
            said["CHARGE-AF"] = base + rng.normal(size=num)
        for method, log_odds in said.items():
            names = {"method": method, "column": column, "split": np.repeat(["select", "test"], num // 2)}
            people = {"subject": [f"{k:08x}" for k in range(num)], "target": target, "score": log_odds}
            tables.append(pd.DataFrame(names | people))
    return pd.concat(tables, ignore_index=True)
