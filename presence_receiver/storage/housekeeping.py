"""What happens to the files while nobody appends: close the old, compress the closed, delete the surplus.

One process at a time does it, every few seconds, in a thread of its own. Under a gevent worker, which patches
threads and sleeping, that thread is a greenlet; all that blocks goes through `thread_pool` to gevent's pool of real
threads, so requests go on. The writer's lock is held for closing alone, never for compressing; the writer is one of
our own, so its threads wait for each other at that lock as processes do.
"""
from __future__ import annotations

import datetime
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from presence_receiver.config import Settings
from presence_receiver.log_limit import LimitedLog
from presence_receiver.metrics import Metrics
from presence_receiver.storage import compression, durable, left_overs, odd_files, rotation, thread_pool
from presence_receiver.storage.closed_names import LENGTH
from presence_receiver.storage.faults import storage_error
from presence_receiver.storage.file_lock import FileLock
from presence_receiver.storage.last_delivery import LastDelivery
from presence_receiver.storage.trusted_clock import TrustedClock
from presence_receiver.storage.writer import LOCK_NAME, Writer

SECONDS = 10
"""Between two rounds; one that finds nothing to do costs less than a millisecond."""

TRIES = 50
"""In half of that time, for the writer's lock."""

LIST_SECONDS = 3600.0


def housekeeping_lock(data_dir: Path) -> FileLock:
    """Hold what lets one process at a time change closed files; never asked for inside the writer's lock."""
    return FileLock(data_dir / ".housekeeping.lock")


class Housekeeping:
    """Keeps the data folder in order, from `start` until the process ends."""

    def __init__(self, settings: Settings, metrics: Metrics | None = None,
                 last_delivery: LastDelivery | None = None) -> None:
        self._settings, self._folder = settings, settings.data_dir
        self._last_delivery = last_delivery or LastDelivery(None)
        self._writer = Writer(settings, metrics)
        self._lock = housekeeping_lock(self._folder)
        self._clock = TrustedClock()
        self._log = LimitedLog(logging.getLogger(__name__))
        self._metrics = metrics or Metrics()
        self._tidied: bytes | None = None
        self._listed_at, self._is_failing, self._process = 0.0, False, 0

    def start(self) -> None:
        """Begin, in this process; call it once in each, after the fork. A second call changes nothing.

        The thread holds up nobody's end: what it leaves half done the next start finishes.
        """
        if self._process != os.getpid():
            self._process = os.getpid()
            threading.Thread(target=self._run, name="presence-housekeeping", daemon=True).start()

    def _run(self) -> None:
        while True:
            self.run_round()
            time.sleep(SECONDS)

    def run_round(self) -> None:
        """Do all that is to be done now, unless another process is at it; what fails is logged and tried again."""
        self._attempt(functools.partial(thread_pool.run, self._last_delivery.look))
        self._attempt(self._run_alone)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hold the lock, with all closed and nothing odd, hidden or there twice. Raises StorageError and OSError."""
        with self._lock.held():
            self._writer.close_now()
            self._sweep()
            for path in self._odd_files():
                odd_files.take_apart(path)
            for path in self._plain_files():
                if path.with_name(f"{path.name}.gz").exists():
                    compression.compress(path)
            yield

    def _run_alone(self) -> None:
        if not self._folder.is_dir():
            return
        with self._lock.held(waits=False) as is_ours:
            if is_ours:
                self._attempt(self._close_due)
                self._writer.count_closed()
                self._tidy_if_due()

    def _tidy_if_due(self) -> None:
        """List the folder, which may hold 100,000 files, only after a close, a failure or an hour."""
        closed_last = self._closed_last()
        if closed_last == self._tidied and time.monotonic() - self._listed_at < LIST_SECONDS:
            return
        self._listed_at, self._is_failing = time.monotonic(), False
        self._attempt(self._tidy)
        self._tidied = None if self._is_failing else closed_last

    def _closed_last(self) -> bytes:
        """Return what the lock file says of the last file that was closed, or put aside as odd."""
        try:
            with open(durable.open_plain(self._folder / LOCK_NAME), "rb") as lock:
                return lock.read(LENGTH)
        except FileNotFoundError:
            return b""

    def _tidy(self) -> None:
        self._attempt(functools.partial(thread_pool.run, self._sweep))
        for path in thread_pool.run(self._odd_files):
            self._attempt(functools.partial(self._take_apart, path))
        for path in thread_pool.run(self._plain_files):
            self._attempt(functools.partial(thread_pool.run, compression.compress, path))
        for path in thread_pool.run(self._surplus):
            self._attempt(functools.partial(thread_pool.run, os.unlink, path))
        self._metrics.uncompressed(len(thread_pool.run(self._plain)))

    def _take_apart(self, path: Path) -> None:
        self._log.warning("odd", "%s is odd: its whole lines are kept, the rest becomes rejected lines.", path.name)
        thread_pool.run(odd_files.take_apart, path)

    def _close_due(self) -> None:
        """Try for a while, since deliveries may have the lock just then; never wait in the kernel for it."""
        for _ in range(TRIES):
            if thread_pool.run(self._writer.close_due):
                return
            time.sleep(SECONDS / TRIES / 2)

    def _attempt(self, step: Callable[[], None]) -> None:
        """Do one step; its failure keeps no other, since deleting helps where a full disk stops the rest."""
        try:
            step()
        except OSError as failure:
            self._is_failing = True
            error = storage_error(failure)
            self._log.warning(error.kind, "Files could not be closed, compressed or deleted: %s", error)
        except Exception as failure:  # whatever it is, the next file and the next round are tried
            self._is_failing = True
            self._log.warning(type(failure).__name__, "Housekeeping met a fault of its own: %r", failure)

    def _sweep(self) -> None:
        """Remove what a crash left half written."""
        names = os.listdir(self._folder)
        for name in left_overs.among(names):
            self._attempt(functools.partial(durable.remove_file, self._folder / name))
        self._attempt(functools.partial(self._writer.remove, left_overs.UNDER_THE_LOCK.intersection(names)))

    def _odd_files(self) -> list[Path]:
        return [self._folder / name for name in sorted(self._names()) if odd_files.stem_of(name)]

    def _names(self) -> set[str]:
        """Return the plain files of the folder; what else has the name of one of ours is told and left alone."""
        names = durable.plain_names(self._folder)
        for name in set(os.listdir(self._folder)) - names:
            if rotation.is_closed(name) or odd_files.stem_of(name):
                self._log.warning("strange", "%s is no plain file and is left alone: move it away.", name)
        return names

    def _plain_files(self) -> list[Path]:
        """Return the closed files to compress; where a .gz stands beside one, that was begun and is finished anyway."""
        is_wanted = self._settings.compress == "gzip"
        both = [(path, path.with_name(f"{path.name}.gz")) for path in self._plain()]
        return [path for path, packed in both if not durable.strange(packed) and (is_wanted or packed.exists())]

    def _plain(self) -> list[Path]:
        names = filter(rotation.is_closed, durable.plain_names(self._folder))
        return [self._folder / name for name in sorted(names) if name.endswith(".jsonl")]

    def _surplus(self) -> list[Path]:
        """Return the closed files to delete, oldest first."""
        now = datetime.datetime.fromtimestamp(self._clock.now(), datetime.UTC)
        names = filter(rotation.is_closed, durable.plain_names(self._folder))
        sizes = {name: os.stat(self._folder / name).st_size for name in names}
        return [
            self._folder / name for stem in rotation.STEMS
            for name in rotation.surplus(stem, sizes, now, most_files=self._settings.keep_files,
                                         most_days=self._settings.keep_days, most_bytes=self._settings.keep_bytes)
        ]
