"""Callers that wait at the same time share one commit and its outcome. Knows nothing of files.

One of them leads the commit of all that wait, and then names the next to lead, in the order in which they came. The
group is formed when the lock is had: until then each may leave the queue at its deadline, and nothing of it is
written; from then on it waits for the outcome, however long that takes. By `python -m tests.benchmarks.parts`, sharing
lets 16 callers do ten times as much a second, for a tenth of the CPU.
"""
from __future__ import annotations

import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress

from presence_receiver.storage import thread_pool
from presence_receiver.storage.faults import kind_of

GATHER_SECONDS = 0.005
"""How long a commit may wait for more deliveries while they keep coming: so 12 of 16 senders share one, else 8."""

JOIN_SECONDS = 5.0
"""How long a caller waits, from joining, for its group to be formed."""

HOLD_SECONDS = 0.25
"""After so much of trying one by one the lock is given back; nobody of ours holds it for more than 0.5 s."""

Batch = tuple[bytes, bytes]
"""One caller's lines and rejected lines."""


class _Waiting:
    """One caller; `turn` is released when it is done, is to lead, or is to keep its deadline."""

    def __init__(self, batch: Batch, deadline: float) -> None:
        self.batch, self.deadline = batch, deadline
        self.turn = threading.Lock()
        self.turn.acquire()
        self.is_to_lead = self.is_done = False
        self.is_timed = False  # but for the first in the queue, whose deadline is the next: a timer costs 4 µs
        self.error: Exception | None = OSError(errno.EIO, "The commit was cut off.")


class GroupCommit:
    """Commits by `commit`, which gets the batches of a group in their order and raises for all of them.

    `locked` gives the lock, as FileLock.held does; `told` hears of each batch that was committed.
    """

    def __init__(self, locked: Callable[[bool], AbstractContextManager[bool]],
                 commit: Callable[[Sequence[Batch]], None], told: Callable[[Sequence[Batch]], None]) -> None:
        self._locked, self._commit, self._told = locked, commit, told
        self._mutex = threading.Lock()
        self._queue: deque[_Waiting] = deque()  # the thread that has the lock takes from it without the mutex
        self._group: list[_Waiting] = []
        self._is_led = self._is_refusing = False
        self._began: float | None = None

    def join(self, accepted: bytes, rejected: bytes, seconds: float = JOIN_SECONDS) -> None:
        """Return when the batch is committed; raise what the commit did, or TimeoutError, when it is not.

        An empty batch, with which nothing can be lost, waits no longer than `seconds` for its outcome either.
        """
        waiting = _Waiting((accepted, rejected), time.monotonic() + seconds)
        with self._mutex:
            self._queue.append(waiting)
            self._name_leader()
            waiting.is_timed = seconds < JOIN_SECONDS
            with suppress(IndexError):  # where it is taken already
                waiting.is_timed |= self._queue[0] is waiting
        try:
            self._wait(waiting)
        except BaseException:
            self._leave(waiting)
            raise
        if waiting.error:
            raise waiting.error

    def is_stuck(self) -> bool:
        """Return whether callers are refused, or one commit has been waiting or writing for so long, right now."""
        began = self._began
        return self._is_refusing or (began is not None and time.monotonic() - began >= JOIN_SECONDS)

    def _wait(self, waiting: _Waiting) -> None:
        while not waiting.is_done:
            if not thread_pool.wait_until(waiting.turn, waiting.deadline if waiting.is_timed else None):
                if self._leave(waiting) or not any(waiting.batch):
                    self._is_refusing |= any(waiting.batch)
                    raise TimeoutError(errno.ETIMEDOUT, "The lock was not to be had in time.")
                waiting.is_timed = False
            elif waiting.is_to_lead:
                waiting.is_to_lead = False
                self._lead()

    def _leave(self, waiting: _Waiting) -> bool:
        """Leave the queue; False where the batch is in a group already, or done."""
        with self._mutex:
            try:
                self._queue.remove(waiting)
            except ValueError:
                return False
            if waiting.is_to_lead:
                self._is_led = False
            for first in list(self._queue)[:1]:
                first.is_timed = True
                self._wake(first)
            self._name_leader()
            return True

    def _name_leader(self) -> None:
        """Let the first in the queue lead, unless someone does; the mutex is held."""
        if self._queue and not self._is_led:
            self._is_led = self._queue[0].is_to_lead = self._queue[0].is_timed = True
            self._wake(self._queue[0])

    def _wake(self, waiting: _Waiting) -> None:
        """Let the caller look at what has changed; the mutex is held."""
        if waiting.turn.locked():
            waiting.turn.release()

    def _lead(self) -> None:
        """Commit all that wait when the lock is had; those that come after that are led by the first of them."""
        count, end = 0, time.monotonic() + GATHER_SECONDS
        while len(self._queue) > count and time.monotonic() < end:
            count = len(self._queue)
            thread_pool.let_others_go_on()
        self._began = time.monotonic()
        try:
            thread_pool.start(self._work, self._finish)
        except RuntimeError:  # no thread is to be had; this caller leaves, and the next one tries
            self._began, self._is_led = None, False
            raise

    def _work(self, waits: bool) -> bool:
        """Commit who waits when the lock is had; give it back where nobody does. False where someone else has it."""
        try:
            with self._locked(waits) as is_held:
                if is_held:
                    self._settle(self._taken())
                return is_held
        except Exception as error:  # whatever it is, everybody gets an answer
            for waiting in self._taken():
                waiting.error = waiting.error and error
            return True

    def _taken(self) -> Sequence[_Waiting]:
        """Form the group, of all that are in the queue; one that leaves meanwhile is in one of the two."""
        with suppress(IndexError):
            while True:
                self._group.append(self._queue.popleft())
        return self._group

    def _settle(self, group: Sequence[_Waiting]) -> None:
        """Commit the group; where all of it does not fit, each alone, until the lock is due back."""
        due = time.monotonic() + HOLD_SECONDS
        error = self._failure(group) if group else None
        if len(group) < 2 or not isinstance(error, OSError) or kind_of(error) != "full":
            for waiting in group:
                waiting.error = error
            return
        for count, waiting in enumerate(group, start=1):
            waiting.error = self._failure([waiting])
            if time.monotonic() >= due:
                self._group, rest = [*group[:count]], group[count:]
                self._queue.extendleft(reversed(rest))
                return

    def _failure(self, group: Sequence[_Waiting]) -> Exception | None:
        """Return why nothing of the group is written; None where all of it is."""
        try:
            self._commit([waiting.batch for waiting in group])
        except Exception as failure:  # whatever it is, everybody gets an answer
            return failure
        return None

    def _finish(self) -> None:
        """Let everybody in the group go on, and name the next to lead."""
        group, self._group = self._group, []
        self._began, self._is_refusing = None, False
        try:
            self._told([waiting.batch for waiting in group if not waiting.error])
        finally:
            with self._mutex:
                self._is_led = False
                self._name_leader()
                for waiting in group:
                    waiting.is_done = True
                    self._wake(waiting)
