"""Lines in; on disk, or StorageError. One writer for all workers, threads, containers and commands.

Appending is one commit under one lock: the rejected file first, then the lines, both or neither. Knows nothing
of deliveries or HTTP.
"""
from __future__ import annotations

import datetime
import errno
import fcntl
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from presence_receiver import lines, offload
from presence_receiver.config import Settings
from presence_receiver.errors import StorageError
from presence_receiver.line_file import FILE_MODE, LineFile

FOLDER_MODE = 0o750
SLACK = 64 * 1024
"""Bytes that a filesystem may need beside the lines themselves, for its own blocks and names."""

KINDS = {
    errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EFBIG: "full", errno.EROFS: "read-only",
    errno.EACCES: "permission", errno.EPERM: "permission",
}
REASONS = {
    "full": "is full", "read-only": "is read-only", "permission": "does not let us write",
    "input/output": "failed",
}


class _Waiting:
    """One caller's lines until they are on disk."""

    def __init__(self, accepted: bytes, rejected: bytes) -> None:
        self.accepted, self.rejected = accepted, rejected
        self.is_done = False
        self.error: OSError | None = None


class Writer:
    """Appends to presence.jsonl and rejected.jsonl in the data folder; opens nothing before the first append."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_dir
        self._accepted, self._rejected = (
            LineFile(
                self._folder, stem, is_synced=settings.fsync,
                most_bytes=settings.rotate_bytes, most_seconds=settings.rotate_seconds,
            )
            for stem in ("presence", "rejected")
        )
        self._lock = _FileLock(self._folder / ".presence.lock")
        self._turn = threading.Lock()
        self._queue: deque[_Waiting] = deque()

    def append(self, accepted: bytes, rejected: bytes) -> None:
        """Return when the lines, each with its newline, are on disk; StorageError when none of them is.

        Callers that wait for their turn at the same time share one commit and its outcome.
        """
        if not accepted and not rejected:
            return
        waiting = _Waiting(accepted, rejected)
        self._queue.append(waiting)
        with self._turn:
            if not waiting.is_done:
                self._commit_queued()
        if waiting.error:
            raise _storage_error(waiting.error) from waiting.error

    def _commit_queued(self) -> None:
        group = [self._queue.popleft() for _ in range(len(self._queue))]
        error: OSError | None = None
        try:
            offload.run(
                self._commit,
                b"".join([waiting.accepted for waiting in group]), b"".join([waiting.rejected for waiting in group]),
            )
        except OSError as failure:
            error = failure
        for waiting in group:
            waiting.error, waiting.is_done = error, True

    def _commit(self, accepted: bytes, rejected: bytes) -> None:
        os.makedirs(self._folder, FOLDER_MODE, exist_ok=True)
        with self._lock.held():
            now = datetime.datetime.now(datetime.UTC)
            self._open(now)
            batches = [(self._rejected, rejected), (self._accepted, accepted)]
            self._append([(file, batch) for file, batch in batches if batch], now)

    def _open(self, now: datetime.datetime) -> None:
        """Open both files; what a crash left torn goes to the rejected file, never glued to the next line."""
        torn = self._rejected.open()
        if torn:
            self._rejected.cut(len(torn))
            self._append([(self._rejected, _aside(torn, now))], now)
        torn = self._accepted.open()
        if torn:
            self._append([(self._rejected, _aside(torn, now))], now)
            self._accepted.cut(len(torn))

    def _append(self, batches: Sequence[tuple[LineFile, bytes]], now: datetime.datetime) -> None:
        """Write and sync all batches or, with OSError, none; the lock is held and the files are open."""
        self._check_room(sum(len(batch) for _, batch in batches))
        for file, batch in batches:
            file.prepare(len(batch), now)
        with _undone_on_failure([file for file, _ in batches], now):
            for file, batch in batches:
                file.write(batch)
            for file, _ in batches:
                file.sync()

    def _check_room(self, size: int) -> None:
        """Refuse before the first byte where that is possible: `tail -F` prints a shrunk file again."""
        filesystem = os.statvfs(self._folder)
        if filesystem.f_blocks and filesystem.f_bavail * filesystem.f_frsize < size + SLACK:
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
            if KINDS.get(failure.errno or 0) != "full":
                with suppress(OSError):
                    file.abandon(now)
        raise


def _storage_error(failure: OSError) -> StorageError:
    kind = KINDS.get(failure.errno or 0, "input/output")
    return StorageError(f"The storage at PRESENCE_DATA_DIR {REASONS[kind]}.", kind)


class _FileLock:
    """The kernel's lock on a file, across processes; it belongs to the open file, so each process opens its own.

    Threads of one process have to take turns before they come here.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._process = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; wait for it as long as it takes."""
        self._acquire()
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _acquire(self) -> None:
        while True:
            if self._process != os.getpid():
                self._open()
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if self._is_current():
                return
            self._process = 0

    def _open(self) -> None:
        """Open the lock file, for this process alone."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._process = os.getpid()

    def _is_current(self) -> bool:
        """False where someone has deleted the file, by hand or with its folder."""
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False
