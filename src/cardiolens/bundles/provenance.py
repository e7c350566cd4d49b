"""Where a bundle comes from: digests of the code that made its training data and of the recipe that trained it.

The digest of code is taken over what the code means, so that rewording a docstring or running a formatter does not ask
for a new training, and is the same on every Python that the package supports.
"""

from __future__ import annotations

import ast
import hashlib
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from cardiolens.configs import digest

_DIGESTS = ("generator_sha256", "recipe_sha256")
# What a reader of the code sees and the machine does not act on. `kind` is the u of u"..."; `ctx` follows from the place.
_IDLE_FIELDS = frozenset({"annotation", "returns", "type_comment", "kind", "ctx", "type_ignores"})


def provenance(*, modules: Sequence[str], recipe: object) -> dict[str, str]:
    """What to record in a bundle: the digests of the generator's `modules` and of the `recipe`, and the versions used.

    `modules` are dotted names of modules or packages, for example `cardiolens.synthetic`; `recipe` is a configuration.
    """
    versions = {f"{package}_version": version(package) for package in ("cardiolens", "torch", "numpy")}
    return _digests(modules, recipe) | {"generator": " ".join(modules), "python_version": platform.python_version()} | versions


def outdated(recorded: Mapping[str, str], *, modules: Sequence[str], recipe: object) -> tuple[str, ...]:
    """Which of the recorded digests differ from those of today's code and recipe; empty where the bundle is up to date."""
    today = _digests(modules, recipe)
    return tuple(name for name in _DIGESTS if recorded.get(name) != today[name])


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


def _digests(modules: Sequence[str], recipe: object) -> dict[str, str]:
    return dict(zip(_DIGESTS, (source_digest(modules), digest(recipe)), strict=True))


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
