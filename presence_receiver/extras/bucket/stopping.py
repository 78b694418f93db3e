"""Whether a signal has come that ends a run. Its handler may run anywhere, amid `wait` too, and so it takes no lock.

That of threading.Event takes the one that `wait` may have: whoever waited then would wait for ever.
"""
from __future__ import annotations

import queue
import signal
from contextlib import suppress


class Stopping:
    """SIGTERM or SIGINT, once `listen` is called; `number` is the last that came."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._came = queue.SimpleQueue[int]()  # the one whose put may interrupt itself and get

    def listen(self) -> None:
        """Hear the signals from now on, in the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: self.stop(number))

    def stop(self, number: int) -> None:
        """Let it be as if that signal had come."""
        self.number = number
        self._came.put(number)

    def is_set(self) -> bool:
        """Return whether one has come."""
        return self.number is not None

    def wait(self, seconds: float) -> None:
        """Return when one comes, or after so many seconds."""
        with suppress(queue.Empty):
            self._came.get(timeout=seconds)
