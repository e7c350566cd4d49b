"""Keyed hashes in place of participants' numbers, in every name that is shown or stored.

The key is 32 random bytes in the user's own configuration folder, made on first use and readable by the user alone.
Without it a hash cannot be turned back into a number by trying all seven-digit numbers.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

# Seven digits that are not part of a longer number, as UK Biobank numbers its participants.
_PARTICIPANT = re.compile(r"(?<!\d)[1-9]\d{6}(?!\d)")


def keyed_hash(identifier: str, *, key: bytes, length: int = 12) -> str:
    """`length` hexadecimal digits of HMAC-SHA256 of `identifier` under `key`."""
    return hmac.new(key, identifier.encode(), hashlib.sha256).hexdigest()[:length]


def display_name(path: str | Path) -> str:
    """The last part of `path` with every participant's number replaced by a keyed hash: safe for logs and tables."""
    return hide_participants(Path(path).name or str(path))


def hide_participants(text: str) -> str:
    """`text` with every free-standing seven-digit number replaced by `id-` and a keyed hash."""
    return _PARTICIPANT.sub(lambda match: f"id-{keyed_hash(match.group(), key=user_key(), length=8)}", text)


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
