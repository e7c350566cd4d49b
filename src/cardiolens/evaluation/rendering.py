"""A table of text cells and its five forms: Markdown, LaTeX, HTML, plain text, and its numbers as CSV."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import pandas as pd
from markupsafe import Markup, escape

_LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": "$<$", ">": "$>$", "±": r"$\pm$", "−": "$-$", "×": r"$\times$", "≤": r"$\leq$", "≥": r"$\geq$", "²": "$^2$",
    "–": "--", "—": "---", "…": r"\ldots{}", "·": r"$\cdot$", "°": r"$^\circ$", "\u00a0": "~",
    # At the start of a row they would be read as options of the end of the row before.
    "[": "{[}", "]": "{]}", "*": "{*}",
}  # fmt: skip


class Mark(StrEnum):
    """How a cell stands out."""

    NONE = "none"
    BEST = "best"
    SECOND = "second"


@dataclass(frozen=True)
class Cell:
    """What a reader sees: a value, and in brackets or small print what belongs to it."""

    text: str
    detail: str = ""
    mark: Mark = Mark.NONE


@dataclass(frozen=True)
class Block:
    """Rows that belong together under a heading; an empty heading shows none."""

    heading: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Table:
    """`header` names the columns, the first of which names the rows. `numbers` holds every number unrounded, long form."""

    name: str
    """A file name without its ending."""
    title: str
    header: tuple[Cell, ...]
    blocks: tuple[Block, ...]
    numbers: pd.DataFrame
    note: str = ""

    def renamed(self, name: str, title: str) -> Table:
        """The same content under another name and title."""
        return replace(self, name=name, title=title)


def header_of(*names: str) -> tuple[Cell, ...]:
    """A header of plain names."""
    return tuple(Cell(name) for name in names)


def plain_table(numbers: pd.DataFrame, *, name: str, title: str, note: str = "", decimals: int = 3) -> Table:
    """A data frame as it is: a column of the table for each of its own, the first names the rows."""
    rows = [tuple(Cell(_plain(value, decimals)) for value in row) for row in numbers.itertuples(index=False)]
    header = header_of(*(str(column).replace("_", " ") for column in numbers))
    return Table(name, title, header, (Block("", tuple(rows)),), numbers, note)


def numbers_only(numbers: pd.DataFrame, *, name: str, title: str) -> Table:
    """A table without rows to read: its numbers are the CSV beside the page."""
    return Table(name, title, header_of("Rows", f"{len(numbers):,}"), (), numbers)


def as_p(p: float) -> str:
    """A p-value as tables show it."""
    return "–" if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def as_markdown(table: Table) -> str:
    """GitHub Markdown: best bold, second underlined, headings of blocks as rows in italics."""
    width = len(table.header)
    lines = [
        f"**{_one_line(table.title)}**",
        "",
        _pipes([_markdown_cell(cell) for cell in table.header]),
        _pipes(("---", *["---:"] * (width - 1))),
    ]
    for block in table.blocks:
        if block.heading:
            lines.append(_pipes((f"*{_one_line(block.heading)}*", *[""] * (width - 1))))
        lines += [_pipes([_markdown_cell(cell) for cell in row]) for row in block.rows]
    return "\n".join([*lines, *(["", _one_line(table.note)] if table.note else [])]) + "\n"


def as_latex(table: Table) -> str:
    """A floating `table` with the rules of booktabs: best bold, second underlined, details in small print on a line below.

    The document needs the package booktabs, and where a table is wide graphicx or a landscape page.
    """
    width = len(table.header)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex(table.title)}}}",
        rf"\label{{tab:{table.name}}}",
        rf"\begin{{tabular}}{{l{'r' * (width - 1)}}}",
        r"\toprule",
        *_latex_row(table.header),
    ]
    for block in table.blocks:
        lines.append(r"\midrule")
        if block.heading:
            lines.append(rf"\multicolumn{{{width}}}{{l}}{{\textit{{{_latex(block.heading)}}}}} \\")
        lines += [line for row in block.rows for line in _latex_row(row)]
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += ["", rf"\smallskip {{\footnotesize {_latex(table.note)}\par}}"] if table.note else []
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def as_html(table: Table) -> Markup:
    """A `<table>` with caption, escaped; best in `<strong>`, second in `<u>`, details in `<small>`."""
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(_html_cell(cell)) for cell in table.header)
    body = Markup("").join(_html_block(block, len(table.header)) for block in table.blocks)
    return Markup('<table id="table-{}"><caption>{}</caption><thead><tr>{}</tr></thead>{}</table>').format(
        table.name, table.title, head, body
    )


def as_text(table: Table, *, details: bool = True) -> str:
    """Aligned columns for a terminal; best marked `*`, second `+`. Without `details` a wide table fits."""
    rows = [
        [[_text_cell(cell, details) for cell in table.header]],
        *[[[_text_cell(cell, details) for cell in row] for row in block.rows] for block in table.blocks],
    ]
    widths = [max(len(row[k]) for block in rows for row in block) for k in range(len(table.header))]
    lines = [table.title, "", _aligned(rows[0][0], widths), "  ".join("-" * width for width in widths)]
    for block, texts in zip(table.blocks, rows[1:], strict=True):
        lines += [block.heading] if block.heading else []
        lines += [_aligned(row, widths) for row in texts]
    marks = {cell.mark for block in table.blocks for row in block.rows for cell in row}
    lines += ["", "* best, + second best"] if Mark.BEST in marks else []
    return "\n".join([*lines, *(["", table.note] if table.note else [])]) + "\n"


def as_csv(table: Table) -> str:
    """The numbers, unrounded, one per row."""
    return table.numbers.to_csv(index=False, lineterminator="\n")


def _plain(value: object, decimals: int) -> str:
    if pd.isna(value):
        return "–"
    return f"{value:.{decimals}f}".replace("-", "−") if isinstance(value, float) else str(value)


def _markdown_cell(cell: Cell) -> str:
    text = {Mark.NONE: "{}", Mark.BEST: "**{}**", Mark.SECOND: "<u>{}</u>"}[cell.mark].format(_one_line(cell.text))
    return f"{text} {_one_line(cell.detail)}".rstrip()


def _latex_row(row: tuple[Cell, ...]) -> list[str]:
    around = {Mark.NONE: "{}", Mark.BEST: r"\textbf{{{}}}", Mark.SECOND: r"\underline{{{}}}"}
    lines = [" & ".join(around[cell.mark].format(_latex(cell.text)) for cell in row)]
    if any(cell.detail for cell in row):
        small = [rf"{{\scriptsize {_latex(cell.detail)}}}" if cell.detail else "" for cell in row]
        lines.append(" & ".join(small))
    return [rf"{line.rstrip()} \\" for line in lines]


def _latex(text: str) -> str:
    # Letter by letter: what stands for one is not escaped again.
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def _html_block(block: Block, width: int) -> Markup:
    heading = (
        Markup('<tr class="heading"><th colspan="{}" scope="rowgroup">{}</th></tr>').format(width, block.heading)
        if block.heading
        else Markup("")
    )
    return Markup("<tbody>{}{}</tbody>").format(heading, Markup("").join(_html_row(row) for row in block.rows))


def _html_row(row: tuple[Cell, ...]) -> Markup:
    first, *others = row
    cells = Markup("").join(Markup("<td>{}</td>").format(_html_cell(cell)) for cell in others)
    return Markup('<tr><th scope="row">{}</th>{}</tr>').format(_html_cell(first), cells)


def _html_cell(cell: Cell) -> Markup:
    around = {Mark.NONE: Markup("{}"), Mark.BEST: Markup("<strong>{}</strong>"), Mark.SECOND: Markup("<u>{}</u>")}
    # Where a table is wide words may wrap, and an interval stays whole.
    detail = Markup("<small>{}</small>").format(cell.detail.replace(" to ", "\u00a0to\u00a0")) if cell.detail else Markup("")
    return around[cell.mark].format(escape(cell.text)) + detail


def _text_cell(cell: Cell, details: bool) -> str:
    star = {Mark.NONE: "", Mark.BEST: "*", Mark.SECOND: "+"}[cell.mark]
    return f"{cell.text}{star} {cell.detail if details else ''}".rstrip()


def _aligned(row: list[str], widths: list[int]) -> str:
    first, *others = (
        text.ljust(width) if k == 0 else text.rjust(width) for k, (text, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join([first, *others]).rstrip()


def _pipes(cells: tuple[str, ...] | list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
