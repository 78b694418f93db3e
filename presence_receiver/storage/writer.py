"""Lines in; on disk, or StorageError. One writer for all workers, threads, containers and commands.

Appending is one commit under one lock, see `group_commit` and `line_files`. Knows nothing of deliveries or HTTP.
"""
from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from presence_receiver.config import Settings
from presence_receiver.errors import StorageError, StorageSlow
from presence_receiver.log_limit import LimitedLog
from presence_receiver.metrics import Metrics
from presence_receiver.storage import durable
from presence_receiver.storage.faults import storage_error
from presence_receiver.storage.file_lock import FileLock
from presence_receiver.storage.group_commit import JOIN_SECONDS, Batch, GroupCommit
from presence_receiver.storage.journal import Journal
from presence_receiver.storage.line_files import LineFiles
from presence_receiver.storage.scanning import line_start

CHECK_SECONDS = 2.0
"""How long `check` waits before it says that the storage is slow."""

SLOW = "Deliveries wait: another process holds .presence.lock at PRESENCE_DATA_DIR, or its disk is slow."

LOCK_NAME = ".presence.lock"

Around = Callable[[Journal, Sequence[str]], AbstractContextManager[None]]
"""Given the journal and the paths of the files that grow."""


class Writer:
    """Appends to presence.jsonl and rejected.jsonl in the data folder; opens nothing before the first append."""

    def __init__(self, settings: Settings, metrics: Metrics | None = None) -> None:
        self._folder, self._metrics = settings.data_dir, metrics or Metrics()
        self._lock = FileLock(self._folder / LOCK_NAME)
        self._files = LineFiles(settings, self._lock)
        self._accepted, self._rejected = self._files.accepted, self._files.rejected
        self._journal = Journal(self._folder)
        self._commits = GroupCommit(self._locked, self._commit_group, self._count)
        self._log = LimitedLog(logging.getLogger(__name__))

    def append(self, accepted: bytes, rejected: bytes) -> None:
        """Return when the lines, each with its newline, are on disk; StorageError when none of them is.

        Callers that wait at the same time share one commit and its outcome. Where the lock is not to be had within
        5 s, that is a StorageError too.
        """
        if accepted or rejected:
            self._join(accepted, rejected)

    def check(self) -> None:
        """Append nothing, but in the same way: StorageError where a delivery would get it now.

        StorageSlow where deliveries wait, and none is refused yet.
        """
        try:
            self._join(b"", b"", CHECK_SECONDS)
        except StorageError as error:
            if error.kind == "late" and not self._commits.is_stuck():
                raise StorageSlow(SLOW) from error
            raise

    def _join(self, accepted: bytes, rejected: bytes, seconds: float = JOIN_SECONDS) -> None:
        """Tell any failure of a commit as StorageError; what is none of the system's goes to the log as well."""
        try:
            self._commits.join(accepted, rejected, seconds)
        except OSError as failure:
            raise storage_error(failure) from failure
        except Exception as failure:  # a fault of our own is never a 500: the bytes are taken back all the same
            self._log.warning(type(failure).__name__, "A commit failed: %r", failure)
            raise storage_error(failure) from failure

    def _locked(self, waits: bool) -> AbstractContextManager[bool]:
        """Return the lock; what is new to this process is scanned before it is asked for."""
        self._files.look()
        return self._lock.held(waits=waits)

    def _commit_group(self, group: Sequence[Batch]) -> None:
        accepted, rejected = (b"".join(batches) for batches in zip(*group, strict=True))
        self._journal.resolve()
        self._files.append(accepted, rejected)

    def _count(self, group: Sequence[Batch]) -> None:
        """Count what was committed; in the serving thread, to which metrics belong."""
        if count := sum(map(any, group)):
            self._metrics.committed(count, self._files.sync_seconds)
        self.count_closed()

    def count_closed(self) -> None:
        """Count the files closed meanwhile; not while closing them, since metrics belong to the serving thread."""
        for file in self._files.both:
            if count := file.take_closed_count():
                self._metrics.closed(file.stem, count)

    def close_due(self) -> bool:
        """Close what is old though no delivery comes, and finish what a crash cut off; OSError where that fails.

        False where someone else holds the lock just now. For a writer with which nobody appends.
        """
        if not self._files.exist():
            return True
        with self._locked(False) as is_held:
            if is_held:
                self._journal.resolve()
                self._files.close_due()
            return is_held

    def remove(self, names: Collection[str]) -> None:
        """Remove hidden files that are made under the lock, unless somebody holds it just now; OSError."""
        if not names:
            return
        with self._locked(False) as is_held:
            for name in names if is_held else ():
                durable.remove_file(self._folder / name)

    def close_now(self) -> None:
        """Close both files, where anything is in them; StorageError where that fails, perhaps with one closed.

        For a writer with which nobody appends.
        """
        with self._resolved():
            self._files.close_now()

    def exchange(self, accepted: bytes, around: Around, rejected: bytes = b"") -> None:
        """Append the lines within `around`, which gets the paths of their files; both are one commit.

        StorageError where nothing of it is done. For a writer with which nobody appends.
        """
        with self._resolved():
            self._files.append(accepted, rejected, lambda paths: around(self._journal, paths))

    def resolve(self) -> None:
        """Finish or take back what a crash cut off; StorageError where that fails."""
        with self._resolved():
            return

    def whole_end(self, descriptor: int) -> int:
        """Return where what is in an open file for good ends, but for half a line behind it; StorageError."""
        with self._resolved():
            size = os.fstat(descriptor).st_size
            start = line_start(descriptor, size)
            return size if start is None else start

    @contextmanager
    def _resolved(self) -> Iterator[None]:
        """Hold the lock, with no replay half done, neither before nor after."""
        try:
            with self._locked(True):
                self._journal.resolve()
                try:
                    yield
                finally:
                    self._journal.resolve()
        except OSError as failure:
            raise storage_error(failure) from failure
