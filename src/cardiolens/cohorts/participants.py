"""The one file in which participants' numbers may stand: the key of a cohort's hashes, and who is who.

It is the user's to keep, apart from the cohort. One key file may serve many cohorts: the same person then has the same hash
and the same split in all of them. People who withdrew are remembered by hash and never taken in again.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cardiolens.atomic import full_disk_named, sync
from cardiolens.errors import BadOption
from cardiolens.privacy import keyed_hash

SCHEMA_VERSION = 1
_KEY_BYTES = 32
_ABOUT = (
    "Key of a cohort's subjects. Whoever has this file can tell who is who: keep it apart from the cohort, "
    "and never hand it on. cardiolens, research use only."
)


@dataclass(frozen=True)
class Participants:
    """A key and the people it was used for."""

    path: Path
    key: bytes = field(repr=False)
    names: dict[str, str] = field(repr=False)
    """Participant by subject."""
    withdrawn: frozenset[str] = frozenset()
    """Subjects who must not be taken in again."""

    @classmethod
    def open(cls, path: Path) -> Participants:
        """The key file at `path`.

        Raises:
            BadOption: there is none, or it is damaged.
        """
        try:
            stored = json.loads(path.read_text())
            key, names = bytes.fromhex(stored["key"]), dict(stored["participants"])
            if stored["schema_version"] != SCHEMA_VERSION or len(key) != _KEY_BYTES:
                raise ValueError(stored["schema_version"])
            return cls(path, key, names, frozenset(stored["withdrawn"]))
        except FileNotFoundError:
            raise BadOption(
                path, found="no such file", expected="the key file that was written when the cohort was prepared",
                remedy="give its place by --key",
            ) from None  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadOption(
                path, found="a file that is no key file", expected=f"a key file of version {SCHEMA_VERSION}",
                remedy="give the file that was written when the cohort was prepared",
            ) from error  # fmt: skip

    @classmethod
    def open_or_make(cls, path: Path) -> Participants:
        """The key file at `path`, with a new random key where there is none; nothing is written yet.

        Raises:
            BadOption: the file is damaged.
        """
        return cls.open(path) if path.exists() else cls(path, secrets.token_bytes(_KEY_BYTES), {})

    @property
    def split_key(self) -> bytes:
        """Decides splits and training sets; another one than that of the hashes, so that neither tells of the other."""
        return keyed_hash("splits", key=self.key, length=64).encode()

    @property
    def are_numbers(self) -> bool:
        """Whether everybody whom it knows by name is called by a whole number, as UK Biobank's participants are."""
        return bool(self.names) and all(name.isascii() and name.isdigit() for name in self.names.values())

    def subject(self, participant: str) -> str:
        """The keyed hash that stands for a participant everywhere else."""
        return keyed_hash(participant, key=self.key)

    def recorded(self, participants: Iterable[str], *, withdrawn: Collection[str] = ()) -> Participants:
        """The same with these people, and without those who withdrew, written to the disk, readable by the user alone.

        Who withdrew is remembered by hash, so that a later cohort of this key leaves them out even without the list.

        Raises:
            BadOption: two people have the same hash; another key file is needed.
            NoSpace: the disk is full; the old file stands.
        """
        names = dict(self.names)
        for participant in participants:
            subject = self.subject(participant)
            if names.setdefault(subject, participant) != participant:
                raise BadOption(
                    self.path, found="two participants with one hash", expected="one each", remedy="begin a new key file"
                )
        gone = self.withdrawn | {self.subject(participant) for participant in withdrawn}
        left = {subject: name for subject, name in names.items() if subject not in gone}
        return self._written(replace(self, names=left, withdrawn=gone))

    def without(self, subjects: Collection[str]) -> Participants:
        """The same without these subjects, who are remembered as withdrawn; written to the disk.

        Raises:
            NoSpace: the disk is full; the old file stands.
        """
        names = {subject: name for subject, name in self.names.items() if subject not in subjects}
        return self._written(replace(self, names=names, withdrawn=self.withdrawn | frozenset(subjects)))

    def _written(self, changed: Participants) -> Participants:
        if changed == self and self.path.exists():
            return self
        stored = {
            "about": _ABOUT,
            "schema_version": SCHEMA_VERSION,
            "key": self.key.hex(),
            "withdrawn": sorted(changed.withdrawn),
            "participants": dict(sorted(changed.names.items())),
        }
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            with full_disk_named(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # Never readable by others, not even while it is written.
                descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    file.write(json.dumps(stored, indent=0) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                fresh.replace(self.path)
                sync(self.path.parent)
        finally:
            fresh.unlink(missing_ok=True)
        return changed


def key_file_of(cohort: Path) -> Path:
    """Where the key file of a cohort lies if the user names no other place: beside it, never in it."""
    return cohort.with_name(f"{cohort.name}.participants.json")
