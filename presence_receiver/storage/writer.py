"""Lines in; on disk, or StorageError. One writer for all workers, threads, containers and commands.

Appending is one commit under one lock: the rejected file first, then the lines, both or neither. Knows nothing
of deliveries or HTTP.
"""
from __future__ import annotations

import datetime
import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from presence_receiver import lines
from presence_receiver.config import Settings
from presence_receiver.metrics import Metrics
from presence_receiver.storage import durable, thread_pool
from presence_receiver.storage.active_file import LineFile
from presence_receiver.storage.faults import kind_of, storage_error
from presence_receiver.storage.file_lock import FileLock
from presence_receiver.storage.group_commit import Batch, GroupCommit
from presence_receiver.storage.journal import Journal

SLACK = 64 * 1024
"""Bytes that a filesystem may need beside the lines themselves, for its own blocks and names."""

Around = Callable[[Journal, Sequence[str]], AbstractContextManager[None]]
"""Given the journal and the paths of the files that grow."""


class Writer:
    """Appends to presence.jsonl and rejected.jsonl in the data folder; opens nothing before the first append."""

    def __init__(self, settings: Settings, metrics: Metrics | None = None) -> None:
        self._metrics = metrics or Metrics()
        self._folder = settings.data_dir
        self._accepted, self._rejected = (
            LineFile(
                self._folder, stem, is_synced=settings.fsync,
                most_bytes=settings.rotate_bytes, most_seconds=settings.rotate_seconds,
            )
            for stem in ("presence", "rejected")
        )
        self._lock = FileLock(self._folder / ".presence.lock")
        self._journal = Journal(self._folder)
        self._commits = GroupCommit(self._commit_group)
        self._sync_seconds = 0.0

    def append(self, accepted: bytes, rejected: bytes) -> None:
        """Return when the lines, each with its newline, are on disk; StorageError when none of them is.

        Callers that wait at the same time share one commit and its outcome.
        """
        if accepted or rejected:
            self._share(accepted, rejected)

    def check(self) -> None:
        """Append nothing, but in the same way: StorageError where a delivery would get it now."""
        self._share(b"", b"")

    def _share(self, accepted: bytes, rejected: bytes) -> None:
        try:
            self._commits.join(accepted, rejected)
        except OSError as failure:
            raise storage_error(failure) from failure

    def _commit_group(self, group: Sequence[Batch]) -> None:
        accepted, rejected = (b"".join(batches) for batches in zip(*group, strict=True))
        thread_pool.run(self._commit, accepted, rejected)
        if count := sum(bool(accepted or rejected) for accepted, rejected in group):
            self._metrics.committed(count, self._sync_seconds)
        self.count_closed()

    def count_closed(self) -> None:
        """Count the files closed meanwhile; not while closing them, since metrics belong to the serving thread."""
        for file in (self._accepted, self._rejected):
            if count := file.take_closed_count():
                self._metrics.closed(file.stem, count)

    def close_due(self) -> None:
        """Close what is old though no delivery comes, and finish what a crash cut off; OSError where that fails.

        For a writer with which nobody appends, in a thread that may wait.
        """
        files = [file for file in (self._rejected, self._accepted) if os.path.exists(file.path)]
        if files:
            with self._locked() as now:
                for file in files:
                    self._open(file, now)
                    file.close_if_due(0, now)

    def exchange(self, accepted: bytes, around: Around, rejected: bytes = b"") -> None:
        """Append the lines within `around`, which gets the paths of their files; both are one commit.

        StorageError where nothing of it is done. For a writer with which nobody appends.
        """
        try:
            with self._locked() as now:
                batches = self._batches(accepted, rejected)
                self._append(batches, now, around(self._journal, [file.path for file, _ in batches]))
        except OSError as failure:
            raise storage_error(failure) from failure

    def resolve(self) -> None:
        """Finish or take back what a crash cut off; StorageError where that fails."""
        try:
            with self._locked():
                return
        except OSError as failure:
            raise storage_error(failure) from failure

    @contextmanager
    def _locked(self) -> Iterator[datetime.datetime]:
        """Hold the lock, with no replay half done, neither before nor after; what time it is then."""
        with self._lock.held():
            self._journal.resolve()
            try:
                yield datetime.datetime.now(datetime.UTC)
            finally:
                self._journal.resolve()

    def _commit(self, accepted: bytes, rejected: bytes) -> None:
        with self._lock.held():
            self._journal.resolve()
            now = datetime.datetime.now(datetime.UTC)
            self._append(self._batches(accepted, rejected), now)

    def _batches(self, accepted: bytes, rejected: bytes) -> list[tuple[LineFile, bytes]]:
        """What to write to which file; both files where there is nothing to write, so that they are tried."""
        batches = [(self._rejected, rejected), (self._accepted, accepted)]
        return [(file, batch) for file, batch in batches if batch] or batches

    def _repair(self, file: LineFile, torn: bytes, now: datetime.datetime) -> None:
        """Move what a crash left torn to the rejected file, that it may never be glued to the next line."""
        if file is self._rejected:
            file.cut(len(torn))
            self._append([(file, _aside(torn, now))], now)
        else:
            self._append([(self._rejected, _aside(torn, now))], now)
            file.cut(len(torn))

    def _open(self, file: LineFile, now: datetime.datetime) -> None:
        if torn := file.open():
            self._repair(file, torn, now)

    def _append(self, batches: Sequence[tuple[LineFile, bytes]], now: datetime.datetime,
                around: AbstractContextManager[None] | None = None) -> None:
        """Write and sync all batches or, with OSError, none; the lock is held."""
        for file, _ in batches:
            self._open(file, now)
        self._check_room(sum(len(batch) for _, batch in batches))
        for file, batch in batches:
            file.prepare(len(batch), now)
        with _undone_on_failure([file for file, _ in batches], now), around or nullcontext():
            for file, batch in batches:
                file.write(batch)
            start = time.monotonic()
            for file, _ in batches:
                file.sync()
            self._sync_seconds = time.monotonic() - start

    def _check_room(self, size: int) -> None:
        """Refuse before the first byte where that is possible: `tail -F` prints a shrunk file again."""
        if durable.free_bytes(self._folder) < size + SLACK:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _aside(torn: bytes, now: datetime.datetime) -> bytes:
    """The rejected line of a torn tail; zero bytes at its end are no content."""
    return lines.unreadable(torn.rstrip(b"\0"), "Half a line, left by a crash or a power cut.", lines.stamp(now))


@contextmanager
def _undone_on_failure(files: Sequence[LineFile], now: datetime.datetime) -> Iterator[None]:
    """Take back what was written to the files; after any failure but a full disk, never write to them again.

    After a failed sync the kernel may have thrown the pages away, and a second sync would succeed without them.
    """
    try:
        yield
    except OSError as failure:
        for file in files:
            with suppress(OSError):
                file.undo()
            if kind_of(failure) != "full":
                with suppress(OSError):
                    file.abandon(now)
        raise
