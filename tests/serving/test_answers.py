import csv
import io
import json
from dataclasses import replace

from cardiolens.serving.answers import Answer, PhenotypeValue, Refusal, Risk, print_answers, write_csv, write_json

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
    applicable=False,
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
    assert stored["warning"].startswith("unlike the ECGs this model learned from (2.5 times")
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
