"""Frozen dataclasses to JSON and back, and their fingerprints.

A field whose declared type is an abstract configuration (a method, say) is stored with the name of its class under
`kind`. Unknown keys and unknown kinds are errors, never ignored.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override
from cattrs.v import format_exception

from cardiolens.errors import BadOption, CardiolensError

T = TypeVar("T")
KIND = "kind"
LATER: Mapping[str, Any] = MappingProxyType({"later": True})
"""Metadata of a field that came when configurations had been stored already. At its default it is not stored, so that they keep
their JSON and their fingerprints."""


class Kinds:
    """Base of an abstract configuration whose subclasses are stored by their class name."""


def to_json(config: object) -> dict[str, Any]:
    """Plain dictionaries, lists, numbers and strings."""
    return _converter().unstructure(config)


def from_json(cls: type[T], stored: dict[str, Any], *, source: str | Path) -> T:
    """The configuration of class `cls` that `to_json` wrote; `source` names the file in errors.

    Raises:
        BadOption: a key is unknown, missing or of another type.
    """
    try:
        return _converter().structure(stored, cls)
    except Exception as error:
        grouped = isinstance(error, cattrs.BaseValidationError)
        found = "; ".join(cattrs.transform_error(error, format_exception=_in_words)) if grouped else str(error)
        raise BadOption(
            source, found=found, expected=f"the settings of {cls.__name__}", remedy="mend or remove what is named"
        ) from error


def digest(config: object) -> str:
    """SHA-256 over the canonical JSON of a configuration."""
    return hashlib.sha256(json.dumps(to_json(config), sort_keys=True).encode()).hexdigest()


def refuse_outside(config: object, ranges: Mapping[str, tuple[bool, str]]) -> None:
    """Refuse a configuration with a field out of range; `ranges` holds per field whether it is inside, and the range in words.

    Raises:
        BadOption: the first such field, by class and name.
    """
    for field, (holds, expected) in ranges.items():
        if not holds:
            found = str(getattr(config, field))
            raise BadOption(f"{type(config).__name__}.{field}", found=found, expected=expected, remedy="change the setting")


@functools.cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook_factory(_has_later_fields, functools.partial(_without_unused, converter))
    converter.register_unstructure_hook_func(
        lambda cls: inspect.isclass(cls) and issubclass(cls, Kinds),
        lambda config: {KIND: type(config).__name__} | _without_unused(converter, type(config))(config),
    )
    converter.register_structure_hook_func(
        lambda cls: inspect.isclass(cls) and issubclass(cls, Kinds), lambda stored, cls: _structure_kind(converter, stored, cls)
    )
    return converter


def _has_later_fields(cls: object) -> bool:
    return is_dataclass(cls) and any(field.metadata.get("later") for field in fields(cls))


def _without_unused(converter: cattrs.Converter, cls: type) -> Callable[[object], dict[str, Any]]:
    unused = {field.name: override(omit_if_default=True) for field in fields(cls) if field.metadata.get("later")}
    return make_dict_unstructure_fn(cls, converter, **unused)


class _UnknownKind(ValueError):
    """A stored kind that no class here has."""


def _in_words(error: BaseException, expected: type | None) -> str:
    # A configuration that refuses its own values says why; cattrs would only call them invalid.
    own = isinstance(error, _UnknownKind | CardiolensError) or (type(error) is ValueError and expected is None)
    return str(error) if own else format_exception(error, expected)


def _structure_kind(converter: cattrs.Converter, stored: dict[str, Any], cls: type) -> object:
    known = {sub.__name__: sub for sub in _descendants(cls)}
    name = stored.get(KIND)
    if name not in known:
        raise _UnknownKind(f"kind {name!r}, known are {', '.join(sorted(known))}")
    build = make_dict_structure_fn(known[name], converter, _cattrs_forbid_extra_keys=True)
    return build({key: value for key, value in stored.items() if key != KIND}, known[name])


def _descendants(cls: type) -> list[type]:
    return [cls, *(leaf for sub in cls.__subclasses__() for leaf in _descendants(sub))]
