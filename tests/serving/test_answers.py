import csv
import io
import json
import re
from dataclasses import replace

import pytest

from cardiolens.serving.answers import Answer, PhenotypeValue, Refusal, Risk, write_json
from cardiolens.serving.answers_printed import print_answers
from cardiolens.serving.prediction_table import write_csv

ANSWER = Answer(
    source="a.hea",
    risks=(Risk("cad", "Coronary artery disease", 0.123456, 0.07),),
    phenotypes=(PhenotypeValue("lvm_g", "LVM", "LV", 98.76543, "g"),),
    notes=("resampled from 1000 Hz",),
    model="test model",
    notice="Research use only.",
)
REFUSAL = Refusal("b.hea", "b.hea: found 3 leads; expected 12; export again")


def test_a_table_has_one_row_per_file_and_says_why_one_is_empty(tmp_path):
    write_csv(tmp_path / "out.csv", [REFUSAL, ANSWER])
    refused, answered = csv.DictReader((tmp_path / "out.csv").open())
    assert list(answered)[:3] == ["source", "cad_risk", "lvm_g"]
    assert (answered["cad_risk"], answered["lvm_g"], answered["refused"]) == ("0.12346", "98.7654", "")
    assert (refused["cad_risk"], refused["refused"]) == ("", REFUSAL.reason)
    assert "Research use only" in answered["notice"]
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


KNOWING = replace(
    ANSWER,
    risks=(replace(ANSWER.risks[0], low=0.051, high=0.26),),
    phenotypes=(replace(ANSWER.phenotypes[0], low_80=80.0, high_80=118.0),),
    applicability=2.5,
    unlike_in=("rate and rhythm", "frequencies", "voltage"),
)


def test_a_table_holds_limits_and_the_warning_and_is_empty_where_there_are_none(tmp_path):
    write_csv(tmp_path / "out.csv", [KNOWING, ANSWER])
    knowing, plain = csv.DictReader((tmp_path / "out.csv").open())
    assert [knowing[f"cad_risk_{side}"] for side in ("low", "high")] == ["0.05100", "0.26000"]
    assert [knowing[f"lvm_g_{side}_80"] for side in ("low", "high")] == ["80.0000", "118.0000"]
    assert (knowing["applicability"], knowing["applicable"], knowing["warning"]) == ("2.500", "false", KNOWING.warning)
    assert {plain[name] for name in ("cad_risk_low", "lvm_g_high_80", "applicability", "applicable", "warning")} == {""}
    assert "lvm_g_low_95" not in knowing


def test_json_holds_limits_and_the_warning():
    stored = KNOWING.to_json()
    assert (stored["risks"][0]["low"], stored["phenotypes"][0]["high_80"]) == (0.051, 118.0)
    assert stored["phenotypes"][0]["low_95"] is None
    words = "unlike the ECGs this model learned from in rate and rhythm, frequencies and voltage (2.5 times"
    assert stored["warning"].startswith(words)
    assert ANSWER.to_json()["warning"] == ""


def test_json_is_one_object_per_line():
    stream = io.StringIO()
    write_json(stream, [ANSWER, REFUSAL])
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["risks"][0]["probability"] == 0.123456
    assert second == {"source": "b.hea", "reason": REFUSAL.reason}


def test_people_read_risks_units_and_the_notice(capsys):
    print_answers([ANSWER, REFUSAL])
    shown = capsys.readouterr().out.replace("\u00a0", " ")
    for words in ("a.hea", "12.3%", "LVM 98.8 g", "resampled from 1000 Hz", "Research use only."):
        assert words in shown


def test_what_the_recorder_said_stands_beside_the_answer_as_its_own(capsys, tmp_path):
    told = replace(ANSWER, recorder_statements=("[Sinus] rhythm", ">>> Acute MI <<<"))
    print_answers([told])
    assert "the recorder's own reading: [Sinus] rhythm; >>> Acute MI <<<" in capsys.readouterr().out
    assert told.to_json()["recorder_statements"] == told.recorder_statements
    write_csv(tmp_path / "out.csv", [told])
    (row,) = csv.DictReader((tmp_path / "out.csv").open())
    assert row["recorder_statements"] == "[Sinus] rhythm; >>> Acute MI <<<"


def test_intervals_speak_of_those_the_model_learned_from(capsys):
    print_answers([replace(KNOWING, learned_from="synthetic hearts")])
    shown = capsys.readouterr().out
    assert "in 80 of 100 synthetic hearts the measured value lies within" in shown
    assert "people" not in shown


def test_a_bundle_without_diseases_prints_no_empty_table(capsys):
    print_answers([replace(ANSWER, risks=())])
    assert "probability" not in capsys.readouterr().out


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
def test_a_value_stays_beside_its_name_and_unit_in_a_terminal_of_any_width(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    values = tuple(replace(KNOWING.phenotypes[0], name=f"{'X' * size}{size}") for size in range(1, 12))
    print_answers([replace(KNOWING, phenotypes=values)])
    shown = capsys.readouterr().out.replace("\u00a0", " ")
    assert len(re.findall(r"X\d+ +98\.8 ± 19\.0 g", shown)) == len(values)


def test_segmental_strain_is_printed_in_whole_percent_with_what_it_is_worth(capsys):
    segment = PhenotypeValue("ecc_aha_1_percent", "Ecc_AHA_1", "Ecc", -17.46, "%")
    print_answers([replace(ANSWER, phenotypes=(segment,))])
    shown = capsys.readouterr().out.replace("\u00a0", " ")
    assert "Ecc_AHA_1 -17 %" in shown
    assert "mean nothing" in shown
