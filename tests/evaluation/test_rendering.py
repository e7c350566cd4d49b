import pandas as pd
import pytest

from cardiolens.evaluation.rendering import Block, Cell, Mark, Table, as_csv, as_html, as_markdown, as_text, header_of


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


def test_html_escapes_what_it_shows(table):
    page = as_html(table)
    assert "<strong>0.731</strong><small>(0.70 to 0.76)</small>" in page
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
