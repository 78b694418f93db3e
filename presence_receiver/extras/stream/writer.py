"""Lines in; acknowledged by a quorum of the stream's servers, or StorageError. The writer of a receiver without a disk.

Every process has one connection, in an event loop of its own; requests hand their lines over and wait for the
outcome.
"""
from __future__ import annotations

import collections
import os
import threading
import time

from presence_receiver.config import Settings
from presence_receiver.errors import StorageError
from presence_receiver.extras.stream import event_loop
from presence_receiver.extras.stream.publisher import Publisher, Waiting
from presence_receiver.metrics import Metrics

GRACE_SECONDS = 0.4
"""How much longer than its deadline a request waits for the outcome."""


class StreamWriter:
    """Publishes to the stream; connects with the first append, in the process that appends."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._mutex = threading.Lock()
        self._process = 0
        self._begin()

    def _begin(self) -> None:
        """A process that has been forked has nothing of its parent's connection."""
        self._queue: collections.deque[Waiting] = collections.deque()
        self._publisher = Publisher(self._settings)
        self._is_told = False

    def append(self, accepted: bytes, rejected: bytes) -> None:
        """Return when a quorum has the lines; StorageError when it does not in time."""
        if accepted or rejected:
            self._wait(Waiting(accepted, rejected))

    def check(self) -> None:
        """Ask the stream how it is: StorageError where a delivery would get it now."""
        waiting = Waiting.to_ask()
        try:
            self._wait(waiting)
        finally:
            self._metrics.streamed(not waiting.fault, self._publisher.lag)

    def _wait(self, waiting: Waiting) -> None:
        self._start()
        self._hand_over(waiting)
        waiting.turn.acquire(timeout=waiting.deadline - time.monotonic() + GRACE_SECONDS)
        if waiting.fault:
            raise StorageError(waiting.fault, "stream")

    def _start(self) -> None:
        with self._mutex:
            if self._process != os.getpid():
                self._process = os.getpid()
                self._begin()
                self._loop = event_loop.started(self._publisher.keep_connected)

    def _hand_over(self, waiting: Waiting) -> None:
        """Wake the loop once for all that come before it looks."""
        self._queue.append(waiting)
        if not self._is_told:
            self._is_told = True
            self._loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        """In the loop: begin with all that wait."""
        self._is_told = False
        while self._queue:
            self._publisher.begin(self._queue.popleft())
