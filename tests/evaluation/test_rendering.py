import re
import shutil
import subprocess

import pandas as pd
import pytest

from cardiolens.evaluation.rendering import Block, Cell, Mark, Table, as_csv, as_html, as_latex, as_markdown, as_text, header_of


@pytest.fixture
def table() -> Table:
    rows = (
        (Cell("a|b <script>"), Cell("0.731", "(0.70 to 0.76)", Mark.BEST)),
        (Cell("plain"), Cell("0.700", mark=Mark.SECOND)),
    )
    numbers = pd.DataFrame({"method": ["a|b <script>", "plain"], "value": [0.7312345678901234, 0.7]})
    return Table("small", "A title", header_of("Method", "AUC"), (Block("This cohort", rows),), numbers, "A note.")


def test_markdown_has_bold_underline_and_no_stray_column(table):
    lines = as_markdown(table).splitlines()
    assert "| a\\|b <script> | **0.731** (0.70 to 0.76) |" in lines
    assert "| plain | <u>0.700</u> |" in lines
    assert "| *This cohort* |  |" in lines


@pytest.fixture
def odd() -> Table:
    head = header_of("Method & more", "AUC [%]", "R²")
    rows = (
        (Cell("50 % of {x}_y ~ \\^#$"), Cell("0.731 ± 0.004", "(0.70 to 0.76)", Mark.BEST), Cell("−0.10", "[a]")),
        (Cell("plain – <b>"), Cell("0.700", mark=Mark.SECOND), Cell("")),
    )
    blocks = (Block("", rows), Block("Difference to A&B", rows[1:]))
    return Table("odd_one", "Title of 5 %", head, blocks, pd.DataFrame(), "A note, p < 0.05.")


def test_latex_has_the_rules_of_booktabs_and_as_many_cells_in_every_line(odd):
    lines = as_latex(odd).splitlines()
    assert lines[0] == r"\begin{table}"
    assert lines[-1] == r"\end{table}"
    assert r"\begin{tabular}{lrr}" in lines
    rules = [line for line in lines if line.endswith("rule")]
    assert rules == [r"\toprule", r"\midrule", r"\midrule", r"\bottomrule"]
    inside = lines[lines.index(r"\toprule") + 1 : lines.index(r"\bottomrule")]
    rows = [line for line in inside if line != r"\midrule" and not line.startswith(r"\multicolumn")]
    assert all(line.endswith(r" \\") for line in rows)
    assert {len(re.findall(r"(?<!\\)&", line)) for line in rows} == {2}
    assert len(rows) == 1 + 3 + 1  # the header; two rows, one with its details below; the row of the second block
    assert r"\multicolumn{3}{l}{\textit{Difference to A\&B}} \\" in inside


def test_latex_marks_the_best_and_the_second_and_writes_details_small_on_a_line_below(odd):
    lines = as_latex(odd).splitlines()
    first = next(k for k, line in enumerate(lines) if r"\textbf" in line)
    assert r" & \textbf{0.731 $\pm$ 0.004} & $-$0.10 \\" in lines[first]
    assert lines[first + 1] == r" & {\scriptsize (0.70 to 0.76)} & {\scriptsize {[}a{]}} \\"
    assert r"plain -- $<$b$>$ & \underline{0.700} & \\" in lines


def test_latex_escapes_what_it_shows_and_closes_what_it_opens(odd):
    text = as_latex(odd)
    assert r"50 \% of \{x\}\_y \textasciitilde{} \textbackslash{}\textasciicircum{}\#\$" in text
    assert r"\caption{Title of 5 \%}" in text
    assert r"\label{tab:odd_one}" in text
    assert r"p $<$ 0.05" in text
    bare = re.sub(r"\\[{}$%&#_]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert not re.search(r"(?<!\\)[%#]", text)
    assert text.isascii()
    assert re.findall(r"\\(begin|end)\{(\w+)\}", text) == [
        ("begin", "table"),
        ("begin", "tabular"),
        ("end", "tabular"),
        ("end", "table"),
    ]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles(odd, tmp_path):
    body = r"\documentclass{article}\usepackage{booktabs}\begin{document}" + as_latex(odd) + r"\end{document}"
    (tmp_path / "odd.tex").write_text(body)
    subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "odd.tex"], cwd=tmp_path, check=True)


def test_html_escapes_what_it_shows(table):
    page = as_html(table)
    assert "<strong>0.731</strong><small>(0.70\u00a0to\u00a00.76)</small>" in page
    assert "<u>0.700</u>" in page
    assert "a|b &lt;script&gt;" in page
    assert "<script>" not in page


def test_text_lines_up_and_can_leave_details_out(table):
    text = as_text(table)
    assert "0.731* (0.70 to 0.76)" in text
    assert "* best, + second best" in text
    short = as_text(table, details=False)
    assert "0.70 to" not in short
    rows = [line for line in short.splitlines() if line.startswith(("Method", "a|b", "plain"))]
    assert len({len(line.rstrip("*+")) for line in rows[1:]}) == 1


def test_csv_keeps_every_digit(table):
    assert "0.7312345678901234" in as_csv(table)
