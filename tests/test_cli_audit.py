"""`audit` as its user meets it."""

import json
import subprocess
import sys

import pytest

from cardiolens.cli import audit
from cardiolens.cli.verbs import Parser
from cardiolens.cohorts.release.numbers import participant_number
from cardiolens.errors import BadInput

NUMBER, OTHER = str(participant_number(0, 1)), str(participant_number(0, 2))


@pytest.fixture
def folder(tmp_path):
    """A run's folder with a number in a name, a number in a log, and a name."""
    run = tmp_path / "run"
    run.mkdir()
    (run / f"{NUMBER}_20205_2_0.png").write_bytes(b"")
    (run / "train.log").write_text(f"read {OTHER}\n")
    (run / "config.json").write_text('{"patient": {"name": "Jane Smith"}, "seed": 1}')
    return run


def _run(*argv) -> int:
    parser = Parser(prog="cardiolens")
    audit.add_verbs(parser.add_subparsers(dest="verb", parser_class=Parser))
    arguments = parser.parse_args(["audit", *map(str, argv)])
    return arguments.run(arguments)


def test_findings_are_grouped_by_file_with_certain_ones_first(folder, tmp_path, capsys):
    (tmp_path / "key.json").write_text(json.dumps({"participants": {"21f2c613e71b": OTHER}}))
    assert _run(folder, "--key", tmp_path / "key.json") == 1
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[:4] == [
        "certain: numbers of your own list", "  run/train.log", f"    line 1: participant {OTHER[:2]}*****", "possible",
    ]  # fmt: skip
    assert "    key patient.name: name Ja********" in lines
    assert "    file name: participant" in out
    assert lines[-1].startswith("3 of 3 files: 1 certain, 2 possible. Research use only")
    assert NUMBER not in out
    assert OTHER not in out


def test_a_clean_folder_has_status_0(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("nobody")
    assert _run(tmp_path) == 0
    assert capsys.readouterr().out.startswith("0 of 1 files: 0 certain, 0 possible.")


def test_json_tells_the_same(folder, capsys):
    assert _run(folder, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["num_files"], told["num_certain"], told["num_possible"]) == (3, 0, 3)
    assert {found["kind"] for found in told["findings"]} == {"participant", "name"}
    assert all(set(found) == {"file", "place", "kind", "certain", "shown", "count"} for found in told["findings"])


def test_a_folder_or_key_that_is_not_there_is_bad_input(tmp_path):
    with pytest.raises(BadInput):
        _run(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        _run(tmp_path, "--key", tmp_path / "missing.json")


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from cardiolens.cli import audit; from cardiolens.cli.verbs import Parser; p = Parser(); "
        "audit.add_verbs(p.add_subparsers()); print({'numpy', 'pyarrow', 'pydicom', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
