"""Draws docs/pictures/inspect.png: a synthetic ECG whose arm electrodes were exchanged, as `cardiolens inspect` shows it.

Run: `python scripts/draw_inspection.py`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from cardiolens.cli import main
from cardiolens.formats.cardiosoft_xml import write
from cardiolens.synthetic.generator import make_subject

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "inspect.png"
SEED, SUBJECT = 5, 57

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "synthetic.xml"
        write(path, make_subject(seed=SEED, index=SUBJECT, with_mri=False).recording)
        main(["inspect", str(path), "--picture", str(PICTURE)])
