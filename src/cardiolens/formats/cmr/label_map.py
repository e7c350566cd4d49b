"""Which number in a mask stands for what. Two conventions are opposites of one another, so it is never guessed."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer, UInt8

from cardiolens.errors import BadOption
from cardiolens.imaging.mask_cleanup import LV_CAVITY, MYOCARDIUM, RV_CAVITY

_LARGEST = 65_535
_PARTS = ("lv", "myocardium", "rv")
_PAIR = re.compile(r"(lv|myocardium|rv)=(\d{1,5})")


@dataclass(frozen=True)
class LabelMap:
    """The file's numbers of both cavities and of the left ventricle's muscle; 0 is background.

    Raises:
        BadOption: two are the same, or one is not from 1 to 65,535.
    """

    lv: int
    """Left cavity."""
    myocardium: int
    rv: int
    """Right cavity."""

    def __post_init__(self) -> None:
        labels = (self.lv, self.myocardium, self.rv)
        if len(set(labels)) != len(labels) or not all(1 <= label <= _LARGEST for label in labels):
            _refuse(str(self))

    def __str__(self) -> str:
        return f"lv={self.lv},myocardium={self.myocardium},rv={self.rv}"

    @property
    def name(self) -> str:
        """`ukbb`, `acdc`, or the numbers as `parse_label_map` reads them."""
        return next((name for name, known in NAMED.items() if known == self), str(self))

    def applied(self, labels: Integer[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape"]:
        """The file's numbers as 0 background, 1 LV cavity, 2 myocardium, 3 RV cavity; numbers beside the map become 0."""
        masks = np.zeros(labels.shape, dtype=np.uint8)
        for ours, theirs in ((LV_CAVITY, self.lv), (MYOCARDIUM, self.myocardium), (RV_CAVITY, self.rv)):
            masks[labels == theirs] = ours
        return masks

    def permuted(self) -> list[LabelMap]:
        """All ways to give the same three numbers, this one first."""
        return [LabelMap(*order) for order in itertools.permutations((self.lv, self.myocardium, self.rv))]


NAMED = {"ukbb": LabelMap(lv=1, myocardium=2, rv=3), "acdc": LabelMap(lv=3, myocardium=2, rv=1)}
"""`ukbb` is that of ukbb_cardiac and of this project; `acdc` that of the ACDC, M&Ms and CineMA masks."""


def parse_label_map(text: str) -> LabelMap:
    """A name of `NAMED`, or all three numbers: `lv=3,myocardium=2,rv=1`.

    Raises:
        BadOption: it is neither.
    """
    if text in NAMED:
        return NAMED[text]
    pairs = [_PAIR.fullmatch(part.strip()) for part in text.split(",")]
    numbers = {pair[1]: int(pair[2]) for pair in pairs if pair}
    if len(pairs) != len(_PARTS) or set(numbers) != set(_PARTS):
        _refuse(text[:60])
    return LabelMap(**numbers)


def _refuse(found: str) -> None:
    raise BadOption(
        "label map",
        found=found,
        expected=f"{', '.join(NAMED)}, or three different numbers as in {NAMED['acdc']}",
        remedy="say which number of the mask is the left cavity, the muscle and the right cavity",
    )
