"""Where a recording is cut into the windows that the encoder sees."""

from __future__ import annotations


def window_starts(num_samples: int, window: int = 2500) -> tuple[int, ...]:
    """First samples of the fewest windows that cover the whole recording.

    Windows stand side by side; the last one ends with the recording and overlaps its neighbour where the length is no
    multiple of `window`: (0, 2500) for 5000 samples, (0, 2500, 3500) for 6000.

    Raises:
        ValueError: the recording is shorter than one window.
    """
    if num_samples < window:
        raise ValueError(f"a recording of {num_samples} samples holds no window of {window}")
    last = num_samples - window
    return (*range(0, last, window), last)
