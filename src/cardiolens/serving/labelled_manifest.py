"""A user's list of labelled stacks: a CSV that names pictures and their masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cardiolens.errors import BadOption
from cardiolens.formats.cmr.label_map import LabelMap
from cardiolens.formats.cmr.masks import read_masks
from cardiolens.formats.cmr.study import CmrInput, read_study
from cardiolens.types import CineStack

_COLUMNS = ("image", "masks")


def read_labelled_stacks(manifest: Path, label_map: LabelMap) -> list[CineStack]:
    """The stacks of a CSV with the columns `image` and `masks`, paths from the manifest's own folder; labelled phases only.

    Raises:
        BadOption: the manifest cannot be read, or lacks a column.
        BadImage: a stack or its masks cannot be read, or do not belong together.
    """
    import pandas as pd

    try:
        table = pd.read_csv(manifest, dtype=str)
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise BadOption(
            manifest, found=type(error).__name__, expected="a CSV", remedy="write columns image and masks"
        ) from error
    if missing := [column for column in _COLUMNS if column not in table or table[column].isna().any()]:
        found = f"no column {missing[0]}" if missing[0] not in table else f"an empty cell in {missing[0]}"
        raise BadOption(manifest, found=found, expected="columns image and masks", remedy="name a mask for every picture")
    stacks = []
    for row in table.itertuples():
        image, masks = (manifest.parent / getattr(row, column) for column in _COLUMNS)
        placed = read_study(CmrInput((image,), image.name)).placed
        cine = read_masks(masks, placed, label_map)
        labelled = cine.masks.any(axis=(1, 2, 3))
        stacks.append(
            replace(cine, frames=cine.frames[labelled], masks=cine.masks[labelled], trigger_ms=cine.trigger_ms[labelled])
        )
    return stacks
