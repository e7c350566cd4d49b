"""Ctrl-C and a scheduler's SIGTERM, held back until a step is complete."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Interruption:
    """While entered, the first signal is remembered, and a second Ctrl-C acts at once; what nobody acted on acts on leaving.

    SIGTERM may come several times, from a scheduler and from torchrun, and means no more than once: who sends it kills later.
    An interrupt inside the optimiser would leave half of the weights updated. So the loop asks between steps, writes its
    checkpoint, and then lets the signal through. Signals reach the main thread only; elsewhere this does nothing. Where several
    processes train together, they tell each other what they have received, so that all stop at the same step.
    """

    def __init__(self) -> None:
        self._received = 0
        self._heard = 0
        self._acted = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                # A job in the background may have been told to ignore Ctrl-C; it goes on ignoring it.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if error is None and self.requested() and not self._acted:
            self.act()

    @property
    def received(self) -> int:
        """The number of the signal that has come to this process; 0 where none has."""
        return self._received

    def hear(self, number: int) -> None:
        """Take in what came to another process; 0 is nothing. This process's own signal, which may follow, is no second one."""
        self._heard = number

    def requested(self) -> bool:
        """A signal has come."""
        return bool(self._received or self._heard)

    def act(self) -> None:
        """End the program as the signal would have.

        Raises:
            KeyboardInterrupt: it was Ctrl-C.
            SystemExit: it was SIGTERM; the status is 143.
        """
        number = self._received or self._heard
        assert number
        self._acted = True
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        insists = bool(self._received) and number == signal.SIGINT
        self._received = number
        if insists:
            self.act()
