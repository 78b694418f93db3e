"""One growing file of lines: opened, repaired, closed, appended to and undone. The caller holds the lock.

It is opened for each commit and closed after it, so that nobody keeps the room of a file that was deleted or replaced
(an `open` and a `close` take 10 microseconds, a sync 400). Its other writers are processes that hold the same lock in
turn; readers and logrotate may do as they like. Raises OSError; what that means, the writer decides.
"""
from __future__ import annotations

import datetime
import fcntl
import os
from contextlib import suppress
from mmap import PAGESIZE
from pathlib import Path

from presence_receiver.storage import durable, rotation

PIECE = 1 << 20
FIRST_LINE = '{"receivedAt":"2026-11-22T20:15:00.123456Z"'
FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC


class LineFile:
    """The file `stem`.jsonl in a folder; `most_bytes` and `most_seconds` say when it is due to be closed."""

    def __init__(self, where: Path, stem: str, *, most_bytes: int, most_seconds: int, is_synced: bool) -> None:
        self._folder, self.stem = where, stem
        self.path = str(where / f"{stem}.jsonl")
        self._most_bytes, self._most_seconds = most_bytes, most_seconds
        self._is_synced = is_synced
        self._descriptor = -1
        self._known: tuple[int, int] | None = None
        self._whole, self._is_scanned = 0, False
        self._size = self._start = self._closed_count = 0

    def look(self) -> None:
        """Scan a file that this process does not know yet, without the lock; `open` then scans only what is new."""
        with suppress(FileNotFoundError):
            found = os.stat(self.path)
            if (found.st_dev, found.st_ino) != self._known:
                descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    self._remember(os.fstat(descriptor))
                    hole = _first_hole(descriptor, 0, found.st_size)
                    self._whole = found.st_size if hole is None else hole
                finally:
                    os.close(descriptor)

    def open(self) -> bytes:
        """Open the file of that name, unless it is open; return the torn tail that a crash left in it."""
        if self._descriptor < 0:
            self._reopen()
        hole = None
        if not self._is_scanned:
            hole = _first_hole(self._descriptor, min(self._whole, self._size), self._size)
            self._is_scanned = hole is None
        return self._torn(hole)

    def _reopen(self) -> None:
        self.forget()
        try:
            self._descriptor = os.open(self.path, FLAGS)
        except FileNotFoundError:
            self._descriptor = os.open(self.path, FLAGS | os.O_CREAT, durable.FILE_MODE)
            durable.sync_folder(self._folder)
        found = os.fstat(self._descriptor)
        self._size = found.st_size
        if (found.st_dev, found.st_ino) != self._known:
            self._remember(found)

    def _remember(self, found: os.stat_result) -> None:
        self._known = found.st_dev, found.st_ino
        self._whole, self._is_scanned = 0, False

    def forget(self) -> None:
        """Let go of the open file, if there is one; what a scan of it found is remembered."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            with suppress(OSError):  # what counts is synced
                os.close(descriptor)

    def _torn(self, hole: int | None) -> bytes:
        """All from the start of the first line that is not whole."""
        end = self._size if hole is None else hole
        if end == 0 or (hole is None and os.pread(self._descriptor, 1, end - 1) == b"\n"):
            return self._from(end)
        return self._from(_line_start(self._descriptor, end))

    def _from(self, offset: int) -> bytes:
        return os.pread(self._descriptor, self._size - offset, offset) if offset < self._size else b""

    def cut(self, count: int) -> None:
        """Take so many bytes off the end, for good."""
        self._size -= count
        os.ftruncate(self._descriptor, self._size)
        self.sync()

    def prepare(self, batch: int, now: datetime.datetime) -> None:
        """Close the file if it is due before `batch` bytes more, and note where they will begin."""
        self.close_if_due(batch, now)
        self._start = self._size

    def close_if_due(self, batch: int, now: datetime.datetime) -> None:
        """Close the file if it is full or old, and begin a new one."""
        if self.is_due(batch, now):
            self.close(now)
            self._reopen()

    def is_due(self, batch: int, now: datetime.datetime) -> bool:
        """Whether the open file is to be closed before `batch` bytes more."""
        return rotation.is_due(
            size=self._size, batch=batch, first=self._first_time(), now=now,
            most_bytes=self._most_bytes, most_seconds=self._most_seconds,
        )

    def _first_time(self) -> datetime.datetime | None:
        line = os.pread(self._descriptor, len(FIRST_LINE), 0).decode(errors="replace")
        try:
            return datetime.datetime.fromisoformat(line.split('"')[3])
        except (IndexError, ValueError):
            return None

    def close(self, now: datetime.datetime) -> None:
        """Give the file its closed name; whoever appends next begins a new one."""
        name = rotation.closed_name(self.stem, now, os.listdir(self._folder))
        os.rename(self.path, self._folder / name)
        self._closed_count += 1
        durable.sync_folder(self._folder)

    def take_closed_count(self) -> int:
        """How often it was closed since this was last asked."""
        count, self._closed_count = self._closed_count, 0
        return count

    def abandon(self, now: datetime.datetime) -> None:
        """Never write to the open file again: close it, or remove it where nothing is in it."""
        if self._start:
            self.close(now)
        else:
            os.unlink(self.path)
        self.forget()

    def write(self, batch: bytes) -> None:
        """Append all of it, not yet synced."""
        rest = memoryview(batch)
        while rest:
            rest = rest[os.write(self._descriptor, rest):]
        self._size += len(batch)

    def undo(self) -> None:
        """Take back all that was written since `prepare`."""
        os.ftruncate(self._descriptor, self._start)
        self._size = self._start

    def sync(self) -> None:
        """Return when what was written survives a power cut, unless the settings do without."""
        if not self._is_synced:
            return
        if hasattr(fcntl, "F_FULLFSYNC"):
            fcntl.fcntl(self._descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(self._descriptor)
        self._let_pages_go()

    def _let_pages_go(self) -> None:
        """Take the synced pages out of the kernel's cache, but the last: nobody needs them soon, others the memory.

        Else the cache of an endless file pushes out what is in use, and every write pays for memory to grow into.
        """
        start, end = (size // PAGESIZE * PAGESIZE for size in (self._start, self._size))
        if hasattr(os, "posix_fadvise") and end > start:
            with suppress(OSError):
                os.posix_fadvise(self._descriptor, start, end - start, os.POSIX_FADV_DONTNEED)


def _first_hole(descriptor: int, start: int, end: int) -> int | None:
    """Where the first zero byte stands: a power cut leaves them for what was not synced, JSON has none."""
    for offset in range(start, end, PIECE):
        found = os.pread(descriptor, PIECE, offset).find(b"\0")
        if found >= 0:
            return offset + found
    return None


def _line_start(descriptor: int, end: int) -> int:
    while end > 0:
        start = max(0, end - PIECE)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
