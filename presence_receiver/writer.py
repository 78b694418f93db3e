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
import time
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

GATHER_SECONDS = 0.005
"""How long a commit may wait for more deliveries while they keep coming."""

KINDS = {
    errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EFBIG: "full", errno.EROFS: "read-only",
    errno.EACCES: "permission", errno.EPERM: "permission",
}
REASONS = {
    "full": "is full", "read-only": "is read-only", "permission": "does not let us write",
    "input/output": "failed",
}


class _Waiting:
    """One caller's lines until they are on disk; `turn` is released when they are, or when it is to lead."""

    def __init__(self, accepted: bytes, rejected: bytes) -> None:
        self.accepted, self.rejected = accepted, rejected
        self.turn = threading.Lock()
        self.turn.acquire()
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
        self._mutex = threading.Lock()
        self._queue: list[_Waiting] = []
        self._is_led = False

    def append(self, accepted: bytes, rejected: bytes) -> None:
        """Return when the lines, each with its newline, are on disk; StorageError when none of them is.

        Callers that wait at the same time share one commit and its outcome: one of them leads, and then names
        the next to lead, in the order in which they came.
        """
        if not accepted and not rejected:
            return
        waiting = _Waiting(accepted, rejected)
        if not self._is_first(waiting):
            waiting.turn.acquire()
        if not waiting.is_done:
            self._lead()
        if waiting.error:
            raise _storage_error(waiting.error) from waiting.error

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
            offload.let_others_go_on()

    def _finish(self, group: Sequence[_Waiting], error: OSError | None) -> None:
        for waiting in group:
            waiting.error, waiting.is_done = error, True
            waiting.turn.release()
        with self._mutex:
            self._is_led = bool(self._queue)
            if self._queue:
                self._queue[0].turn.release()

    def _outcome(self, group: Sequence[_Waiting]) -> OSError | None:
        accepted = b"".join([waiting.accepted for waiting in group])
        rejected = b"".join([waiting.rejected for waiting in group])
        try:
            offload.run(self._commit, accepted, rejected)
        except OSError as error:
            return error
        return None

    def _commit(self, accepted: bytes, rejected: bytes) -> None:
        with self._lock.held():
            now = datetime.datetime.now(datetime.UTC)
            batches = [(self._rejected, rejected), (self._accepted, accepted)]
            self._append([(file, batch) for file, batch in batches if batch], now)

    def _repair(self, file: LineFile, torn: bytes, now: datetime.datetime) -> None:
        """Move what a crash left torn to the rejected file, that it may never be glued to the next line."""
        if file is self._rejected:
            file.cut(len(torn))
            self._append([(file, _aside(torn, now))], now)
        else:
            self._append([(self._rejected, _aside(torn, now))], now)
            file.cut(len(torn))

    def _append(self, batches: Sequence[tuple[LineFile, bytes]], now: datetime.datetime) -> None:
        """Write and sync all batches or, with OSError, none; the lock is held."""
        for file, batch in batches:
            if torn := file.open():
                self._repair(file, torn, now)
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
        """Open the lock file, for this process alone; make its folder where that is missing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        os.makedirs(self._path.parent, FOLDER_MODE, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._process = os.getpid()

    def _is_current(self) -> bool:
        """False where someone has deleted the file, by hand or with its folder."""
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False
