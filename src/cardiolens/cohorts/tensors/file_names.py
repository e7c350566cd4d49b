"""How the published code names its files, and which of them a folder holds.

Files of one split are paired by row: the same place is the same person. A name says split, label and size of a training set;
no name is required, but a file without the partner that gives it a meaning is refused.

Source: MMCL-ECG-CMR and mae, dataset configurations and scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from cardiolens.errors import BadInput
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS

SPLITS = ("train", "val", "test")
SIZES = ("hundredth", "tenth", "all")
"""Balanced training sets of a label, the smallest first."""
ONE_HOT = "labelsOneHot"
"""The folder of labels that are written as two columns."""
SCALE = "phenotype_scale.csv"
"""Ours: by which mean and standard deviation each phenotype was standardised."""

PUBLISHED_WORDS = MappingProxyType({"cad": "CAD", "af": "flutter", "dm": "diabetes"})
"""What the published code calls our label columns; another column is called as it is."""
_COLUMNS = {word: column for column, word in PUBLISHED_WORDS.items()}
_RESERVED = frozenset({"subject", "visit", "split", "has_cmr", "ecg_imaging", "Regression", *PHENOTYPE_COLUMNS})
_WORD, _SPLIT, _SIZE = r"(?P<word>[A-Za-z]\w*?)", r"(?P<split>train|val|test)", r"(?P<size>all|tenth|hundredth)"
_ALIGNED = re.compile(rf"labels_{_SPLIT}_{_WORD}_all\.pt")
_BALANCED_ECGS = re.compile(rf"ecgs_train_{_WORD}_{_SIZE}_balanced_noBase_gn\.pt")
_BALANCED_LABELS = re.compile(rf"labels_train_{_WORD}_{_SIZE}_balanced\.pt")
_PATTERNS = (
    "ecgs_{train,val,test}_ecg_imaging_noBase_gn.pt, ecgs_train_*_{all,tenth,hundredth}_balanced_noBase_gn.pt or "
    "ecgs_{train,val,test}_Regression_noBase_gn.pt"
)


@dataclass(frozen=True)
class PhenotypeFiles:
    """The phenotypes of one split: ECGs, standardised values and which of these are known."""

    ecgs: Path
    values: Path
    mask: Path


@dataclass(frozen=True)
class TensorFiles:
    """The files that a folder holds, by what they mean; at least one of them has ECGs."""

    paired: dict[str, Path]
    """ECGs by split."""
    pictures: dict[str, Path]
    """MRI pictures by split, row by row those of `paired`."""
    labels: dict[tuple[str, str], Path]
    """Whole numbers by split and label column, row by row those of `paired`."""
    one_hot: dict[tuple[str, str], Path]
    """The same in two columns."""
    balanced: dict[tuple[str, str], tuple[Path, Path]]
    """ECGs and labels in two columns of a balanced training set, by label column and size."""
    phenotypes: dict[str, PhenotypeFiles]
    """By split."""
    scale: Path | None

    @property
    def ecgs(self) -> dict[Path, str]:
        """Every file of ECGs and its split."""
        return (
            {path: split for split, path in self.paired.items()}
            | {ecgs: "train" for ecgs, _ in self.balanced.values()}
            | {files.ecgs: split for split, files in self.phenotypes.items()}
        )

    @property
    def everything(self) -> list[Path]:
        """Every file that is read."""
        pairs = [path for pair in self.balanced.values() for path in pair]
        trios = [path for files in self.phenotypes.values() for path in (files.ecgs, files.values, files.mask)]
        alone = [*self.paired.values(), *self.pictures.values(), *self.labels.values(), *self.one_hot.values()]
        return sorted({*alone, *pairs, *trios} | ({self.scale} if self.scale else set()))


def paired_ecgs(split: str) -> str:
    """ECGs of subjects with an MRI."""
    return f"ecgs_{split}_ecg_imaging_noBase_gn.pt"


def paired_pictures(split: str) -> str:
    """Their MRI, row by row."""
    return f"images_{split}_ecg_imaging.pt"


def aligned_labels(split: str, label: str) -> str:
    """Of the paired ECGs; below `ONE_HOT` the same in two columns."""
    return f"labels_{split}_{_word(label)}_all.pt"


def balanced_ecgs(label: str, size: str) -> str:
    """ECGs of a balanced training set of one of `SIZES`."""
    return f"ecgs_train_{_word(label)}_{size}_balanced_noBase_gn.pt"


def balanced_labels(label: str, size: str) -> str:
    """Their labels, row by row, in two columns."""
    return f"{ONE_HOT}/labels_train_{_word(label)}_{size}_balanced.pt"


def phenotype_names(split: str) -> tuple[str, str, str]:
    """ECGs, values and mask."""
    words = f"{split}_Regression"
    return f"ecgs_{words}_noBase_gn.pt", f"{ONE_HOT}/labels_{words}_stdNormed.pt", f"labels_{words}_mask.pt"


def find_tensors(folder: Path) -> TensorFiles:
    """The published code's files in `folder` and its `labelsOneHot`; other files are passed over.

    Raises:
        BadInput: there are none, one lacks its partner, or two are about the same label.
    """
    paired = {split: folder / paired_ecgs(split) for split in SPLITS if (folder / paired_ecgs(split)).is_file()}
    pictures = {split: folder / paired_pictures(split) for split in SPLITS if (folder / paired_pictures(split)).is_file()}
    labels, one_hot = (_by_label(_named(place, _ALIGNED, "split")) for place in (folder, folder / ONE_HOT))
    for split, path in [*pictures.items(), *((split, path) for (split, _), path in (labels | one_hot).items())]:
        if split not in paired:
            _refuse_alone(path, paired_ecgs(split))
    files = TensorFiles(
        paired, pictures, labels, one_hot, _balanced(folder), _phenotypes(folder),
        scale=folder / SCALE if (folder / SCALE).is_file() else None,
    )  # fmt: skip
    if not files.ecgs:
        found = "no file of the published code" if folder.is_dir() else "no such folder"
        raise BadInput(folder, found=found, expected=_PATTERNS, remedy="give the folder that holds these files")
    return files


def _balanced(folder: Path) -> dict[tuple[str, str], tuple[Path, Path]]:
    ecgs = _by_label(_named(folder, _BALANCED_ECGS, "size"))
    labels = _by_label(_named(folder / ONE_HOT, _BALANCED_LABELS, "size"))
    for key in ecgs.keys() ^ labels.keys():
        size, label = key
        if key in ecgs:
            _refuse_alone(ecgs[key], balanced_labels(label, size))
        _refuse_alone(labels[key], balanced_ecgs(label, size))
    # By label, and within it the smallest first.
    order = sorted(ecgs, key=lambda key: (key[1], SIZES.index(key[0])))
    return {(label, size): (ecgs[size, label], labels[size, label]) for size, label in order}


def _phenotypes(folder: Path) -> dict[str, PhenotypeFiles]:
    found = {}
    for split in SPLITS:
        present = {name: folder / name for name in phenotype_names(split) if (folder / name).is_file()}
        for absent in [name for name in phenotype_names(split) if present and name not in present]:
            _refuse_alone(next(iter(present.values())), absent)
        if present:
            found[split] = PhenotypeFiles(*present.values())
    return found


def _named(folder: Path, pattern: re.Pattern[str], part: str) -> Iterator[tuple[str, str, Path]]:
    """That part of each matching name, the label column, and the path."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file() and (match := pattern.fullmatch(path.name)):
            word = match["word"]
            column = _COLUMNS.get(word, word)
            if column in _RESERVED:
                expected = "the name of a label that a cohort has no other use for"
                raise BadInput(path, found=f"a label named {word}", expected=expected, remedy="rename the file")
            yield match[part], column, path


def _by_label(found: Iterator[tuple[str, str, Path]]) -> dict[tuple[str, str], Path]:
    """Paths by what comes first and the label column."""
    by_label: dict[tuple[str, str], Path] = {}
    for first, column, path in found:
        if (first, column) in by_label:
            other = by_label[first, column].name
            raise BadInput(
                path, found=f"labels of {column}, which {other} holds too", expected="one file of them", remedy="keep one"
            )
        by_label[first, column] = path
    return by_label


def _word(label: str) -> str:
    return PUBLISHED_WORDS.get(label, label)


def _refuse_alone(path: Path, partner: str) -> NoReturn:
    raise BadInput(
        path, found=f"this file without {partner}", expected="both", remedy="put the other one beside it, or take this one away"
    )
