"""How every figure looks, and how it becomes bytes. Colours are Okabe and Ito's, which colour-blind readers can tell apart.

Figures are objects of their own: no pyplot, no window, no state that one figure leaves to the next.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterator, Sequence
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
_LEGEND_ROW_IN = 0.19
_LETTER = 0.56
"""Mean width of a letter of running words, in heights of the type."""
_FOOTER_SIZE, _FOOTER_EDGE_IN = 7.0, 0.06
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


def legend_of_figure(
    figure: Any, handles: Sequence[Any], labels: Sequence[str], *, loc: str = "outside lower center", most: int = 5, **how: Any
) -> None:
    """A legend outside the panels, in as many columns (`most` at most) as the figure is wide for; it grows by further rows."""
    renderer, room = figure.canvas.get_renderer(), figure.bbox.width - 0.1 * figure.dpi
    for columns in range(min(most, len(labels)), 0, -1):
        legend = figure.legend(handles, labels, loc=loc, ncols=columns, **how)
        if legend.get_window_extent(renderer).width <= room or columns == 1:
            break
        legend.remove()
    width_in, height_in = figure.get_size_inches()
    figure.set_size_inches(width_in, height_in + _LEGEND_ROW_IN * (math.ceil(len(labels) / columns) - 1))


def wrapped(words: str, width_in: float, *, size: float = 8.5) -> str:
    """Words broken into lines that fit a width in inches at a size in points."""
    return "\n".join(textwrap.wrap(words, max(12, int(width_in * 72 / (_LETTER * size)))))


def with_footer(png: bytes, words: str) -> bytes:
    """A picture with a line of small print under it, which goes where the picture goes; the picture itself stays as it is."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    dpi = round(float(picture.info.get("dpi", (DPI, DPI))[0]))
    width_in = picture.width / dpi
    lines = wrapped(words, width_in - 2 * _FOOTER_EDGE_IN, size=_FOOTER_SIZE)
    height_in = 0.06 + 0.135 * (lines.count("\n") + 1)
    with drawing(width_in, height_in, layout="none", dpi=dpi) as canvas:
        where = _FOOTER_EDGE_IN / width_in, 0.55
        canvas.figure.text(*where, lines, fontsize=_FOOTER_SIZE, color=GREY, va="center", linespacing=1.1)
    strip = Image.open(io.BytesIO(canvas.png)).convert("RGB")
    whole = Image.new("RGB", (picture.width, picture.height + strip.height), "white")
    whole.paste(picture, (0, 0))
    whole.paste(strip, (0, picture.height))
    buffer = io.BytesIO()
    whole.save(buffer, "PNG", dpi=(dpi, dpi))
    return buffer.getvalue()
