"""Callers that wait at the same time share one commit and its outcome. Knows nothing of files.

One of them leads the commit of all that wait, and then names the next to lead, in the order in which they came.
"""
from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Sequence

from presence_receiver.storage import thread_pool

GATHER_SECONDS = 0.005
"""How long a commit may wait for more deliveries while they keep coming."""

Batch = tuple[bytes, bytes]
"""One caller's lines and rejected lines."""


class _Waiting:
    """One caller; `turn` is released when its batch is committed, or when it is to lead."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.turn = threading.Lock()
        self.turn.acquire()
        self.is_done = False
        self.error: OSError | None = None


class GroupCommit:
    """Commits by `commit`, which gets the batches of a group in their order and raises OSError for all of them."""

    def __init__(self, commit: Callable[[Sequence[Batch]], None]) -> None:
        self._commit = commit
        self._mutex = threading.Lock()
        self._queue: list[_Waiting] = []
        self._is_led = False

    def join(self, accepted: bytes, rejected: bytes) -> None:
        """Return when the batch is committed; OSError, as of the commit, when it is not."""
        waiting = _Waiting((accepted, rejected))
        if not self._is_first(waiting):
            waiting.turn.acquire()
        if not waiting.is_done:
            self._lead()
        if waiting.error:
            raise waiting.error

    def _is_first(self, waiting: _Waiting) -> bool:
        with self._mutex:
            self._queue.append(waiting)
            is_first, self._is_led = not self._is_led, True
            return is_first

    def _lead(self) -> None:
        """Commit all that wait now; those that come meanwhile are led by the first of them."""
        self._gather()
        with self._mutex:
            group, self._queue = self._queue, []
        error: OSError | None = OSError(errno.EIO, "The commit was cut off.")
        try:
            error = self._outcome(group)
        finally:
            self._finish(group, error)

    def _gather(self) -> None:
        """Let requests that can go on at once join the commit; where there are none, this takes no time."""
        count, end = 0, time.monotonic() + GATHER_SECONDS
        while len(self._queue) > count and time.monotonic() < end:
            count = len(self._queue)
            thread_pool.let_others_go_on()

    def _outcome(self, group: Sequence[_Waiting]) -> OSError | None:
        try:
            self._commit([waiting.batch for waiting in group])
        except OSError as error:
            return error
        return None

    def _finish(self, group: Sequence[_Waiting], error: OSError | None) -> None:
        for waiting in group:
            waiting.error, waiting.is_done = error, True
            waiting.turn.release()
        with self._mutex:
            self._is_led = bool(self._queue)
            if self._queue:
                self._queue[0].turn.release()
