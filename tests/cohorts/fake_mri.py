"""An examination that costs nothing to read: a file with one number, the left-ventricular mass."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from cardiolens.cohorts.file_rows import MriParts
from cardiolens.errors import BadImage

MEASURES = ("lvm_g", "lvedv_ml")


@dataclass(frozen=True)
class FakeMri:
    fails_at: str = ""
    """An examination whose file begins so stops everything."""

    taken_on: date | None = None

    def __call__(self, path: Path, masks: Path | None) -> MriParts:
        content = path.read_text()
        if self.fails_at and content.startswith(self.fails_at):
            raise ZeroDivisionError
        if content.startswith("broken"):
            raise BadImage(path, found=f"no zip in {path}", expected="a zip", remedy="fetch it again")
        mass = float(content)
        picture = np.full((3, 4, 4), int(mass) % 256, dtype=np.uint8)
        volume = np.nan if masks is None else float(masks.read_text())
        return MriParts(picture, {"lvm_g": mass, "lvedv_ml": volume}, taken_on=self.taken_on)
