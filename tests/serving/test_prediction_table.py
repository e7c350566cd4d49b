import csv
from dataclasses import replace

import pandas as pd
import pyarrow as pa
from pyarrow.parquet import read_schema, read_table

from cardiolens.bundles.bundle import read_bundle, shipped_bundle_path
from cardiolens.serving.answers import Answer, PhenotypeValue, Refusal, Risk
from cardiolens.serving.prediction_table import write_csv, write_parquet

ANSWER = Answer(
    source="a.hea",
    risks=(Risk("cad", "Coronary artery disease", 0.123456, 0.07),),
    phenotypes=(PhenotypeValue("ecc_global_percent", "Ecc_Global", "Ecc", -21.5, "%"),),
    notes=("resampled from 1000 Hz",),
    model="test model",
    notice="Research use only.",
    applicability=2.5,
    unlike_in=("voltage",),
)
REFUSAL = Refusal("=cmd|calc!A1.xml", "=cmd|calc!A1.xml: found 3 leads; expected 12; export again")


def test_a_file_name_becomes_no_formula_and_a_number_stays_one(tmp_path):
    write_csv(tmp_path / "out.csv", [ANSWER, REFUSAL, replace(ANSWER, model="-x")])
    answered, refused, other = csv.DictReader((tmp_path / "out.csv").open())
    assert refused["source"] == "'=cmd|calc!A1.xml"
    assert refused["refused"].startswith("'=cmd")
    assert (answered["ecc_global_percent"], other["model"]) == ("-21.5000", "'-x")


def test_parquet_is_typed_and_names_its_model(tmp_path):
    bundle = read_bundle(shipped_bundle_path())
    path = tmp_path / "out.parquet"
    write_parquet(path, [ANSWER, REFUSAL, replace(ANSWER, applicability=None)], bundle, notice="for tests")
    table = read_table(path)
    types = {field.name: field.type for field in table.schema}
    assert types["applicable"] == pa.bool_()
    assert types["source"] == types["warning"] == pa.string()
    assert types["cad_risk"] == types["applicability"] == pa.float64()
    assert table["applicable"].to_pylist() == [False, None, None]
    assert table["source"].to_pylist()[1] == REFUSAL.source
    assert table["cad_risk"].to_pylist()[0] == ANSWER.risks[0].probability
    assert pd.read_parquet(path)["cad_risk"].isna().tolist() == [False, True, False]
    about = read_schema(path).metadata
    assert about[b"cardiolens.weights_sha256"].decode() == bundle.config.files["model.safetensors"]
    assert (about[b"cardiolens.model"].decode(), about[b"cardiolens.notice"]) == (bundle.config.name, b"for tests")


def test_a_table_of_refusals_alone_can_be_written(tmp_path):
    write_parquet(tmp_path / "out.parquet", [REFUSAL], read_bundle(shipped_bundle_path()), notice="")
    assert read_table(tmp_path / "out.parquet")["refused"].to_pylist() == [REFUSAL.reason]
