"""A folder as the published code reads it, of noise: every ECG another, pictures and labels by row."""

from dataclasses import dataclass

import numpy as np
import torch

ROWS = {"train": 10, "val": 6, "test": 4}
SET = {"hundredth": [7, 2], "tenth": [2, 7, 0, 5], "all": [0, 1, 2, 3, 5, 7]}
"""Rows of the paired training split that are in a balanced set."""


@dataclass
class Published:
    ecgs: dict
    pictures: dict
    cad: dict
    phenotypes: dict
    mask: dict


def noise(seed, rows):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(rows, 12, 5000)).astype(np.float32))


def one_hot(labels):
    return torch.nn.functional.one_hot(torch.as_tensor(labels).long(), 2)


def publish(folder, *, pictures=True, labels=True, sets=True, phenotypes=True):
    """Write it, and give back what is in it."""
    (folder / "labelsOneHot").mkdir(parents=True)
    content = Published({}, {}, {}, {}, {})
    for seed, (split, rows) in enumerate(ROWS.items()):
        random = np.random.default_rng(seed + 10)
        content.ecgs[split] = noise(seed, rows)
        content.pictures[split] = torch.from_numpy(random.integers(0, 256, (rows, 3, 210, 210)) / 255).float()
        content.cad[split] = (np.arange(rows) % 2).tolist()
        content.phenotypes[split] = torch.from_numpy(random.normal(size=(rows, 75))).float()
        content.mask[split] = torch.from_numpy(random.uniform(size=(rows, 75)) < 0.8).float()
        torch.save(content.ecgs[split], folder / f"ecgs_{split}_ecg_imaging_noBase_gn.pt")
        if pictures:
            torch.save(content.pictures[split], folder / f"images_{split}_ecg_imaging.pt")
        if labels:
            torch.save(content.cad[split], folder / f"labels_{split}_CAD_all.pt")
            torch.save([int(row % 3 == 0) for row in range(rows)], folder / f"labels_{split}_flutter_all.pt")
        if phenotypes:
            torch.save(content.ecgs[split], folder / f"ecgs_{split}_Regression_noBase_gn.pt")
            torch.save(content.phenotypes[split], folder / "labelsOneHot" / f"labels_{split}_Regression_stdNormed.pt")
            torch.save(content.mask[split], folder / f"labels_{split}_Regression_mask.pt")
    for size, rows in SET.items() if sets else ():
        publish_set(folder, size, content.ecgs["train"][rows], [content.cad["train"][row] for row in rows])
    return content


def publish_set(folder, size, ecgs, labels, word="CAD"):
    (folder / "labelsOneHot").mkdir(parents=True, exist_ok=True)
    torch.save(ecgs, folder / f"ecgs_train_{word}_{size}_balanced_noBase_gn.pt")
    torch.save(one_hot(labels), folder / "labelsOneHot" / f"labels_train_{word}_{size}_balanced.pt")
