"""What every real sample reads as: never its samples, only their shape, rate, range and hash.

`python tests/formats/golden_recordings.py` writes the file anew; a change in it is a change in what a reader gives.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from cardiolens.formats import read_recording
from cardiolens.types import Recording

GOLDEN = Path(__file__).with_name("golden_recordings.json")
SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "ecg" / "formats"
NOT_READ_ALONE = {".dat", ".mat"}


def sample_paths(folder: Path) -> list[Path]:
    """Every sample once: a WFDB record by its header."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in NOT_READ_ALONE)


def summary(recording: Recording) -> dict:
    """Shape, rate, leads, range in mV and a hash of the samples as 32-bit floats."""
    signal = np.ascontiguousarray(recording.signal_mv, dtype="<f4")
    return {
        "format": recording.format,
        "shape": list(signal.shape),
        "rate_hz": recording.rate_hz,
        "leads": " ".join(recording.leads),
        "range_mv": [round(float(np.nanmin(signal)), 3), round(float(np.nanmax(signal)), 3)],
        "sha256": hashlib.sha256(signal.tobytes()).hexdigest(),
    }


if __name__ == "__main__":
    found = {str(path.relative_to(SAMPLES)): summary(read_recording(path)) for path in sample_paths(SAMPLES)}
    GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
