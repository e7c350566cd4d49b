"""Keyed hashes in place of participants' numbers, in every name that is shown or stored.

The key is 32 random bytes in the user's own configuration folder, made on first use and readable by the user alone.
Without it a hash cannot be turned back into a number by trying all seven-digit numbers. Where a cohort is prepared its own
key takes that one's place, so that what is stored of it is the same in every process and on every machine.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import re
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

# Seven digits that are not part of a longer number, as UK Biobank numbers its participants.
# A name that is hidden already may hold seven digits by chance and is left as it is.
_PARTICIPANT = re.compile(r"id-[0-9a-f]{8}(?![0-9a-f])|(?<!\d)[1-9]\d{6}(?!\d)")
_HIDDEN = re.compile(r"id-[0-9a-f]{8}(?![0-9a-f])")
_KEY: ContextVar[bytes | None] = ContextVar("key of the names that are hidden", default=None)


def keyed_hash(identifier: str, *, key: bytes, length: int = 12) -> str:
    """`length` hexadecimal digits of HMAC-SHA256 of `identifier` under `key`."""
    return hmac.new(key, identifier.encode(), hashlib.sha256).hexdigest()[:length]


def display_name(path: str | Path) -> str:
    """The last part of `path` with every participant's number replaced by a keyed hash: safe for logs and tables."""
    return hide_participants(Path(path).name or str(path))


def typed_path(path: str | Path) -> str:
    """`path` as a shown command names it: a relative one as it is, of an absolute one the last part, without the machine."""
    return shlex.quote(display_name(path) if Path(path).is_absolute() else hide_participants(str(path)))


def hide_participants(text: str) -> str:
    """`text` with every free-standing seven-digit number replaced by `id-` and a keyed hash."""
    return _PARTICIPANT.sub(lambda match: _hidden(match.group()), text)


def hidden_participant(shown: str) -> str:
    """The one `id-` name in a text that is safe to show; empty where there is none, or several people's."""
    names = hidden_participants(shown)
    return names.pop() if len(names) == 1 else ""


def hidden_participants(shown: str) -> set[str]:
    """Every `id-` name in a text that is safe to show."""
    return set(_HIDDEN.findall(shown))


def _hidden(found: str) -> str:
    return found if found.startswith("id-") else f"id-{keyed_hash(found, key=_KEY.get() or user_key(), length=8)}"


@contextmanager
def hiding_by(key: bytes | None) -> Iterator[None]:
    """What is hidden meanwhile is hidden by this key; by the user's own where there is none."""
    token = _KEY.set(key)
    try:
        yield
    finally:
        _KEY.reset(token)


@functools.cache
def user_key() -> bytes:
    """The user's own 32-byte key; for this process only where no file can be written."""
    path = Path.home() / ".config" / "cardiolens" / "hash.key"
    try:
        return _stored_key(path)
    except OSError:
        return secrets.token_bytes(32)


def _stored_key(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(fresh, path)  # fails where another process was faster: its key stands
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()
