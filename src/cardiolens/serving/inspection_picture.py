"""An inspected ECG as a picture on clinical paper, with what it is and its verdict above."""

from __future__ import annotations

from pathlib import Path

from cardiolens.atomic import write_atomically
from cardiolens.serving.inspection import Inspection
from cardiolens.signals.contract import Examination

SUFFIXES = (".png", ".svg")
_LONGEST_NAME = 80


def is_picture_file(path: Path) -> bool:
    """Whether the name asks for one picture rather than a folder of them."""
    return path.suffix.lower() in SUFFIXES


def write_picture(target: Path, number: int, inspection: Inspection, examination: Examination) -> Path:
    """The ECG at `target`, as PNG or SVG by its suffix; in the folder `target` a PNG named by the file's number and source.

    Raises:
        NoSpace: the disk is full.
    """
    from cardiolens.evaluation.ecg_paper import ecg_paper, ecg_paper_svg
    from cardiolens.serving.inspection_output import heading

    recording = examination.recording
    draw = ecg_paper_svg if target.suffix.lower() == ".svg" else ecg_paper
    picture = draw(recording.signal_mv, rate_hz=recording.rate_hz, heading=heading(inspection), absent=recording.absent_leads)
    path = target if is_picture_file(target) else target / f"{number:05}_{_as_name(inspection.source)}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_atomically(path, picture)


def _as_name(source: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in source)[:_LONGEST_NAME]
