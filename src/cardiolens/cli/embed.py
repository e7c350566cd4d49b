"""`embed`: what the encoder makes of ECG files, as a table for one's own models."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from pathlib import Path

from cardiolens.cli.ecg_files import IN_FULL, add_inputs, count_inputs, declared
from cardiolens.cli.verbs import add_verb, exit_status, refuse_output


def add_verbs(verbs: argparse._SubParsersAction) -> None:
    """`embed`."""
    embed = add_verb(
        verbs,
        "embed",
        _embed,
        "embeddings of ECG files, one row per file",
        "cardiolens embed records/ --out embeddings.parquet\n"
        "  cardiolens embed archive.zip --out embeddings.csv --model runs/mine/bundle",
    )
    add_inputs(embed)
    embed.add_argument("--out", type=Path, required=True, help="a .parquet or .csv; a stopped run goes on")
    embed.add_argument(
        "--model", help="a bundle, with or without heads, or OWNER/NAME of one on the hub (default: the one that ships)"
    )


def _embed(arguments: argparse.Namespace) -> int:
    from cardiolens.formats.collection import list_inputs
    from cardiolens.progress import QUIET, terminal_progress
    from cardiolens.serving.answers import Refusal
    from cardiolens.serving.embedding_model import EmbeddingModel
    from cardiolens.serving.embedding_table import SUFFIXES, EmbeddingTable

    refuse_output("embed", "--out", arguments.out, suffixes=SUFFIXES)
    of_files, count = declared(arguments), count_inputs(arguments, "embed")
    model = EmbeddingModel.from_pretrained(arguments.model)
    table = EmbeddingTable(arguments.out, model, settings=f"{of_files} {arguments.allow_missing_leads}")
    done = table.go_on(ecg_input.source for ecg_input in list_inputs(arguments.files))
    intake = model.intake(declared=of_files, allow_missing_leads=arguments.allow_missing_leads)
    found = model.embed_inputs(islice(list_inputs(arguments.files), done, None), intake)
    progress = terminal_progress() if count > IN_FULL else QUIET
    try:
        with progress.task("embedding", total=count, done=done, unit="files") as task:
            for row in found:
                if isinstance(row, Refusal):
                    print(f"cardiolens: {row.reason}", file=sys.stderr)
                table.write(row)
                task.advance()
        table.finish()
    finally:
        table.close()
    print(f"{table.rows} rows in {arguments.out}; {table.refused} refused. {model.notice}", file=sys.stderr)
    return exit_status(table.refused, table.rows)
