"""How every figure looks, and how it becomes bytes. Colours are Okabe and Ito's, which colour-blind readers can tell apart.

Figures are objects of their own: no pyplot, no window, no state that one figure leaves to the next.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
)
INK, GREY, PALE = "#1a1a1a", "#6b6b6b", "#e3e3e3"
CYCLE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
MARKERS = ("o", "s", "D", "^", "v", "P")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
"""Colour, marker and line style go together, so that a grey print still tells series apart."""

DPI = 130
_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.labelsize": 9.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
}


class Drawing:
    """A figure under way: `figure` is matplotlib's, `png` is there once the context `drawing` has closed."""

    def __init__(self, figure: Any, dpi: int) -> None:
        self.figure, self._dpi = figure, dpi
        self._png = b""

    @property
    def png(self) -> bytes:
        """The finished picture; the same input gives the same bytes."""
        assert self._png, "the drawing is not closed yet"
        return self._png

    def close(self) -> None:
        """Render it."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=self._dpi, facecolor="white", metadata={"Software": None})
        self._png = buffer.getvalue()


@contextmanager
def drawing(width_in: float, height_in: float, *, layout: str = "constrained", dpi: int = DPI) -> Iterator[Drawing]:
    """A new figure of a size in inches under the common style, rendered when the context closes."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width_in, height_in), layout=layout)
        FigureCanvasAgg(figure)
        canvas = Drawing(figure, dpi)
        yield canvas
        canvas.close()
