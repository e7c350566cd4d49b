import csv
import io
import json
from dataclasses import replace

import pytest

from cardiolens.errors import NoSpace
from cardiolens.serving import inspection_output
from cardiolens.serving.inspection import Inspection
from cardiolens.serving.inspection_output import (
    Summary,
    heading,
    open_table,
    print_inspection,
    print_line,
    print_summary,
    write_json_lines,
    write_rows,
)
from cardiolens.signals.finding import Finding
from cardiolens.signals.quality import Verdict
from cardiolens.types import LEADS

MEASURES = {
    "missing": 0.0, "range_mv": 1.25, "still_s": 0.01, "rail_s": 0.0, "plateaus": 0.0, "baseline_mv": 0.3,
    "mains_mv": 0.031, "mains_hz": 50.0, "noise_mv": 0.004, "burst_mv": 0.01,
}  # fmt: skip
USABLE = Inspection(
    source="a.xml",
    verdict=Verdict.USABLE,
    format="A format",
    rate_hz=250.0,
    duration_s=10.0,
    leads=LEADS,
    device="A device [bold]",
    recorded_at="2015-02-03T09:05:01",
    age_years=61.0,
    sex="F",
    statements=("Sinus rhythm",),
    intervals_ms={"qrs": 92.0},
    notes=("resampled",),
    findings=(Finding("mains", "mains hum of 50 Hz, up to 0.031 mV in V2", ("V2",)),),
    measures=dict.fromkeys(LEADS, MEASURES),
)
REFUSED = Inspection("b.txt", Verdict.REFUSED, "b.txt: found a letter; expected an ECG; send an ECG")


def test_a_person_reads_the_facts_the_verdict_and_every_lead(capsys):
    print_inspection(USABLE)
    shown = capsys.readouterr().out
    for words in (
        "a.xml", "A format", "12 leads (I, II", "10.00 s at 250 Hz", "A device [bold]",
        "2015-02-03 09:05:01", "female, 61 years",
        "QRS 92 ms", "Sinus rhythm", "usable with notes", "mains hum of 50 Hz", "V6", "1.25", "31", "Research use only",
    ):  # fmt: skip
        assert words in shown


def test_a_refusal_says_why(capsys):
    print_inspection(REFUSED)
    assert REFUSED.reason in capsys.readouterr().out
    print_line(REFUSED)
    assert capsys.readouterr().out == "b.txt: refused: found a letter; expected an ECG; send an ECG\n"


def test_json_is_one_object_per_line():
    stream = io.StringIO()
    write_json_lines(stream, [USABLE, REFUSED])
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["verdict"], first["measures"]["V2"]["mains_mv"]) == ("usable with notes", 0.031)
    assert first["findings"][0]["kind"] == "mains"
    assert (second["reason"], second["measures"]) == (REFUSED.reason, {})


def test_a_table_has_one_row_per_file(tmp_path):
    write_rows(open_table(tmp_path / "out.csv", settings=""), iter([USABLE, REFUSED]))
    first, second = csv.DictReader((tmp_path / "out.csv").open())
    assert (first["verdict"], first["rate_hz"], first["qrs_ms"], first["qt_ms"]) == ("usable with notes", "250", "92", "")
    assert first["findings"] == "mains hum of 50 Hz, up to 0.031 mV in V2"
    assert (second["reason"], second["duration_s"]) == (REFUSED.reason, "")
    assert "Research use only" in first["notice"]


def test_a_table_appears_when_it_is_whole_and_goes_on_where_it_was_stopped(tmp_path):
    def full():
        yield USABLE
        raise NoSpace("disk")

    with pytest.raises(NoSpace):
        write_rows(open_table(tmp_path / "out.csv", settings="a"), full())
    assert not (tmp_path / "out.csv").exists()
    table = open_table(tmp_path / "out.csv", settings="a")
    summary = Summary()
    summary.add_rows(table.rows_before)
    assert summary.rows() == [("A format", 1, 0, 1, 0)]
    write_rows(table, [REFUSED])
    assert [row["source"] for row in csv.DictReader((tmp_path / "out.csv").open())] == ["a.xml", "b.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_what_was_not_measured_shows_no_number(capsys):
    flat = Finding("flat", "a flat line in lead V2", ("V2",), refuses=True)
    print_inspection(replace(USABLE, findings=(flat,)))
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("V2 ")]
    assert set(line.split()[1:]) == {"–"}


def test_a_summary_counts_by_format_and_verdict(capsys):
    summary = Summary()
    for one in (USABLE, REFUSED, replace(USABLE, verdict=Verdict.GOOD)):
        assert summary.add(one) is one
    assert (summary.files, summary.refused) == (3, 1)
    assert summary.rows() == [("A format", 2, 1, 1, 0), ("of no known format", 1, 0, 0, 1)]
    print_summary(summary)
    shown = capsys.readouterr().out
    assert "usable with notes" in shown
    assert "Research use only" in shown


def test_the_picture_says_what_it_shows_and_what_is_wrong():
    lines = heading(USABLE)
    assert lines[0] == "a.xml"
    assert "female, 61 years" in lines[1]
    assert "Research use only" in lines[1]
    assert lines[2] == "Quality: usable with notes: mains hum of 50 Hz, up to 0.031 mV in V2"


def test_the_picture_says_what_the_recorder_read_as_the_recorders():
    told = replace(USABLE, statements=("Sinus rhythm", ">>> Acute MI <<<"))
    assert heading(told)[3] == "The recorder's own reading: Sinus rhythm; >>> Acute MI <<<"
    assert len(heading(replace(USABLE, statements=()))) == 3


def test_columns_are_the_same_for_every_file():
    assert set(inspection_output._row(USABLE)) <= set(inspection_output._COLUMNS)
