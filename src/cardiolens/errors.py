"""Everything a user can cause, as one tree.

    CardiolensError
    ├── BadInput            a file, folder or option is not what was expected; exit status 2
    │   ├── UnknownFormat       no reader recognises the file
    │   ├── BadRecording        an ECG that cannot be used: truncated, flat, too short, wrong leads
    │   ├── BadImage            an MRI that cannot be used
    │   ├── BadCohort           a cohort directory that is damaged, half-built or of another schema
    │   ├── BadWeights          a weight file that is damaged, unsafe or of another model
    │   ├── BadBundle           a bundle directory that is damaged or of another schema
    │   ├── BadRun              a run directory that cannot be resumed or read
    │   └── BadOption           a setting outside its range, misspelt or impossible with another
    ├── NoSpace             the disk is full; what was written so far is kept and can be resumed
    └── LostProcess         of several processes that train together another one ended

Every message is one line: the file, what was found, what was expected, what to do.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cardiolens.privacy import display_name, hide_participants


class CardiolensError(Exception):
    """A failure with a cause that the user can see and mend."""


class BadInput(CardiolensError):
    """A file, folder or option is not what was expected.

    `str(error)` is one line: "<source>: found <found>; expected <expected>; <remedy>". A path is shown by its name only, a
    text as it is, both with a keyed hash in place of a participant's number.
    """

    def __init__(self, source: str | Path, *, found: str, expected: str, remedy: str) -> None:
        self.source = display_name(source) if isinstance(source, Path) else hide_participants(source)
        self.found, self.expected, self.remedy = found, expected, remedy
        line = " ".join(f"{self.source}: found {found}; expected {expected}; {remedy}".split())
        # What was found may come from a stranger's file; a terminal must not obey it.
        super().__init__("".join(character if character.isprintable() else "?" for character in line))

    def at(self, source: str) -> BadInput:
        """The same failure of something that is called otherwise, such as a member of an archive."""
        again = type(self)(source, found=self.found, expected=self.expected, remedy=self.remedy)
        again.__dict__ |= {name: value for name, value in self.__dict__.items() if name != "source"}
        return again

    def __reduce__(self) -> tuple[object, ...]:
        # An error made in a worker process comes back by pickle, which would call the class with the line alone.
        return partial(type(self), found=self.found, expected=self.expected, remedy=self.remedy), (self.source,)


class UnknownFormat(BadInput):
    """No reader recognises the file."""


class BadRecording(BadInput):
    """An ECG that cannot be used."""

    format = ""
    """What its reader calls the file's format; empty where none was known."""


class BadImage(BadInput):
    """An MRI that cannot be used."""


class BadCohort(BadInput):
    """A cohort directory that is damaged, half-built or of another schema."""


class BadWeights(BadInput):
    """A weight file that is damaged, unsafe or of another model."""


class BadBundle(BadInput):
    """A bundle directory that is damaged or of another schema."""


class BadRun(BadInput):
    """A run directory that cannot be resumed or read."""


class BadOption(BadInput):
    """A setting outside its range, misspelt or impossible with another."""


class NoSpace(CardiolensError):
    """The disk is full."""

    def __init__(self, target: str | Path) -> None:
        self.target = display_name(target)
        super().__init__(
            f"{self.target}: no space left on the device; what is complete is kept; "
            "free some space and run the same command again"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.target,)


class LostProcess(CardiolensError):
    """Of several processes that train together another one ended, or cannot be reached."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"another process of this training ended, or cannot be reached ({reason}); what is complete is kept; "
            "run the same command again to go on from there"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.reason,)
