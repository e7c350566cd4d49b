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
    "svg.hashsalt": "cardiolens",
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
    """A figure under way: `figure` is matplotlib's, `png` or `svg` is there once the context `drawing` has closed."""

    def __init__(self, figure: Any, dpi: int, vector: bool) -> None:
        self.figure, self._dpi, self._vector = figure, dpi, vector
        self._content = b""

    @property
    def png(self) -> bytes:
        """The finished picture; the same input gives the same bytes."""
        assert self._content, "the drawing is not closed yet"
        assert not self._vector, "the drawing is an SVG"
        return self._content

    @property
    def svg(self) -> bytes:
        """The finished picture of a drawing that was opened as `vector`; the same input gives the same bytes."""
        assert self._content, "the drawing is not closed yet"
        assert self._vector, "the drawing is a PNG"
        return self._content

    def close(self) -> None:
        """Render it."""
        buffer = io.BytesIO()
        how = {"format": "svg", "metadata": {"Date": None, "Creator": None}} if self._vector else {"format": "png"}
        how = {"metadata": {"Software": None}} | how
        self.figure.savefig(buffer, dpi=self._dpi, facecolor="white", **how)
        self._content = buffer.getvalue()


@contextmanager
def drawing(
    width_in: float, height_in: float, *, layout: str = "constrained", dpi: int = DPI, vector: bool = False
) -> Iterator[Drawing]:
    """A new figure of a size in inches under the common style, rendered as PNG or (`vector`) SVG when the context closes."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width_in, height_in), layout=layout)
        FigureCanvasAgg(figure)
        canvas = Drawing(figure, dpi, vector)
        yield canvas
        canvas.close()
