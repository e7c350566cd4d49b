import csv
import io
import json

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
