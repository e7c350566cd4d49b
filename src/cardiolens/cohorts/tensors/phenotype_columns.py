"""The published code's table of phenotypes: 75 columns of standardised values and a mask of the same shape.

Of the columns, 61 are this project's phenotypes in their order; 10 to 23 are atria and aorta, which no task here uses. The
values have no unit: mean and standard deviation of the training split are not among the published files. They become values
with units only where `phenotype_scale.csv` says by what they were standardised; otherwise they are stored under names such as
`lvedv_z`, so that nobody takes them for millilitres.
"""

from __future__ import annotations

import csv
import functools
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from cardiolens.cohorts.tensors.file_names import PhenotypeFiles
from cardiolens.cohorts.tensors.label_files import table_of
from cardiolens.cohorts.tensors.tensor_file import file_state, refuse
from cardiolens.cohorts.tensors.tensor_rows import open_ecgs
from cardiolens.imaging.phenotype_table import PHENOTYPE_COLUMNS, PHENOTYPES

WIDTH = 75
POSITIONS = (*range(10), *range(24, WIDTH))
"""Where each of the 61 phenotypes stands."""
_SUFFIXES = {"mL": "_ml", "%": "_percent", "L/min": "_l_per_min", "g": "_g", "mm": "_mm"}
_HEADER = ["column", "mean", "sd"]

STANDARDISED_COLUMNS = tuple(f"{p.column.removesuffix(_SUFFIXES[p.unit])}_z" for p in PHENOTYPES)
"""What the 61 are called where nobody knows their unit."""


@dataclass(frozen=True)
class PhenotypeScale:
    """How stored values become those of a cohort, column by column: times `sd`, plus `mean`."""

    columns: tuple[str, ...]
    """With a unit in the name where the scale is known, ending in `_z` where it is not."""
    mean: tuple[float, ...]
    sd: tuple[float, ...]

    def values(self, stored: Float[np.ndarray, " column"]) -> dict[str, float]:
        """The phenotypes of one row."""
        scaled = stored * np.asarray(self.sd) + np.asarray(self.mean)
        return dict(zip(self.columns, scaled.tolist(), strict=True))


def read_scale(path: Path | None) -> PhenotypeScale:
    """The scale that `phenotype_scale.csv` gives; columns it leaves out, and all without a file, stay standardised.

    Raises:
        BadInput: a line is no phenotype, mean and positive standard deviation, or a phenotype stands there twice.
    """
    known: dict[str, tuple[float, float]] = {}
    for line in _lines(path) if path else ():
        match line:
            case [column, mean, sd] if column in PHENOTYPE_COLUMNS and column not in known:
                known[column] = (_number(mean), _number(sd))
            case _:
                column = ""
        if not column or not math.isfinite(sum(known[column])) or known[column][1] <= 0:
            expected = "lines of a phenotype, its mean and its standard deviation, each phenotype once"
            refuse(path, f"the line {','.join(line)[:80]!r}", expected, "mend the line")
    named = [column if column in known else z for column, z in zip(PHENOTYPE_COLUMNS, STANDARDISED_COLUMNS, strict=True)]
    mean, sd = zip(*(known.get(column, (0.0, 1.0)) for column in PHENOTYPE_COLUMNS), strict=True)
    return PhenotypeScale(tuple(named), mean, sd)


def scale_file(scaled: Sequence[tuple[str, float, float]]) -> bytes:
    """The content of `phenotype_scale.csv`, to the last bit: column, mean and standard deviation."""
    text = io.StringIO()
    lines = [[column, repr(mean), repr(sd)] for column, mean, sd in scaled]
    csv.writer(text, lineterminator="\n").writerows([_HEADER, *lines])
    return text.getvalue().encode()


def read_phenotypes(files: PhenotypeFiles) -> Float32[np.ndarray, "row 61"]:
    """The 61 phenotypes of one split as they are stored, NaN where the mask says unknown. Read once per process.

    Raises:
        BadInput: a file holds something else, the shapes disagree, or a value that should be known is not finite.
    """
    return _read(files, file_state(files.values), file_state(files.mask))


@functools.lru_cache(maxsize=8)
def _read(files: PhenotypeFiles, *_: tuple[int, int]) -> Float32[np.ndarray, "row 61"]:
    values, mask = table_of(files.values), table_of(files.mask)
    if values.shape[1] < WIDTH:
        refuse(files.values, f"{values.shape[1]} columns", f"{WIDTH} or more", "give the file of all phenotypes")
    if mask.shape != values.shape:
        refuse(files.mask, f"a mask of shape {mask.shape}", f"{values.shape}, as the values", "give the mask made with them")
    if len(values) != len(open_ecgs(files.ecgs)):
        expected = f"{len(open_ecgs(files.ecgs))}, as many as ECGs in {files.ecgs.name}"
        refuse(files.values, f"{len(values)} rows", expected, "give the files that were made together")
    if not np.isin(mask, (0, 1)).all():
        refuse(files.mask, "numbers other than 0 and 1", "1 where a value is known, 0 where not", "mend the mask")
    stored = np.where(mask[:, POSITIONS] == 1, values[:, POSITIONS].astype(np.float32), np.float32(np.nan))
    if (lost := int((~np.isfinite(stored)).sum() - (mask[:, POSITIONS] == 0).sum())) != 0:
        refuse(files.values, f"{lost} values that are not finite where the mask is 1", "numbers", "set the mask to 0 there")
    return stored


def _lines(path: Path) -> list[list[str]]:
    try:
        lines = list(csv.reader(path.read_text().splitlines()))
    except (UnicodeDecodeError, csv.Error):
        refuse(path, "no text", f"a table with the columns {', '.join(_HEADER)}", "mend the file")
    if not lines or lines[0] != _HEADER:
        refuse(path, "another first line", ",".join(_HEADER), "mend the file")
    return [line for line in lines[1:] if line]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
