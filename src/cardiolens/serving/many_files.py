"""Answers for thousands of ECG files, on several processes, in order, with constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from cardiolens.formats.collection import EcgInput, list_inputs
from cardiolens.parallel import map_some_in_order
from cardiolens.serving.answers import Answer, Refusal
from cardiolens.serving.predictor import Predictor


def answer_files(bundle: Path, paths: Iterable[Path], *, processes: int, **settings: Any) -> Iterator[Answer | Refusal]:
    """As `Predictor.iterate_files` of the bundle in a folder, each process on one thread; numbers agree to the last digits.

    Raises:
        BadBundle: the folder is no whole bundle, or has no heads.
        CardiolensError: a worker process was killed.
    """
    work = partial(_answer_some, bundle=bundle, settings=settings)
    return map_some_in_order(work, list_inputs(paths), processes=processes)


def _answer_some(inputs: tuple[EcgInput, ...], *, bundle: Path, settings: Mapping[str, Any]) -> list[Answer | Refusal]:
    predictor = _predictor(bundle)
    return predictor.answer([predictor.intake(**settings).file(one) for one in inputs])


@lru_cache(maxsize=1)
def _predictor(bundle: Path) -> Predictor:
    return Predictor.from_pretrained(bundle)
