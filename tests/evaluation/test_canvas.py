import numpy as np
import pytest
from decoded import pixels
from made_up import made_up_predictions
from PIL import Image
from test_paper_figures import LV, _results
from whole_content import made_up_content

from cardiolens.evaluation.canvas import Drawing, drawing, legend_of_figure, with_footer, wrapped
from cardiolens.evaluation.comparison import compare
from cardiolens.evaluation.content import figure_footer
from cardiolens.evaluation.figures import method_intervals
from cardiolens.evaluation.metrics import evaluate
from cardiolens.evaluation.paper_figures import low_data_curves, model_bars, phenotype_scatters
from cardiolens.evaluation.report import write_report

LEAST_IN = 0.03
"""Rounding to pixels, and letters that lean out of their box."""


@pytest.fixture
def overhang(monkeypatch):
    """How far, in inches, what was drawn reaches beyond the edge of each figure."""
    found, close = [], Drawing.close

    def measured(self: Drawing) -> None:
        close(self)
        width, height = self.figure.get_size_inches()
        box = self.figure.get_tightbbox(self.figure.canvas.get_renderer())
        found.append(max(-box.x0, -box.y0, box.x1 - width, box.y1 - height))

    monkeypatch.setattr(Drawing, "close", measured)
    return found


def test_one_disease_with_every_entry_in_its_legend_is_not_cut_off(overhang):
    table = made_up_predictions(methods=("MMCL", "Tabular with a long name"), values=())
    oracle = made_up_predictions(methods=("Truth (oracle)",), values=())
    method_intervals(compare(evaluate(table), oracle=oracle))
    assert max(overhang) < LEAST_IN


@pytest.mark.parametrize("columns", [("cad",), ("cad", "af")])
def test_curves_of_few_labels_are_not_cut_off(overhang, columns):
    results = _results(("Supervised", "MDM", "MMCL w/o MDM", "MMCL"))
    low_data_curves(results[results["column"].isin(columns)])
    assert max(overhang) < LEAST_IN


@pytest.mark.parametrize("values", [LV[:1], LV])
def test_scatter_plots_are_not_cut_off(overhang, values):
    table = made_up_predictions(methods=("MMCL",), values=values, diseases=())
    phenotype_scatters(table, method="MMCL", seed=0, split="test")
    assert max(overhang) < LEAST_IN


def test_bars_of_many_models_are_not_cut_off(overhang):
    names = ("ECG only", "CL 2-D", "CL 2-D + time", "CL 3-D", "TCL", "a sixth one with a long name", "a seventh")
    model_bars(compare(evaluate(made_up_predictions(methods=names, values=LV)), published=(), shown=("mean_r2", "auroc")))
    assert max(overhang) < LEAST_IN


def test_no_figure_of_a_whole_report_is_cut_off_and_each_says_whose_data_it_shows(overhang, tmp_path):
    content = made_up_content(is_synthetic=True)
    write_report(tmp_path, content)
    assert len(overhang) > 10
    assert max(overhang) < LEAST_IN
    for path in (tmp_path / "figures").glob("*.png"):
        picture = Image.open(path)
        blank = Image.new("RGB", picture.size, "white")
        blank.save(tmp_path / "blank.png", dpi=picture.info["dpi"])
        footer = pixels(with_footer((tmp_path / "blank.png").read_bytes(), content.footer))[picture.height :]
        np.testing.assert_array_equal(np.asarray(picture.convert("RGB"))[-len(footer) :], footer)


def test_a_footer_stands_under_the_picture_and_leaves_it_as_it_is():
    with drawing(2.0, 1.0) as canvas:
        canvas.figure.text(0.5, 0.5, "x")
    plain, footed = pixels(canvas.png), pixels(with_footer(canvas.png, "Synthetic hearts, not people. Research use only."))
    np.testing.assert_array_equal(footed[: len(plain)], plain)
    assert footed[len(plain) :].min() < 150
    assert (footed[len(plain) :, -3:] == 255).all(), "a line too long for the picture is broken"
    assert with_footer(canvas.png, "x") == with_footer(canvas.png, "x")


@pytest.mark.parametrize(
    ("trained", "about", "expected"),
    [
        (True, True, "Synthetic hearts, not people."),
        (True, False, "Recorded data; the model learned from synthetic hearts."),
        (False, False, "Recorded data."),
        (False, True, "Synthetic hearts, not people."),
    ],
)
def test_a_footer_says_whose_data_and_what_for(trained, about, expected):
    found = figure_footer(trained_on_synthetic=trained, about_synthetic=about)
    assert found == f"{expected} Research use only: not a medical device."


def test_a_legend_takes_the_rows_it_needs_and_the_figure_grows_by_them():
    heights = []
    for width_in in (14.0, 3.0):
        with drawing(width_in, 2.0) as canvas:
            axes = canvas.figure.subplots()
            lines = [axes.plot([0, 1], [0, k])[0] for k in range(5)]
            legend_of_figure(canvas.figure, lines, [f"a method of number {k}" for k in range(5)])
        heights.append(pixels(canvas.png).shape[0])
    assert heights[0] == 260
    assert heights[1] > 290


def test_words_are_broken_into_lines():
    assert wrapped("one two three", 10.0) == "one two three"
    assert wrapped("seventeen letters and more", 1.0) == "seventeen\nletters and\nmore"
