"""Lines in; an object of the bucket, or StorageError. The writer of a receiver without a disk.

Each commit is one object, its accepted and its rejected lines together. A delivery waits so long and no longer; the
PUT goes on after its 503, since nobody sends the delivery again. Knows nothing of HTTP.
"""
from __future__ import annotations

import collections
import itertools
import os
import sys
import threading
import time
import uuid
from collections.abc import Sequence

from presence_receiver.errors import StorageError
from presence_receiver.extras.bucket import names
from presence_receiver.extras.bucket.names import Name
from presence_receiver.extras.bucket.store import Bucket, BucketFault
from presence_receiver.metrics import Metrics
from presence_receiver.storage import run as run_in_pool

ANSWER_SECONDS = 4.5
"""Whatever hangs, a delivery is answered then."""

KEPT_SECONDS = 60
"""So long after it came a delivery may still be put, though it was answered."""

MOST_WAITING = 64 * 1024 * 1024
"""Bytes of a process that the bucket has not taken; with more of them deliveries are refused at once."""

MOST_BYTES = 8 * 1024 * 1024
"""Of an object of several deliveries."""

AT_ONCE = 3
SLOW_SECONDS = 0.5
"""A second PUT begins only beside one that takes longer than this: PUTs cost money, and few large ones less CPU."""

JOIN_SECONDS = 0.005
"""Before each PUT, so that senders who were answered by the last may join. Without, deliveries of 50 under full load
make twice as many PUTs, and 0.67 of what files do for a CPU-second instead of 1.0 (tests.benchmarks.bucket)."""

ATTEMPTS = ((256 * 1024, (1.3, 2.6, 5.0)), (MOST_BYTES, (4.3, 8.6, 20.0)), (sys.maxsize, (20.0,)))
"""How many seconds the attempts of a PUT of so many bytes at most may take; the last time holds for all that follow.

The first two of a small one end within 4.5 s. What went into a black hole keeps its place no longer than its attempt;
the last are long enough for a slow way.
"""

PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.1, 1.0
FRESH_SECONDS = 10
"""For so long a PUT that succeeded tells that the next one would."""

LATE = "The bucket at PRESENCE_BUCKET_URL did not take the lines in time."
NO_THREAD = "No thread can be begun for the bucket at PRESENCE_BUCKET_URL: this machine has no more just now."
FULL = "The bucket at PRESENCE_BUCKET_URL has not taken what came before."


class _Waiting:
    """One delivery, or with no lines the question whether one would be stored; `is_over` when that is known."""

    def __init__(self, accepted: bytes, rejected: bytes) -> None:
        self.accepted, self.rejected = accepted, rejected
        self.size = len(accepted) + len(rejected)
        self.came = time.monotonic()
        self.until = self.came + (KEPT_SECONDS if self.size else ANSWER_SECONDS)
        self.is_over, self.is_stored = threading.Event(), False


class BucketWriter:
    """Opens the bucket with the first append, in the process that appends."""

    def __init__(self, url: str, gather_seconds: float, metrics: Metrics) -> None:
        self._url, self._gather_seconds, self._metrics = url, gather_seconds, metrics
        self._mutex, self._process = threading.Lock(), 0
        self._dispatcher = threading.Thread(target=self._dispatch)

    def append(self, accepted: bytes, rejected: bytes) -> None:
        """Return when the bucket has the lines; StorageError when it did not say so in time."""
        if accepted or rejected:
            self._wait(_Waiting(accepted, rejected))

    def check(self) -> None:
        """Raise StorageError where a delivery would get it now; ask only if none was stored a moment ago."""
        self._start()
        if time.monotonic() - self._stored_at > FRESH_SECONDS:
            self._wait(_Waiting(b"", b""))

    def _wait(self, waiting: _Waiting) -> None:
        self._start()
        if self._bytes and self._bytes + waiting.size > MOST_WAITING:
            raise StorageError(FULL, "bucket")
        self._count(waiting.size)
        self._queue.append(waiting)
        self._came.set()
        waiting.is_over.wait(ANSWER_SECONDS)
        if not waiting.is_stored:
            raise StorageError(self._fault or LATE, "bucket")

    def _start(self) -> None:
        """Begin anew in a process that was forked, or whose dispatcher could not go on."""
        with self._mutex:
            if self._process == os.getpid() and self._dispatcher.is_alive():
                return
            self._process, self._id, self._numbers = os.getpid(), uuid.uuid4().hex, itertools.count()
            self._queue: collections.deque[_Waiting] = collections.deque()
            self._came, self._places = threading.Event(), threading.Semaphore(AT_ONCE)
            self._bytes, self._fault, self._stored_at = 0, "", float("-inf")
            self._bucket = Bucket(self._url)
            self._dispatcher = threading.Thread(target=self._dispatch, name="presence-bucket", daemon=True)
            try:
                self._dispatcher.start()
            except RuntimeError:
                raise StorageError(NO_THREAD, "bucket") from None

    def _count(self, size: int) -> None:
        with self._mutex:
            self._bytes += size
        self._metrics.waiting(self._bytes)

    def _dispatch(self) -> None:
        """Form groups of what waits and have each put, as long as the process lives."""
        while True:
            self._places.acquire()
            group = self._group()
            storing = threading.Thread(target=self._store, args=(group,), daemon=True)
            try:
                storing.start()
            except RuntimeError:  # no thread is to be had
                self._store(group)
            else:
                storing.join(SLOW_SECONDS)

    def _group(self) -> list[_Waiting]:
        """Return the next deliveries to put together, when they are there and have been gathered."""
        while not self._queue:
            self._came.wait()
            self._came.clear()
        time.sleep(max(JOIN_SECONDS, self._queue[0].came + self._gather_seconds - time.monotonic()))
        group = [self._queue.popleft()]
        size = group[0].size
        while self._queue and size + self._queue[0].size <= MOST_BYTES:
            group.append(self._queue.popleft())
            size += group[-1].size
        return group

    def _store(self, group: Sequence[_Waiting]) -> None:
        """Put the group's lines and tell all that wait for them."""
        try:
            self._put(group)
        finally:
            for each in group:
                each.is_over.set()
            self._count(-sum(each.size for each in group))
            self._places.release()

    def _put(self, group: Sequence[_Waiting]) -> None:
        """Try until the bucket has the lines, and note that, or nobody is to wait for it any more."""
        accepted = b"".join(each.accepted for each in group)
        content = accepted + b"".join(each.rejected for each in group)
        path = Name.now(self._id, next(self._numbers), len(accepted)).path if content else names.CHECK
        until, attempt = max(each.until for each in group), 0
        while (start := time.monotonic()) <= until:
            try:
                run_in_pool(self._bucket.put, path, content, _seconds(len(content), attempt))
            except (BucketFault, RuntimeError) as fault:
                self._fault = str(fault) if isinstance(fault, BucketFault) else NO_THREAD
                self._metrics.retried()
                time.sleep(min(PAUSE_SECONDS * 2 ** attempt, MOST_PAUSE_SECONDS))
                attempt += 1
            else:
                self._fault, self._stored_at = "", time.monotonic()
                for each in group:
                    each.is_stored = True
                if content:
                    self._metrics.committed(sum(each.size > 0 for each in group), self._stored_at - start)
                return


def _seconds(size: int, attempt: int) -> float:
    """Return how long the attempt to put so many bytes may take; the first is number 0."""
    times = next(times for most, times in ATTEMPTS if size <= most)
    return times[min(attempt, len(times) - 1)]
