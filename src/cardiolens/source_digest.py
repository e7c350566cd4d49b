"""A digest over what code means, so that rewording a docstring or running a formatter changes nothing.

It is the same on every Python that the package supports.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

# What a reader of the code sees and the machine does not act on. `kind` is the u of u"..."; `ctx` follows from the place.
_IDLE_FIELDS = frozenset({"annotation", "returns", "type_comment", "kind", "ctx", "type_ignores"})


def source_digest(modules: Sequence[str]) -> str:
    """SHA-256 over the meaning of some modules; a package counts with all that lies in it.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    return digest_of_sources({name: path.read_text(encoding="utf-8") for name, path in sorted(set(_files(modules)))})


def digest_of_sources(sources: Mapping[str, str]) -> str:
    """SHA-256 over Python sources by name: blind to comments, docstrings, annotations and layout, and to nothing else."""
    canonical = "\n".join(f"{name}\n{_canonical(ast.parse(text))}" for name, text in sorted(sources.items()))
    return hashlib.sha256(canonical.encode()).hexdigest()


def with_imports(module: str, *, within: str) -> tuple[str, ...]:
    """`module` and every module of the package `within` that it imports, directly or through others, in order of name.

    Imports inside functions count. `within` is a dotted name, for example `cardiolens.synthetic`; an `__init__` that only
    re-exports is no module of its own.
    """
    found: set[str] = set()
    waiting = {module}
    while waiting:
        found |= waiting
        imported = {name for module in waiting for name in _imported(module) if name.startswith(f"{within}.")}
        waiting = {name for name in imported - found if _is_plain_module(name)}
    return tuple(sorted(found))


def _imported(module: str) -> Iterator[str]:
    """Dotted names that may be modules; of `from a import b`, both a and a.b."""
    ((_, path),) = _files([module])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_plain_module(name: str) -> bool:
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:
        return False
    return spec is not None and spec.submodule_search_locations is None


def _files(modules: Iterable[str]) -> Iterator[tuple[str, Path]]:
    for module in modules:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"no module {module!r} to take a digest of")
        origin = Path(spec.origin)
        if spec.submodule_search_locations is None:
            yield module, origin
            continue
        for path in origin.parent.rglob("*.py"):
            yield ".".join((module, *path.relative_to(origin.parent).with_suffix("").parts)), path


def _canonical(node: object) -> str:
    """Type names and non-empty fields, whatever their positions: the text of one tree is the same on every Python."""
    if isinstance(node, list):
        kept = [item for item in node if not _is_free_string(item)]
        return "[" + ",".join(map(_canonical, kept)) + "]"
    if isinstance(node, ast.JoinedStr):
        return f"JoinedStr({','.join(_joined(node.values))})"
    if isinstance(node, ast.AST):
        # Python 3.12 and 3.13 add fields that are empty wherever 3.11 can express the same.
        fields = [(name, value) for name, value in ast.iter_fields(node) if name not in _IDLE_FIELDS]
        filled = [f"{name}={_canonical(value)}" for name, value in fields if value is not None and value != []]
        constant = isinstance(node, ast.Constant) and node.value is None
        return f"{type(node).__name__}({'None' if constant else ','.join(filled)})"
    return f"{type(node).__name__}:{node!r}"


def _joined(parts: list[ast.expr]) -> Iterator[str]:
    """The parts of an f-string, with neighbouring literals joined: Python 3.11 and 3.12 cut them differently."""
    literal = ""
    for part in parts:
        if isinstance(part, ast.Constant):
            literal += part.value
            continue
        if literal:
            yield repr(literal)
        literal = ""
        yield _canonical(part)
    if literal:
        yield repr(literal)


def _is_free_string(item: object) -> bool:
    """A string that stands alone: a docstring of a module, class, function or field."""
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) and isinstance(item.value.value, str)
