"""How long work shows itself: a bar on a terminal, lines in a log, nothing in a test."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import TextIOBase

SECONDS_BETWEEN_LINES = 30.0
SECONDS_BETWEEN_UPDATES = 0.1


class ProgressTask(ABC):
    """One piece of work whose size is known."""

    @abstractmethod
    def advance(self, count: int = 1) -> None:
        """So many more are done."""

    @abstractmethod
    def note(self, line: str) -> None:
        """Something that a reader of the log wants to keep, such as an epoch's metrics."""


class Progress(ABC):
    """A way to show progress."""

    @abstractmethod
    def task(self, title: str, *, total: int, done: int = 0, unit: str = "steps") -> AbstractContextManager[ProgressTask]:
        """A context in which a task of `total` units runs, of which `done` were done by an earlier process."""


class QuietProgress(Progress):
    """Shows nothing."""

    @contextmanager
    def task(self, title: str, *, total: int, done: int = 0, unit: str = "steps") -> Iterator[ProgressTask]:
        yield _QuietTask()


QUIET = QuietProgress()


class PlainProgress(Progress):
    """One line per note, and one every half minute with rate and time left: for logs."""

    def __init__(self, out: TextIOBase | None = None) -> None:
        self._out = out

    @contextmanager
    def task(self, title: str, *, total: int, done: int = 0, unit: str = "steps") -> Iterator[ProgressTask]:
        yield _PlainTask(self._out or sys.stderr, title, total, done, unit)


class BarProgress(Progress):
    """A bar with rate and time left; notes scroll by above it."""

    @contextmanager
    def task(self, title: str, *, total: int, done: int = 0, unit: str = "steps") -> Iterator[ProgressTask]:
        from rich import progress as bars
        from rich.console import Console

        columns = (
            bars.TextColumn("{task.description}"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[rate]}"),
            bars.TimeRemainingColumn(),
        )
        with bars.Progress(*columns, console=Console(stderr=True)) as shown:
            task = _BarTask(shown, title, total, done, unit)
            yield task
            task.show()


def terminal_progress() -> Progress:
    """A bar where a person looks at standard error, plain lines where it goes into a file."""
    return BarProgress() if sys.stderr.isatty() else PlainProgress()


class _QuietTask(ProgressTask):
    def advance(self, count: int = 1) -> None:
        pass

    def note(self, line: str) -> None:
        pass


class _Rate:
    """Units per second since this process began, and what is left at that rate."""

    def __init__(self, total: int, done: int, unit: str) -> None:
        self.total, self.done, self.unit = total, done, unit
        self._here, self._began = 0, time.monotonic()

    def advance(self, count: int) -> None:
        self.done += count
        self._here += count

    @property
    def per_second(self) -> float:
        return self._here / max(time.monotonic() - self._began, 1e-9)

    def rate_text(self) -> str:
        if 0 < self.per_second < 1:
            return f"{1 / self.per_second:,.1f} s each"
        return f"{self.per_second:,.{0 if self.per_second >= 100 else 1}f} {self.unit}/s"

    def left_text(self) -> str:
        return f"{_in_words((self.total - self.done) / self.per_second)} left" if self._here else "time left unknown"


class _PlainTask(ProgressTask):
    def __init__(self, out: TextIOBase, title: str, total: int, done: int, unit: str) -> None:
        self._out, self._title, self._rate = out, title, _Rate(total, done, unit)
        self._written = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self._rate.advance(count)
        if time.monotonic() - self._written >= SECONDS_BETWEEN_LINES:
            self._write(f"{self._rate.done} of {self._rate.total} {self._rate.unit}, {self._rate.rate_text()}")

    def note(self, line: str) -> None:
        self._write(line)

    def _write(self, line: str) -> None:
        self._written = time.monotonic()
        print(f"{self._title}: {line}, {self._rate.left_text()}", file=self._out, flush=True)


class _BarTask(ProgressTask):
    def __init__(self, shown: object, title: str, total: int, done: int, unit: str) -> None:
        self._shown, self._title, self._rate = shown, title, _Rate(total, done, unit)
        self._task = shown.add_task(title, total=total, completed=done, rate="")
        self._updated = time.monotonic()

    def advance(self, count: int = 1) -> None:
        self._rate.advance(count)
        # Formatting takes 0.15 ms: too much for every step of a small model, and nobody sees more than ten a second.
        if time.monotonic() - self._updated >= SECONDS_BETWEEN_UPDATES:
            self.show()

    def show(self) -> None:
        """Bring the bar up to date."""
        self._updated = time.monotonic()
        self._shown.update(self._task, completed=self._rate.done, rate=self._rate.rate_text())

    def note(self, line: str) -> None:
        self._shown.console.print(f"{self._title}: {line}", markup=False, highlight=False)


def _in_words(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
