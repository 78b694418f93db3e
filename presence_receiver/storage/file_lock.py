"""The kernel's lock on a file, across processes, workers and containers; whoever dies lets go of it."""
from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from presence_receiver.storage import durable


class FileLock:
    """The lock on the file at `path`; it belongs to the open file, so each process opens its own.

    Threads of one process have to take turns before they come here.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._process = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; wait for it as long as it takes."""
        self._acquire(fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    @contextmanager
    def held_if_free(self) -> Iterator[bool]:
        """Hold the lock and say so, or say that someone else does."""
        is_free = self._try()
        try:
            yield is_free
        finally:
            if is_free:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _try(self) -> bool:
        try:
            self._acquire(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _acquire(self, how: int) -> None:
        while True:
            if self._process != os.getpid():
                self._open()
            fcntl.flock(self._descriptor, how)
            if self._is_current():
                return
            self._process = 0

    def _open(self) -> None:
        """Open the lock file, for this process alone; make its folder where that is missing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        durable.make_folder(self._path.parent)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, durable.FILE_MODE)
        self._process = os.getpid()

    def _is_current(self) -> bool:
        """False where someone has deleted the file, by hand or with its folder."""
        try:
            return os.path.samestat(os.stat(self._path), os.fstat(self._descriptor))
        except FileNotFoundError:
            return False
