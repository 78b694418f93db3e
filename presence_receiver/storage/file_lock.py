"""The kernel's lock on a file, across processes, workers and containers; whoever dies lets go of it."""
from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from presence_receiver.storage import durable

LOCK_MODE = 0o600
"""Whoever may open the file may hold the lock, and keep everybody from it."""


class FileLock:
    """The lock on the file at `path`; it belongs to the open file, so each process opens its own.

    Threads of one process have to take turns before they come here.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._name = path, str(path)
        self._descriptor = -1
        self._process = 0

    @contextmanager
    def held(self, *, waits: bool = True) -> Iterator[bool]:
        """Hold the lock and say so; wait for it as long as it takes, or say at once that someone else has it."""
        is_held = self._acquire(fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield is_held
        finally:
            if is_held:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def content(self, size: int) -> bytes:
        """Return what the lock file begins with; the lock is held."""
        return os.pread(self._descriptor, size, 0)

    def keep(self, content: bytes) -> None:
        """Put this, always of the same length, in the lock file, synced; the lock is held."""
        os.pwrite(self._descriptor, content, 0)
        os.fsync(self._descriptor)

    def _acquire(self, how: int) -> bool:
        while True:
            if self._process != os.getpid():
                self._open()
            try:
                fcntl.flock(self._descriptor, how)
            except BlockingIOError:
                return False
            if self._is_current():
                return True
            self._process = 0

    def _open(self) -> None:
        """Open the lock file, for this process alone; make its folder where that is missing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        durable.make_folder(self._path.parent)
        if durable.strange(self._path):
            durable.put_aside(self._path)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        self._descriptor = os.open(self._path, flags, LOCK_MODE)
        self._process = os.getpid()
        if stat.S_IMODE(os.fstat(self._descriptor).st_mode) != LOCK_MODE:
            with suppress(PermissionError):
                os.fchmod(self._descriptor, LOCK_MODE)

    def _is_current(self) -> bool:
        """Return False where someone has deleted the file, by hand or with its folder."""
        try:
            return os.path.samestat(os.stat(self._name), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False
