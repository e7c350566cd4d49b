"""`embed` as its user meets it, and the page that explains it."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from cardiolens import EcgEmbedder
from cardiolens.formats.wfdb_record import write
from cardiolens.serving import embedding_table
from cardiolens.serving.embedding_model import EmbeddingModel
from cardiolens.serving.intake import Intake
from cardiolens.synthetic.generator import make_subject
from command import run

PAGE = Path(__file__).resolve().parent.parent / "docs" / "embeddings.md"


@pytest.fixture(scope="module")
def recordings():
    return [make_subject(seed=5, index=k, with_mri=False).recording for k in range(4)]


@pytest.fixture
def records(tmp_path, recordings):
    """Four ECGs, one of 6 s and one of a person whose number is in its name, and a file that is none."""
    folder = tmp_path / "records"
    folder.mkdir()
    short = replace(recordings[1], signal_mv=recordings[1].signal_mv[:, :3000])
    for name, one in zip(("1234567_2", "b", "c", "d"), (recordings[0], short, *recordings[2:]), strict=True):
        write(folder / f"{name}.hea", one)
    (folder / "7654321.xml").write_text("no ECG")
    return folder


def test_it_has_help_with_an_example(capsys):
    status, out, _ = run(capsys, "embed", "--help")
    assert status == 0
    assert "cardiolens embed records/ --out embeddings.parquet" in out


def test_a_row_per_file_and_one_refused(capsys, tmp_path, records):
    status, out, err = run(capsys, "embed", records, "--out", tmp_path / "e.parquet")
    assert (status, out) == (1, "")
    assert "5 rows in" in err
    assert "1 refused" in err
    assert "Research use only" in err
    table = pd.read_parquet(tmp_path / "e.parquet")
    assert list(table["refused"] != "") == [False, True, False, False, False]
    assert table["subject"][0] == table["source"][0].removesuffix("_2.hea")
    assert table["subject"][1] == table["source"][1].removesuffix(".xml")
    assert set(table["subject"][2:]) == {""}
    stored = (tmp_path / "e.parquet").read_bytes()
    assert not [number for number in (b"1234567", b"7654321") if number in stored + err.encode()]
    whole = table[table["refused"] == ""].filter(like="embedding_")
    files = [records / f"{name}.hea" for name in ("1234567_2", "b", "c", "d")]
    np.testing.assert_allclose(whole.to_numpy(), EcgEmbedder().transform(files), rtol=0, atol=1e-6)


def test_parquet_and_csv_hold_the_same(capsys, tmp_path, records):
    for suffix in ("parquet", "csv"):
        assert run(capsys, "embed", records / "b.hea", records / "c.hea", "--out", tmp_path / f"e.{suffix}")[0] == 0
    parquet, text = pd.read_parquet(tmp_path / "e.parquet"), pd.read_csv(tmp_path / "e.csv", dtype={"embedding_0": "float32"})
    assert list(text.columns) == [*parquet.columns, "model", "notice"]
    np.testing.assert_array_equal(text["embedding_0"], parquet["embedding_0"])


def test_one_bad_file_alone_is_status_2_and_a_row(capsys, tmp_path, records):
    assert run(capsys, "embed", records / "7654321.xml", "--out", tmp_path / "e.csv")[0] == 2
    assert len(pd.read_csv(tmp_path / "e.csv")) == 1


@pytest.mark.parametrize(
    "argv",
    [
        "b.hea",
        "b.hea --out e.txt",
        "b.hea --out .",
        "b.hea --out no/e.csv",
        "b.hea --out e.csv --model absent",
        "b.hea --out e.csv --unit kg",
        "empty --out e.csv",
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(capsys, records, monkeypatch, argv):
    monkeypatch.chdir(records)
    (records / "empty").mkdir()
    before = sorted(records.iterdir())
    status, _, err = run(capsys, "embed", *argv.split())
    assert status == 2
    assert err.startswith("cardiolens: ")
    assert err.count("\n") == 1
    assert sorted(records.iterdir()) == before


def test_a_lead_that_was_not_recorded_is_taken_where_that_is_allowed(capsys, tmp_path, recordings):
    flat = recordings[0].signal_mv.copy()
    flat[7] = 0
    write(tmp_path / "flat.hea", replace(recordings[0], signal_mv=flat))
    assert run(capsys, "embed", tmp_path / "flat.hea", "--out", tmp_path / "e.csv")[0] == 2
    assert run(capsys, "embed", tmp_path / "flat.hea", "--out", tmp_path / "e.csv", "--allow-missing-leads")[0] == 0


def test_a_bare_array_needs_what_is_declared(capsys, tmp_path, recordings):
    np.save(tmp_path / "e.npy", recordings[2].signal_mv * 1000)
    names = ",".join(recordings[2].leads)
    out = tmp_path / "e.parquet"
    assert run(capsys, "embed", tmp_path / "e.npy", "--out", out)[0] == 2
    declared = ("--rate", 500, "--unit", "uV", "--lead-names", names)
    assert run(capsys, "embed", tmp_path / "e.npy", "--out", out, *declared)[0] == 0
    found = pd.read_parquet(out).filter(like="embedding_").to_numpy()
    np.testing.assert_allclose(found, EcgEmbedder().transform([recordings[2]]), rtol=0, atol=1e-3)


def test_a_stopped_run_goes_on_where_it_was(capsys, tmp_path, records, monkeypatch):
    monkeypatch.setattr(embedding_table, "ROWS_PER_PIECE", 2)
    run(capsys, "embed", records, "--out", tmp_path / "whole.parquet")
    asked = []
    embed_inputs = EmbeddingModel.embed_inputs

    def stopped(self, inputs, intake):
        for row in embed_inputs(self, inputs, intake):
            if len(asked) == 3:
                raise KeyboardInterrupt
            asked.append(row.source)
            yield row

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddingModel, "embed_inputs", stopped)
        status, _, err = run(capsys, "embed", records, "--out", tmp_path / "e.parquet")
    assert status == 130
    assert "to go on from here" in err
    assert not (tmp_path / "e.parquet").exists()
    taken_in = []
    take_in = Intake.file
    monkeypatch.setattr(Intake, "file", lambda self, one: taken_in.append(one) or take_in(self, one))
    status, _, err = run(capsys, "embed", records, "--out", tmp_path / "e.parquet")
    assert (status, len(taken_in)) == (1, 2)
    assert "5 rows" in err
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "e.parquet"), pd.read_parquet(tmp_path / "whole.parquet"))
    assert sorted(file.name for file in tmp_path.glob("*e.parquet*")) == ["e.parquet", "whole.parquet"]


def test_the_page_names_what_a_file_holds(capsys, tmp_path, records):
    run(capsys, "embed", records / "b.hea", "--out", tmp_path / "e.parquet")
    schema = pq.read_schema(tmp_path / "e.parquet")
    page = PAGE.read_text()
    assert [name for name in schema.names if f"`{name}`" in page] == [*schema.names[:4], schema.names[-1]]


def test_the_pages_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for k in range(12):
        write(tmp_path / f"{k:02d}.hea", make_subject(seed=5, index=k, with_mri=False).recording)
    visits = pd.DataFrame({"ecg": [f"{k:02d}.hea" for k in range(12)], "person": np.arange(12) // 2, "infarction": [0, 1] * 6})
    visits.to_csv("visits.csv", index=False)
    assert run(capsys, "embed", *sorted(tmp_path.glob("*.hea")), "--out", "embeddings.parquet")[0] == 0
    names: dict = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL):
        exec(example, names)
    assert names["matrix"].shape == (12, 384)
    assert len(names["areas"]) == 3
