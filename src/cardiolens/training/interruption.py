"""Ctrl-C and a scheduler's SIGTERM, held back until a step is complete."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Interruption:
    """While entered, the first signal is remembered and the second acts at once.

    An interrupt inside the optimiser would leave half of the weights updated. So the loop asks between steps, writes its
    checkpoint, and then lets the signal through. Signals reach the main thread only; elsewhere this does nothing.
    """

    def __init__(self) -> None:
        self._received: int | None = None
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

    def requested(self) -> bool:
        """A signal has come."""
        return self._received is not None

    def act(self) -> None:
        """End the program as the signal would have.

        Raises:
            KeyboardInterrupt: it was Ctrl-C.
            SystemExit: it was SIGTERM; the status is 143.
        """
        assert self._received is not None
        if self._received == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + self._received)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        second = self.requested()
        self._received = number
        if second:
            self.act()
