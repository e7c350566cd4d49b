"""Embeddings as a file: written piece by piece, gone on with where a run was stopped, under its name when it is whole.

A row per ECG file: `source`; `subject`, the hidden name of the participant whose number the source holds, by which `withdraw`
finds the row (empty where there is none); `refused`, the reason or empty; `embedding_0` and on, float32, null where refused.
One column per number, not one list column: pandas then reads a matrix (`table.filter(like="embedding_")`), a CSV can hold the
same, and the names are those of `EcgEmbedder`; a list column becomes a column of Python objects there.

Parquet keeps model, weights, notice and schema version in its metadata; a CSV, which has none, has columns `model` and
`notice`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from cardiolens.atomic import full_disk_named, sync
from cardiolens.privacy import hidden_participant
from cardiolens.serving.answers import Refusal
from cardiolens.serving.embedding_model import Embedding, EmbeddingModel, embedding_names
from cardiolens.serving.withdrawn_rows import SUBJECT
from cardiolens.spreadsheet import harmless

SCHEMA_VERSION = 1
SUFFIXES = (".parquet", ".csv")
ROWS_PER_PIECE = 2048
"""Rows held in memory; so many are lost where the process is killed, none where it is stopped."""

_TEXT = ("source", SUBJECT, "refused")


class EmbeddingTable:
    """Rows so far lie in hidden pieces beside `path`; a new process with the same model and `settings` goes on after them.

    `settings` are whatever the rows depend on besides the model, in words.
    """

    def __init__(self, path: Path, model: EmbeddingModel, *, settings: str) -> None:
        self.path = path
        self.rows, self.refused = 0, 0
        self._model, self._held = model, []
        about = {
            "schema_version": str(SCHEMA_VERSION),
            "model": model.name,
            "weights_sha256": model.weights_sha256,
            "notice": model.notice,
        }
        numbers = [pa.field(name, pa.float32()) for name in embedding_names(model.width)]
        fields = [*(pa.field(name, pa.string()) for name in _TEXT), *numbers]
        self._schema = pa.schema(fields, metadata={f"cardiolens.{key}": value for key, value in about.items()})
        self._digest = hashlib.sha256("\n".join([settings, *about.values()]).encode()).hexdigest()[:8]

    def go_on(self, sources: Iterable[str]) -> int:
        """How many of the files, whose names are given in the order in which they will be written, are in the table already.

        Pieces of other files, or of the same in another order, are forgotten.
        """
        waiting, pieces = iter(sources), self._pieces()
        for place, piece in enumerate(pieces):
            before = pq.read_table(piece, columns=["source", "refused"])
            if before["source"].to_pylist() != list(islice(waiting, len(before))):
                for other in pieces[place:]:
                    other.unlink()
                break
            self.rows += len(before)
            self.refused += sum(bool(reason) for reason in before["refused"].to_pylist())
        return self.rows

    def write(self, row: Embedding | Refusal) -> None:
        """One more row.

        Raises:
            NoSpace: the disk is full; what is whole is kept.
        """
        self._held.append(row)
        self.rows += 1
        self.refused += isinstance(row, Refusal)
        if len(self._held) == ROWS_PER_PIECE:
            self.close()

    def close(self) -> None:
        """Put what is in memory on disk, to go on later.

        Raises:
            NoSpace: the disk is full; earlier pieces are kept.
        """
        if self._held:
            piece = self._piece(len(self._pieces()))
            with full_disk_named(self.path):
                fresh = piece.with_suffix(".unfinished.part")
                pq.write_table(self._table(self._held), fresh, use_dictionary=list(_TEXT[1:]))
                sync(fresh)
                fresh.replace(piece)
            self._held = []

    def finish(self) -> None:
        """The table is whole: it takes its name.

        Raises:
            NoSpace: the disk is full; the pieces are kept.
        """
        self.close()
        pieces = self._pieces()
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            with full_disk_named(self.path):
                (_write_csv if self.path.suffix.lower() == ".csv" else _write_parquet)(fresh, self._schema, pieces)
                sync(fresh)
                fresh.replace(self.path)
                sync(self.path.parent)
        finally:
            fresh.unlink(missing_ok=True)
        for piece in pieces:
            piece.unlink()

    def _pieces(self) -> list[Path]:
        found = []
        while (piece := self._piece(len(found))).exists():
            found.append(piece)
        return found

    def _piece(self, place: int) -> Path:
        return self.path.with_name(f".{self.path.name}.{self._digest}-{place:06d}.part")

    def _table(self, rows: list[Embedding | Refusal]) -> pa.Table:
        numbers = np.zeros((self._model.width, len(rows)), np.float32)
        missing = np.array([isinstance(row, Refusal) for row in rows])
        for place, row in enumerate(rows):
            if isinstance(row, Embedding):
                numbers[:, place] = row.vector
        text = [
            [row.source for row in rows],
            [hidden_participant(row.source) for row in rows],
            [row.reason if isinstance(row, Refusal) else "" for row in rows],
        ]
        columns = [*map(pa.array, text), *(pa.array(column, mask=missing) for column in numbers)]
        return pa.Table.from_arrays(columns, schema=self._schema)


def _write_parquet(path: Path, schema: pa.Schema, pieces: list[Path]) -> None:
    # Numbers hardly repeat: a dictionary of them would make the file a third larger.
    with pq.ParquetWriter(path, schema, use_dictionary=list(_TEXT[1:])) as out:
        for piece in pieces:
            out.write_table(pq.read_table(piece))


def _write_csv(path: Path, schema: pa.Schema, pieces: list[Path]) -> None:
    about = {key: schema.metadata[f"cardiolens.{key}".encode()].decode() for key in ("model", "notice")}
    with pc.CSVWriter(path, pa.schema([*schema, *(pa.field(key, pa.string()) for key in about)])) as out:
        for table in map(pq.read_table, pieces):
            for name in _TEXT:
                place = table.schema.get_field_index(name)
                table = table.set_column(place, name, pa.array(map(harmless, table[name].to_pylist()), pa.string()))
            for key, value in about.items():
                table = table.append_column(key, pa.array([value] * len(table), pa.string()))
            out.write_table(table.replace_schema_metadata(None))
