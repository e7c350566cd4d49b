"""The flow of participants, from what was found to who was asked: the diagram that every clinical report opens with."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from cardiolens.evaluation.canvas import BLUE, GREY, INK, drawing
from cardiolens.evaluation.rendering import Block, Cell, Table, header_of

_BOX, _ASIDE = 46, 52


@dataclass(frozen=True)
class FlowStep:
    """How many were left, and who left on the way to this step, by reason."""

    what: str
    count: int
    left: Mapping[str, int] = field(default_factory=dict)
    note: str = ""
    """What else there is to say about those who were left."""
    follows: bool = True
    """Whether they are some of those of the step above."""


def flow_table(steps: Sequence[FlowStep]) -> Table:
    """The steps as rows, with the reasons below each."""
    rows, numbers = [], []
    for place, step in enumerate(steps):
        for reason, count in step.left.items():
            rows.append((Cell(f"– {reason}"), Cell(""), Cell(f"{count:,}")))
            numbers.append({"step": place, "what": reason, "remaining": pd.NA, "excluded": count})
        rows.append((Cell(step.what, step.note), Cell(f"{step.count:,}"), Cell("")))
        numbers.append({"step": place, "what": step.what, "remaining": step.count, "excluded": pd.NA})
    return Table(
        name="flow",
        title="Flow of participants",
        header=header_of("", "Remaining", "Left out"),
        blocks=(Block("", tuple(rows)),),
        numbers=pd.DataFrame(numbers),
    )


def flow_figure(steps: Sequence[FlowStep]) -> bytes:
    """PNG: a box for each step from top to bottom, and at the right who left before it."""
    texts = [textwrap.fill(f"{step.what}: {step.count:,}", _BOX) for step in steps]
    asides = [
        "\n".join(
            textwrap.fill(line, _ASIDE, subsequent_indent="    ")
            for line in (*(f"{count:,}  {reason}" for reason, count in step.left.items()), *filter(None, (step.note,)))
        )
        for step in steps
    ]
    heights = [
        max(0.62, 0.16 * (1 + max(text.count("\n") + 1, aside.count("\n") + 1)) + 0.2)
        for text, aside in zip(texts, asides, strict=True)
    ]
    total = sum(heights)
    with drawing(8.6, total + 0.2, layout="none") as canvas:
        axes = canvas.figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, 8.6), ylim=(total + 0.1, -0.1))
        axes.set_axis_off()
        top, before = 0.0, None
        for step, text, aside, height in zip(steps, texts, asides, heights, strict=True):
            middle = top + height / 2
            box = {"boxstyle": "round,pad=0.35", "fc": "white", "ec": BLUE, "lw": 1.2}
            axes.text(2.2, middle, text, ha="center", va="center", fontsize=8.5, color=INK, bbox=box)
            if before is not None and step.follows:
                arrow = {"arrowstyle": "-|>", "color": GREY, "lw": 1.0, "shrinkA": 11, "shrinkB": 11}
                axes.annotate("", xy=(2.2, middle), xytext=(2.2, before), arrowprops=arrow)
            if aside:
                box = {"boxstyle": "square,pad=0.35", "fc": "#f4f4f4", "ec": GREY, "lw": 0.8}
                axes.text(4.75, middle, aside, ha="left", va="center", fontsize=7.5, color=INK, bbox=box)
                axes.annotate(
                    "", xy=(4.68, middle), xytext=(3.9, middle), arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 0.8}
                )
            top, before = top + height, middle
    return canvas.png
